//! The texts that a column of a type stores, as far as they are known without the database.

use super::ScalarType;
use std::net::IpAddr;

/// Checks the text of a value.
///
/// # Errors
/// Returns what is expected, to follow "is expected to be".
pub(super) fn check(of: ScalarType, text: &str) -> Result<(), String> {
    let fits = match of {
        ScalarType::Varchar(Some(limit)) => at_most(text, limit),
        ScalarType::Char(limit) => at_most(text, limit) && !text.ends_with(' '),
        ScalarType::Name => text.len() <= 63,
        ScalarType::Uuid => is_uuid(text),
        ScalarType::Smallint | ScalarType::Integer | ScalarType::Bigint => {
            let (least, most) = of.bounds().unwrap_or((i64::MIN, i64::MAX));
            let number = text.parse::<i64>().ok().filter(|number| number.to_string() == text);
            number.is_some_and(|number| (least..=most).contains(&number))
        }
        ScalarType::Date => is_endless(text) || is_day(text),
        ScalarType::Time(_) => is_time(text),
        ScalarType::TimeTz(_) => offset(text).is_some_and(is_time),
        ScalarType::Interval(_) => is_endless(text) || is_duration(text),
        ScalarType::Bytea => is_base64(text),
        ScalarType::Inet | ScalarType::Cidr => is_address(text),
        ScalarType::Macaddr => is_interface(text),
        _ => true,
    };
    if fits { Ok(()) } else { Err(expected(of)) }
}

fn expected(of: ScalarType) -> String {
    match of {
        ScalarType::Varchar(Some(limit)) => format!("at most {limit} characters"),
        ScalarType::Char(limit) => {
            format!("at most {limit} characters without a space at the end")
        }
        ScalarType::Name => "at most 63 bytes".to_owned(),
        ScalarType::Uuid => "a UUID in lower case with hyphens".to_owned(),
        ScalarType::Date => "a day such as `2026-06-01`".to_owned(),
        ScalarType::Time(_) => "a time of day such as `08:00:00`".to_owned(),
        ScalarType::TimeTz(_) => "a time of day with an offset such as `08:00:00+02`".to_owned(),
        ScalarType::Interval(_) => "a duration of ISO 8601 such as `P1DT2H`".to_owned(),
        ScalarType::Bytea => "base64 with padding".to_owned(),
        ScalarType::Inet => "an IP address such as `10.0.0.1` or `10.0.0.0/8`".to_owned(),
        ScalarType::Cidr => "a network such as `10.0.0.0/8`".to_owned(),
        ScalarType::Macaddr => "a MAC address such as `08:00:2b:01:02:03`".to_owned(),
        other => match other.bounds() {
            Some((least, most)) => {
                format!("digits without leading zeros, from {least} to {most}")
            }
            None => format!("a value of `{other}`"),
        },
    }
}

fn at_most(text: &str, limit: u32) -> bool {
    u32::try_from(text.chars().count()).is_ok_and(|length| length <= limit)
}

/// Returns whether the text is a UUID in its canonical form.
pub(crate) fn is_uuid(text: &str) -> bool {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| {
            if matches!(at, 8 | 13 | 18 | 23) { byte == b'-' } else { is_hex(byte) }
        })
}

fn is_endless(text: &str) -> bool {
    matches!(text, "infinity" | "-infinity")
}

/// Reads exactly this many digits.
fn number(text: &str, digits: usize) -> Option<u32> {
    let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// Returns whether the text is a day of the calendar, `YYYY-MM-DD`.
pub(crate) fn is_day(text: &str) -> bool {
    let mut parts = text.split('-');
    let (Some(year), Some(month), Some(day), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2))
    else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    year >= 1 && (1..=days).contains(&day)
}

