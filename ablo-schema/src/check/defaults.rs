//! Rules on defaults: the value is valid for the field's type and format.

use super::context::Context;
use super::facets::format_of;
use super::names::shown;
use crate::diag::{Code, SpanId};
use crate::raw::{RawField, RawKind};
use crate::schema::{Format, is_day, is_uuid};
use crate::value::Value;

/// The default that means the time of writing.
const NOW: &str = "now";

pub(super) fn check_defaults(cx: &mut Context<'_, '_>) {
    for field in cx.raw.models.iter().flat_map(|model| &model.fields) {
        let (Some(default), Some(kind)) = (&field.default, field.kind) else { continue };
        if default.value.contains_nul() {
            cx.diagnostics
                .push(
                    Code::FacetNulInDefault,
                    default.at,
                    format!("the default of field `{}` contains NUL", field.name.value),
                )
                .help("databases cannot store NUL in text; remove it");
            continue;
        }
        match (kind.value, &default.value) {
            (RawKind::String, Value::String(text)) => check_text(cx, field, text, default.at),
            (RawKind::Number, Value::Number(number)) => {
                check_number(cx, field, *number, default.at)
            }
            (RawKind::Enum, Value::String(value)) => check_enum(cx, field, value, default.at),
            (RawKind::Date, Value::String(text)) if **text == *NOW || is_date(text) => {}
            (RawKind::Date, Value::String(text)) => {
                let message = format!(
                    "the default `{}` of field `{}` is not a timestamp",
                    shown(text),
                    field.name.value
                );
                cx.diagnostics.push(Code::FacetDefaultWrongType, default.at, message).help(
                    "use an RFC 3339 timestamp such as `2026-06-01T08:00:00.000Z`, or `now` \
                        for the time of writing",
                );
            }
            (RawKind::Boolean, Value::Bool(_)) => {}
            (RawKind::Json, value) if *value != Value::Null => {}
            (wanted, _) => report_type(cx, field, wanted, default.at),
        }
    }
}

fn report_type(cx: &mut Context<'_, '_>, field: &RawField<'_>, wanted: RawKind, at: SpanId) {
    let help = match (wanted, format_of(field)) {
        (RawKind::Json, _) => "remove the default",
        (RawKind::String, Some(Format::Int64 | Format::Uint64 | Format::Decimal { .. })) => {
            "write it as a string of digits, so that JSON parsers do not round it"
        }
        (RawKind::String, _) => "use a string",
        (RawKind::Number, _) => "use a number",
        (RawKind::Boolean, _) => "use `true` or `false`",
        (RawKind::Date, _) => {
            "use an RFC 3339 timestamp such as `2026-06-01T08:00:00.000Z`, or `now`"
        }
        (RawKind::Enum, _) => "use one of the enum values",
    };
    let message = match wanted {
        RawKind::Json => format!("the default of field `{}` is null", field.name.value),
        RawKind::Enum => format!("the default of enum `{}` must be a string", field.name.value),
        _ => format!("the default of field `{}` is not a {}", field.name.value, wanted.as_str()),
    };
    cx.diagnostics.push(Code::FacetDefaultWrongType, at, message).help(help);
}

fn check_enum(cx: &mut Context<'_, '_>, field: &RawField<'_>, value: &str, at: SpanId) {
    // Invalid and missing values have been reported.
    let Some(values) = field.enum_values.as_ref().filter(|values| !values.value.is_empty()) else {
        return;
    };
    if values.value.iter().any(|known| known.value == value) {
        return;
    }
    let help = cx.suggest.help(value, values.value.iter().map(|known| known.value.as_ref()));
    let message =
        format!("the default `{}` is not a value of enum `{}`", shown(value), field.name.value);
    cx.diagnostics.push(Code::FacetDefaultNotInEnum, at, message).help =
        help.or_else(|| Some("use one of its values".to_owned()));
}

fn check_number(cx: &mut Context<'_, '_>, field: &RawField<'_>, number: f64, at: SpanId) {
    let format = format_of(field).filter(|format| format.is_number());
    match format.and_then(|format| Some((format, format.bounds()?))) {
        Some((format, (min, max))) => {
            #[expect(clippy::cast_precision_loss, reason = "the bounds of numbers have 32 bits")]
            let fits = (min as f64..=max as f64).contains(&number) && number.fract() == 0.0;
            if !fits {
                let help = format!("use a whole number from {min} to {max}");
                report_range(cx, field, format, &number.to_string(), at, help);
            }
        }
        None => {
            if format == Some(Format::Float) && number.abs() > f64::from(f32::MAX) {
                let help = format!("use a number from -{0:e} to {0:e}", f32::MAX);
                report_range(cx, field, Format::Float, &number.to_string(), at, help);
            }
        }
    }
}

fn check_text(cx: &mut Context<'_, '_>, field: &RawField<'_>, text: &str, at: SpanId) {
    let Some(format) = format_of(field).filter(|format| !format.is_number()) else { return };
    let (fits, help) = match (format, format.bounds()) {
        (Format::Decimal { digits }, _) => (is_decimal(text, digits), decimal_help(digits)),
        (Format::Uuid, _) => (
            is_uuid(text),
            "use the canonical form: `67e55044-10b1-426f-9247-bb680e5fe0c8`".to_owned(),
        ),
        (_, Some((min, max))) => (
            is_whole(text, min, max),
            format!("use digits without leading zeros, from {min} to {max}"),
        ),
        (_, None) => return,
    };
    if !fits {
        report_range(cx, field, format, text, at, help);
    }
}

