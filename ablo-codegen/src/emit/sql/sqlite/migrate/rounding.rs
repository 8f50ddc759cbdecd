//! Rounds decimals, which SQLite has as text, half away from zero.

use super::super::ddl::Rule;
use super::super::names::{Expr, Whole, expr};
use crate::shape::ColumnKind;
use ablo_schema::schema::Format;

/// Returns a decimal with as many digits after the point as a kind has; NULL if it has too many
/// before it. A value that fits stays as it is.
pub(crate) fn rounded(to: ColumnKind<'_>, value: &Expr) -> Option<Expr> {
    let ColumnKind::Exact(Format::Decimal { digits: Some((precision, scale)) }) = to else {
        return None;
    };
    let rule = Rule::Decimal(Some((precision, scale)));
    let (fits, rounded_fits) = (rule.check(&"v")?, rule.check(&"k")?);
    let scale = Whole(scale.into());
    let zeros = |count: &Expr| expr!("substr(hex(zeroblob(", count, ")), 1, ", count, ")");
    let nines = expr!("length(d) - length(p)");
    let whole = expr!("length(r) - ", scale);
    // From the inside: the sign and the digits, those that stay and the next one, the digits in
    // front of trailing nines, the rounded digits.
    let parts = expr!(
        "SELECT v, g, substr(b, 1, instr(b || '.', '.') - 1) AS w, substr(b, instr(b || '.', '.') \
         + 1) AS f FROM (SELECT v, iif(v GLOB '-*', '-', '') AS g, ltrim(v, '-') AS b FROM \
         (SELECT ",
        value,
        " AS v))"
    );
    let kept = expr!(
        "SELECT v, g, n, d, rtrim(d, '9') AS p FROM (SELECT v, g, w || substr(f || ",
        zeros(&expr!(scale)),
        ", 1, ",
        scale,
        ") AS d, substr(f, ",
        scale,
        " + 1, 1) AS n FROM (",
        parts,
        "))"
    );
    let digits = expr!(
        "SELECT v, g, CASE WHEN n < '5' THEN d ELSE iif(p = '', '1', substr(p, 1, length(p) - 1) \
         || (CAST(substr(p, -1) AS INTEGER) + 1)) || ",
        zeros(&nines),
        " END AS r FROM (",
        kept,
        ")"
    );
    let text = expr!(
        "SELECT v, iif(trim(r, '0') = '', '', g) || substr(r, 1, ",
        whole,
        ") || iif(",
        scale,
        " = 0, '', '.' || substr(r, ",
        whole,
        " + 1)) AS k FROM (",
        digits,
        ")"
    );
    Some(expr!(
        "(SELECT CASE WHEN ",
        fits,
        " THEN v WHEN ",
        rounded_fits,
        " THEN k END FROM (",
        text,
        "))"
    ))
}