/// Returns whether the text is a time of day, `HH:MM:SS` with up to six more digits.
fn is_time(text: &str) -> bool {
    let (clock, fraction) =
        text.split_once('.').map_or((text, None), |(clock, rest)| (clock, Some(rest)));
    let digits = |rest: &str| {
        (1..=6).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut parts = clock.split(':').map(|part| number(part, 2));
    let (Some(Some(hour)), Some(Some(minute)), Some(Some(second)), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    hour < 24 && minute < 60 && second < 60 && fraction.is_none_or(digits)
}

/// Returns the text before its offset, `+HH`, `+HH:MM` or `+HH:MM:SS`.
fn offset(text: &str) -> Option<&str> {
    let at = text.find(['+', '-'])?;
    let (clock, zone) = (text.get(..at)?, text.get(at + 1..)?);
    let parts: Vec<Option<u32>> = zone.split(':').map(|part| number(part, 2)).collect();
    let below = |(at, part): (usize, &Option<u32>)| {
        part.is_some_and(|part| part < if at == 0 { 16 } else { 60 })
    };
    ((1..=3).contains(&parts.len()) && parts.iter().enumerate().all(below)).then_some(clock)
}

/// Returns whether the text has the form of a duration of ISO 8601.
fn is_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('P') else { return false };
    let (days, clock) =
        rest.split_once('T').map_or((rest, None), |(days, clock)| (days, Some(clock)));
    let part = |text: &str, units: &str| {
        let mut left = units;
        let mut number = String::new();
        for character in text.chars() {
            if character.is_ascii_digit() || matches!(character, '.' | '-') {
                number.push(character);
                continue;
            }
            let Some(at) = left.find(character) else { return false };
            if number.parse::<f64>().is_err() {
                return false;
            }
            number.clear();
            left = left.get(at + 1..).unwrap_or_default();
        }
        number.is_empty()
    };
    let filled = !days.is_empty() || clock.is_some_and(|clock| !clock.is_empty());
    filled
        && part(days, "YMWD")
        && clock.is_none_or(|clock| !clock.is_empty() && part(clock, "HMS"))
}

fn is_base64(text: &str) -> bool {
    let data = text.trim_end_matches('=');
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    text.len().is_multiple_of(4) && text.len() - data.len() <= 2 && data.bytes().all(is_digit)
}

fn is_address(text: &str) -> bool {
    let (host, bits) = text.split_once('/').map_or((text, None), |(host, bits)| (host, Some(bits)));
    let Ok(host) = host.parse::<IpAddr>() else { return false };
    let most = if host.is_ipv4() { 32 } else { 128 };
    let plain =
        |bits: &str| bits.parse::<u8>().is_ok_and(|read| read.to_string() == bits && read <= most);
    bits.is_none_or(plain)
}

fn is_interface(text: &str) -> bool {
    let mut parts = 0;
    text.split(':').all(|part| {
        parts += 1;
        part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit())
    }) && parts == 6
}

#[cfg(test)]
mod tests {
    use super::super::ColumnType;

    #[test]
    fn texts_are_checked_by_type() {
        for (of, good, bad) in [
            ("varchar(3)", &["", "abc", "äöü"][..], &["abcd"][..]),
            ("char(3)", &["", "abc"], &["abcd", "a "]),
            ("smallint", &["0", "-32768"], &["", "32768", "007", "+1", "1.0", "-0"]),
            ("bigint", &["9223372036854775807"], &["9223372036854775808"]),
            (
                "uuid",
                &["67e55044-10b1-426f-9247-bb680e5fe0c8"],
                &["", "67e5504410b1426f9247bb680e5fe0c8"],
            ),
            (
                "date",
                &["2024-02-29", "infinity"],
                &["2023-02-29", "2024-2-9", "0000-01-01", "2024-01-01T00:00:00Z"],
            ),
            (
                "time",
                &["08:00:00", "23:59:59.123456"],
                &["24:00:01", "8:00:00", "08:00", "08:00:00.", "08:00:00+01"],
            ),
            (
                "timetz",
                &["08:00:00+02", "08:00:00.5-03:30"],
                &["08:00:00", "08:00:00+2", "08:00:00+02:"],
            ),
            (
                "interval",
                &["P1D", "PT0S", "P1Y2M3DT4H5M6.7S", "P-1D", "PT-1H"],
                &["", "P", "PT", "1 day", "P1H", "P1D1Y", "PD"],
            ),
            ("bytea", &["", "AA==", "AAA=", "AAAA"], &["A", "AA=", "A===", "AA\n="]),
            (
                "inet",
                &["10.0.0.1", "10.0.0.0/8", "::1/128"],
                &["10.0.0", "10.0.0.1/33", "a", "10.0.0.1/08"],
            ),
            ("macaddr", &["08:00:2b:01:02:03"], &["08:00:2b:01:02", "x", "08:00:2b:01:02:0g"]),
        ] {
            let of = ColumnType::read(of).unwrap_or_else(|| panic!("no type: {of}"));
            for text in good {
                assert_eq!(of.check(text), Ok(()), "{of} {text}");
            }
            for text in bad {
                assert!(of.check(text).is_err(), "{of} {text}");
            }
        }
    }
}
