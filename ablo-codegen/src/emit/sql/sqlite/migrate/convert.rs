//! Conversions of values, as SQL that never fails: a value that does not fit becomes NULL.
//!
//! A conversion depends on a column's kind before and after and on the SQL of the value. SQLite
//! casts `12abc` to a number and `now` to a date, so each text is checked before it is converted.

use super::super::ddl::Rule;
use super::super::names::{Expr, Literal, Whole, expr};
use crate::shape::ColumnKind;
use ablo_schema::schema::Format;

/// The conversion of a column's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Conversion {
    /// Values are unchanged.
    Keep,
    /// Every value can be converted.
    Safe(Expr),
    /// Values that do not fit become NULL.
    Risky(Expr),
    /// Values cannot be converted; the column is recreated.
    Recreate,
}

/// The class of a kind, as far as conversions distinguish kinds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Text,
    Number,
    Boolean,
    Date,
    Enum,
    Json,
}

fn class(kind: ColumnKind<'_>) -> Class {
    match kind {
        ColumnKind::Text => Class::Text,
        ColumnKind::Enum(_) => Class::Enum,
        ColumnKind::Number => Class::Number,
        ColumnKind::Boolean => Class::Boolean,
        ColumnKind::Date => Class::Date,
        ColumnKind::Json => Class::Json,
        ColumnKind::Exact(format) if format.is_number() => Class::Number,
        ColumnKind::Exact(_) => Class::Text,
    }
}

/// Returns the conversion of a value between two kinds.
pub(crate) fn conversion(from: ColumnKind<'_>, to: ColumnKind<'_>, value: &Expr) -> Conversion {
    if from == to {
        return Conversion::Keep;
    }
    let words = matches!(class(from), Class::Text | Class::Enum);
    match to {
        ColumnKind::Text if from == ColumnKind::Json => Conversion::Keep,
        ColumnKind::Text => Conversion::Safe(text(from, value)),
        ColumnKind::Enum(allowed) => match from {
            ColumnKind::Enum(known) if known.iter().all(|value| allowed.contains(value)) => {
                Conversion::Keep
            }
            ColumnKind::Json => Conversion::Recreate,
            _ => Conversion::Risky(one_of(&text(from, value), allowed)),
        },
        ColumnKind::Json if words => {
            let text = text(from, value);
            Conversion::Safe(expr!(
                "CASE WHEN json_valid(",
                text,
                ") THEN ",
                text,
                " ELSE json_quote(",
                text,
                ") END"
            ))
        }
        ColumnKind::Boolean if words => Conversion::Risky(boolean(&text(from, value))),
        ColumnKind::Boolean if class(from) == Class::Number => {
            Conversion::Safe(expr!(value, " <> 0"))
        }
        ColumnKind::Date if words => Conversion::Risky(instant(&text(from, value))),
        ColumnKind::Json | ColumnKind::Boolean | ColumnKind::Date => Conversion::Recreate,
        ColumnKind::Number | ColumnKind::Exact(_) if class(to) == Class::Number => {
            if words && !is_whole(from) {
                let real = expr!("(", parsed(&text(from, value)), ")");
                let fits = fit(ColumnKind::Number, to, &expr!("r"));
                Conversion::Risky(expr!("(SELECT ", fits.0, " FROM (SELECT ", real, " AS r))"))
            } else if words || class(from) == Class::Number {
                numeric(from, to, value)
            } else {
                Conversion::Recreate
            }
        }
        ColumnKind::Exact(Format::Int64) if class(from) == Class::Number => {
            numeric(from, to, value)
        }
        ColumnKind::Exact(Format::Int64) => Conversion::Risky(int64(&text(from, value))),
        ColumnKind::Exact(Format::Uint64) => Conversion::Risky(uint64(&text(from, value))),
        ColumnKind::Exact(Format::Uuid) => Conversion::Risky(uuid(&text(from, value))),
        ColumnKind::Exact(Format::Decimal { digits }) => {
            Conversion::Risky(decimal(&plain(from, value), &Rule::Decimal(digits)))
        }
        // All other formats are numbers, which are handled above.
        ColumnKind::Number | ColumnKind::Exact(_) => Conversion::Recreate,
    }
}

/// Returns whether a column of this kind stores integers.
fn is_whole(kind: ColumnKind<'_>) -> bool {
    let ColumnKind::Exact(format) = kind else { return false };
    format.bounds().is_some() && format != Format::Uint64
}