fn report_range(
    cx: &mut Context<'_, '_>,
    field: &RawField<'_>,
    format: Format,
    value: &str,
    at: SpanId,
    help: String,
) {
    let message = format!(
        "the default `{}` of field `{}` does not match the format `{}`",
        shown(value),
        field.name.value,
        format.as_str()
    );
    cx.diagnostics.push(Code::FacetDefaultOutOfRange, at, message).help(help);
}

fn decimal_help(digits: Option<(u16, u16)>) -> String {
    match digits {
        None => {
            "use digits without leading zeros, with a decimal point before a fraction: `-12.50`"
                .to_owned()
        }
        Some((precision, scale)) => {
            format!(
                "use at most {} digits before the decimal point and {scale} after it",
                precision - scale
            )
        }
    }
}

/// Returns whether the text is digits without leading zeros or a plus sign.
fn is_digits(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'))
}

pub(crate) fn is_whole(text: &str, min: i128, max: i128) -> bool {
    is_digits(text.strip_prefix('-').unwrap_or(text))
        && text != "-0"
        && text.parse().is_ok_and(|number: i128| (min..=max).contains(&number))
}

/// Without digits, up to 1000 before and after the decimal point are allowed.
pub(crate) fn is_decimal(text: &str, digits: Option<(u16, u16)>) -> bool {
    let (precision, scale) = digits.unwrap_or((2000, 1000));
    let text = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) =
        text.split_once('.').map_or((text, None), |(whole, behind)| (whole, Some(behind)));
    let before = if whole == "0" { 0 } else { whole.len() };
    let behind = fraction.is_none_or(|digits| {
        !digits.is_empty()
            && digits.len() <= usize::from(scale)
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    is_digits(whole) && before <= usize::from(precision - scale) && behind
}

/// Returns whether the text is an RFC 3339 timestamp with at most six fractional digits and a year
/// that every database supports.
pub(crate) fn is_date(text: &str) -> bool {
    let number = |range: std::ops::Range<usize>| -> Option<u32> {
        let digits = text.get(range)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
    };
    let separated = [(10, b'T'), (13, b':'), (16, b':')]
        .iter()
        .all(|(at, byte)| text.as_bytes().get(*at) == Some(byte));
    let read = || {
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        Some(is_day(text.get(..10)?) && hour < 24 && minute < 60 && second < 60)
    };
    let rest = text.get(19..).unwrap_or_default();
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            if !(1..=6).contains(&digits) {
                return false;
            }
            &fraction[digits..]
        }
        None => rest,
    };
    separated && read() == Some(true) && is_zone(zone)
}

fn is_zone(text: &str) -> bool {
    let [sign, hours @ .., _, _, _] = text.as_bytes() else { return text == "Z" };
    let minutes = &text.as_bytes()[text.len() - 3..];
    let two = |digits: &[u8], below: u8| match digits {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => (tens - b'0') * 10 + ones - b'0' < below,
        _ => false,
    };
    matches!(sign, b'+' | b'-') && two(hours, 15) && minutes[0] == b':' && two(&minutes[1..], 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_plain_digits() {
        for text in ["0", "-0.5", "12.50", "1", &"9".repeat(1000)] {
            assert!(is_decimal(text, None), "{text}");
        }
        for text in
            ["", "-", ".5", "5.", "01", "+1", "1e3", "1.2.3", "--1", "１", &"9".repeat(1001)]
        {
            assert!(!is_decimal(text, None), "{text}");
        }
        assert!(is_decimal("-999.99", Some((5, 2))) && is_decimal("0.99", Some((2, 2))));
        assert!(!is_decimal("1000", Some((5, 2))) && !is_decimal("1", Some((2, 2))));
        assert!(!is_decimal("1.234", Some((5, 2))) && !is_decimal("1.0", Some((5, 0))));
    }

    #[test]
    fn whole_numbers_have_one_spelling() {
        let (min, max) = (i128::from(i64::MIN), i128::from(i64::MAX));
        for text in ["0", "-1", "9223372036854775807", "-9223372036854775808"] {
            assert!(is_whole(text, min, max), "{text}");
        }
        for text in ["", "-", "-0", "00", "+1", "9223372036854775808", "1.0", &"9".repeat(99)] {
            assert!(!is_whole(text, min, max), "{text}");
        }
    }

    #[test]
    fn dates_are_days_of_the_calendar() {
        for text in [
            "2026-06-01T08:00:00Z",
            "2024-02-29T23:59:59.999999+14:59",
            "0001-01-01T00:00:00.5-00:00",
        ] {
            assert!(is_date(text), "{text}");
        }
        for text in [
            "",
            "now",
            "2026-06-01",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-06-31T00:00:00Z",
            "2026-06-01T24:00:00Z",
            "2026-06-01T00:00:60Z",
            "2026-06-01T00:00:00",
            "2026-06-01T00:00:00.Z",
            "2026-06-01T00:00:00.1234567Z",
            "2026-06-01T00:00:00+15:00",
            "2026-06-01T00:00:00+1:00",
            "2026-06-01T00:00:00+01:0é",
            "2026-06-01 00:00:00Z",
            "2026-06-0éT00:00:00Z",
        ] {
            assert!(!is_date(text), "{text}");
        }
    }

    #[test]
    fn uuids_are_lower_case() {
        assert!(is_uuid("67e55044-10b1-426f-9247-bb680e5fe0c8"));
        assert!(
            !is_uuid("67E55044-10b1-426f-9247-bb680e5fe0c8")
                && !is_uuid("67e5504410b1426f9247bb680e5fe0c8")
        );
    }
}
