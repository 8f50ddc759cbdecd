//! Equality of JSON values, whatever their text: the databases store them differently.

use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Returns whether two texts are the same JSON value. Numbers of any width are compared by value,
/// and the order of members does not count.
pub(super) fn same_json(one: &str, other: &str) -> bool {
    match (parse(one), parse(other)) {
        (Json::Number(one), Json::Number(other)) => digits(one) == digits(other),
        (Json::List(one), Json::List(other)) => {
            one.len() == other.len()
                && one.iter().zip(&other).all(|(one, other)| same_json(one.get(), other.get()))
        }
        (Json::Object(one), Json::Object(other)) => {
            one.len() == other.len()
                && one.iter().zip(&other).all(|((name, one), (other_name, other))| {
                    name == other_name && same_json(one.get(), other.get())
                })
        }
        (Json::Other(one), Json::Other(other)) => one == other,
        _ => false,
    }
}

enum Json<'j> {
    Number(&'j str),
    List(Vec<Box<RawValue>>),
    Object(BTreeMap<String, Box<RawValue>>),
    /// A string, a boolean or null; also a text that is no JSON.
    Other(serde_json::Value),
}

fn parse(text: &str) -> Json<'_> {
    let text = text.trim();
    let or_text = |_| Json::Other(text.into());
    match text.as_bytes().first() {
        Some(b'[') => serde_json::from_str(text).map_or_else(or_text, Json::List),
        Some(b'{') => serde_json::from_str(text).map_or_else(or_text, Json::Object),
        Some(b'-' | b'0'..=b'9') => Json::Number(text),
        _ => serde_json::from_str(text).map_or_else(or_text, Json::Other),
    }
}

/// Returns the sign, the significant digits and the exponent of a number.
fn digits(number: &str) -> (bool, String, i64) {
    let (negative, bare) = number.strip_prefix('-').map_or((false, number), |bare| (true, bare));
    let (mantissa, exponent) = bare.split_once(['e', 'E']).unwrap_or((bare, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return (false, String::new(), 0);
    }
    let trailing = all.len() - all.trim_end_matches('0').len();
    // The number is 0.<digits> times ten to this exponent; longer texts are refused before.
    let length = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let exponent = exponent.saturating_add(length(trailing)).saturating_sub(length(fraction.len()));
    (negative, significant.to_owned(), exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_equal_whatever_their_text() {
        let same = [
            ("1", "1.0"),
            ("100", "1e2"),
            ("0", "-0.0"),
            ("18446744073709551616", "1.8446744073709551616E+19"),
            (r#""\u0061""#, r#""a""#),
            (r#"{"a":1,"b":[1.50]}"#, r#" { "b" : [1.5], "a" : 1 } "#),
        ];
        for (one, other) in same {
            assert!(same_json(one, other), "{one} and {other}");
        }
        let different = [
            ("18446744073709551616", "18446744073709551617"),
            ("1", "-1"),
            ("1", "\"1\""),
            ("[1,2]", "[2,1]"),
            (r#"{"a":1}"#, r#"{"b":1}"#),
            ("null", "false"),
        ];
        for (one, other) in different {
            assert!(!same_json(one, other), "{one} and {other}");
        }
    }
}