/// Converts a value to text; a number gets the shortest digits that read back as it.
fn text(from: ColumnKind<'_>, v: &Expr) -> Expr {
    match from {
        ColumnKind::Boolean => expr!("CASE ", v, " WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"),
        kind if is_whole(kind) => expr!("CAST(", v, " AS TEXT)"),
        ColumnKind::Number | ColumnKind::Exact(Format::Float) => {
            let reads = |form: &'static str| {
                expr!(
                    "CAST(printf('",
                    form,
                    "', ",
                    v,
                    ") AS REAL) = ",
                    v,
                    " THEN printf('",
                    form,
                    "', ",
                    v,
                    ")"
                )
            };
            expr!(
                "CASE WHEN abs(",
                v,
                ") < 1e15 AND ",
                v,
                " = CAST(",
                v,
                " AS INTEGER) THEN CAST(CAST(",
                v,
                " AS INTEGER) AS TEXT) WHEN ",
                reads("%.15g"),
                " WHEN ",
                reads("%.16g"),
                " ELSE printf('%!.17g', ",
                v,
                ") END"
            )
        }
        _ => v.clone(),
    }
}

/// Converts a value to text without an exponent.
fn plain(from: ColumnKind<'_>, v: &Expr) -> Expr {
    let text = text(from, v);
    if !matches!(from, ColumnKind::Number | ColumnKind::Exact(Format::Float)) {
        return text;
    }
    let long = expr!("rtrim(rtrim(printf('%!.60f', ", v, "), '0'), '.')");
    expr!(
        "CASE WHEN instr(",
        text,
        ", 'e') = 0 THEN ",
        text,
        " WHEN CAST(",
        long,
        " AS REAL) = ",
        v,
        " THEN ",
        long,
        " END"
    )
}

/// Converts a number to another number format.
fn numeric(from: ColumnKind<'_>, to: ColumnKind<'_>, value: &Expr) -> Conversion {
    let (fitted, always) = fit(from, to, value);
    if always { Conversion::Safe(fitted) } else { Conversion::Risky(fitted) }
}

/// Returns the conversion of a number and whether every number fits.
fn fit(from: ColumnKind<'_>, to: ColumnKind<'_>, v: &Expr) -> (Expr, bool) {
    let bounds = |kind: ColumnKind<'_>| match kind {
        ColumnKind::Exact(format) => format.bounds(),
        _ => None,
    };
    match (bounds(from), bounds(to)) {
        (Some(was), Some(is)) if is.0 <= was.0 && was.1 <= is.1 => (v.clone(), true),
        (Some(_), Some((least, most))) => (if_between(v, v, least, most), false),
        (None, Some((least, most))) => {
            let whole = expr!("CAST(", v, " AS INTEGER)");
            // As a double, the largest 64-bit integer is rounded up by one.
            let fits = expr!(
                v,
                " = ",
                whole,
                " AND ",
                v,
                " < ",
                Whole(most),
                " + 1.0 AND ",
                v,
                " >= ",
                Whole(least)
            );
            (expr!("CASE WHEN ", fits, " THEN ", whole, " END"), false)
        }
        (Some(_), None) => (expr!("CAST(", v, " AS REAL)"), true),
        (None, None) if to == ColumnKind::Number => (v.clone(), true),
        (None, None) => {
            (expr!("CASE WHEN abs(", v, ") <= 3.4028234663852886e38 THEN ", v, " END"), false)
        }
    }
}

fn if_between(test: &Expr, value: &Expr, least: i128, most: i128) -> Expr {
    expr!(
        "CASE WHEN ",
        test,
        " BETWEEN ",
        Whole(least),
        " AND ",
        Whole(most),
        " THEN ",
        value,
        " END"
    )
}

fn one_of(text: &Expr, allowed: &[Box<str>]) -> Expr {
    let mut cases = expr!("(SELECT CASE WHEN v IN (");
    let values: Vec<_> = allowed.iter().map(|value| Literal::new(&**value)).collect();
    cases = expr!(
        cases,
        super::super::names::List(&values),
        ") THEN v END FROM (SELECT ",
        text,
        " AS v))"
    );
    cases
}

/// Removes white space at both ends.
fn trimmed(text: &Expr) -> Expr {
    expr!("trim(", text, ", char(9, 10, 11, 12, 13, 32))")
}

fn boolean(text: &Expr) -> Expr {
    expr!(
        "(SELECT CASE WHEN v IN ('true', 't', '1', 'yes', 'on') THEN 1 WHEN v IN ('false', 'f', \
         '0', 'no', 'off') THEN 0 END ",
        "FROM (SELECT lower(",
        trimmed(text),
        ") AS v))"
    )
}

/// Converts a text that is exactly one finite number.
fn parsed(text: &Expr) -> Expr {
    expr!(
        "SELECT CASE WHEN instr(v, char(0)) = 0 AND v NOT GLOB '*[^-+0-9.e]*' AND v NOT GLOB \
         '*e*e*' AND v NOT GLOB '*e*.*' \
         AND v NOT GLOB '*.*.*' AND v NOT GLOB '*[-+0-9.][-+]*' AND (v NOT GLOB '*e*' OR v GLOB \
         '*e*[0-9]') \
         AND substr(v, 1, instr(v || 'e', 'e') - 1) GLOB '*[0-9]*' \
         AND abs(CAST(v AS REAL)) <= 1.7976931348623157e308 THEN CAST(v AS REAL) END FROM (SELECT \
         lower(",
        trimmed(text),
        ") AS v)"
    )
}

/// Checks a text of digits with an optional sign, bound as `v`, and binds the digits without
/// leading zeros as `k`.
fn digits(text: &Expr, result: &Expr) -> Expr {
    expr!(
        "(SELECT CASE WHEN instr(v, char(0)) = 0 AND v NOT GLOB '?*[-+]*' AND ltrim(v, '-+') NOT \
         GLOB '*[^0-9]*' \
         AND ltrim(v, '-+') <> '' AND ",
        result,
        " END FROM (SELECT v, CASE WHEN ltrim(v, '-+0') = '' THEN '0' WHEN v GLOB '-*' THEN '-' || \
         ltrim(v, '-0') \
         ELSE ltrim(v, '+0') END AS k FROM (SELECT ",
        trimmed(text),
        " AS v)))"
    )
}

fn int64(text: &Expr) -> Expr {
    digits(text, &expr!("CAST(CAST(k AS INTEGER) AS TEXT) = k THEN CAST(k AS INTEGER)"))
}

fn uint64(text: &Expr) -> Expr {
    digits(text, &expr!(check_of(&Rule::Uint64, "k"), " THEN k"))
}

/// Returns the check of a rule on a constant name.
fn check_of(rule: &Rule<'_>, name: &'static str) -> Expr {
    rule.check(&name).unwrap_or_else(|| expr!("1"))
}

/// Converts a decimal number. If it does not satisfy the rule, zeros at its end are removed.
fn decimal(text: &Expr, rule: &Rule<'_>) -> Expr {
    expr!(
        "(SELECT CASE WHEN instr(v, char(0)) <> 0 OR v GLOB '?*[-+]*' OR b GLOB '*[^0-9.]*' OR b \
         GLOB '*.*.*' OR b NOT GLOB '*[0-9]*' \
         THEN NULL WHEN ",
        check_of(rule, "k"),
        " THEN k WHEN ",
        check_of(rule, "s"),
        " THEN s END \
         FROM (SELECT v, b, w || iif(f = '', '', '.' || f) AS k, w || iif(rtrim(f, '0') = '', '', \
         '.' || rtrim(f, '0')) AS s \
         FROM (SELECT v, b, iif(v GLOB '-*', '-', '') || coalesce(nullif(ltrim(substr(b, 1, \
         instr(b || '.', '.') - 1), '0'), ''), '0') AS w, \
         substr(b, instr(b || '.', '.') + 1) AS f \
         FROM (SELECT v, ltrim(v, '-+') AS b FROM (SELECT ",
        trimmed(text),
        " AS v)))))"
    )
}

fn uuid(text: &Expr) -> Expr {
    expr!(
        "(SELECT CASE WHEN instr(v, char(0)) = 0 AND length(v) = 32 AND v NOT GLOB '*[^0-9a-f]*' \
         THEN substr(v, 1, 8) || '-' || \
         substr(v, 9, 4) || '-' || substr(v, 13, 4) || '-' || substr(v, 17, 4) || '-' || substr(v, \
         21) END \
         FROM (SELECT replace(replace(replace(lower(",
        trimmed(text),
        "), '-', ''), '{', ''), '}', '') AS v))"
    )
}

/// Converts RFC 3339, also with a space instead of `T`, without an offset (UTC), without seconds,
/// or with a date only.
fn instant(text: &Expr) -> Expr {
    expr!(
        "(SELECT CASE WHEN moment GLOB '[0-9]*' THEN moment || '.' || substr(fraction || '000000', \
         1, 6) || 'Z' END FROM (\
         SELECT fraction, CASE WHEN clock IS strftime('%Y-%m-%dT%H:%M:%S', clock, '+0 days') AND \
         (zone IN ('', 'Z') OR \
         zone GLOB '[-+][0-9][0-9]:[0-9][0-9]') THEN strftime('%Y-%m-%dT%H:%M:%S', clock || zone, \
         '+0 days') END AS moment FROM (\
         SELECT clock, fraction, substr(rest, length(fraction) + 1 + (fraction <> '')) AS zone \
         FROM (\
         SELECT clock, rest, iif(rest GLOB '.[0-9]*', substr(rest, 2, length(rest) - 1 - \
         length(ltrim(substr(rest, 2), '0123456789'))), '') AS fraction FROM (\
         SELECT substr(v, 1, 10) || CASE WHEN length(v) = 10 THEN 'T00:00:00' WHEN substr(v, 11, \
         1) NOT IN ('T', ' ') THEN '' \
         WHEN length(v) = 16 THEN 'T' || substr(v, 12) || ':00' ELSE 'T' || substr(v, 12, 8) END \
         AS clock, substr(v, 20) AS rest \
         FROM (SELECT upper(",
        trimmed(text),
        ") AS v) WHERE instr(v, char(0)) = 0)))))"
    )
}
