//! Tests of field values.

use super::*;
use std::cmp::Ordering;

fn read(kind: &ValueKind, json: &str) -> Result<Cell, String> {
    kind.read(&RawValue::from_string(json.to_owned()).expect("the text is JSON"))
}

fn round_trip(kind: &ValueKind, json: &str) -> String {
    let mut out = String::new();
    kind.write(&read(kind, json).expect("the value fits"), &mut out);
    out
}

#[test]
fn values_round_trip() {
    for (kind, json) in [
        (ValueKind::Text, r#""a\"b\n""#),
        (ValueKind::Number, "1e+21"),
        (ValueKind::Number, "-0.5"),
        (ValueKind::Float, "0.1"),
        (ValueKind::Boolean, "true"),
        (ValueKind::Json, r#"{"b":1,"a":[1.50,null]}"#),
        (ValueKind::Integer(-128, 127), "-128"),
        (ValueKind::Int64, r#""-9223372036854775808""#),
        (ValueKind::Uint64, r#""18446744073709551615""#),
        (ValueKind::Decimal(None), r#""-123456789012345678901234567890.10""#),
        (ValueKind::Date, r#""2026-06-10T09:00:00.000Z""#),
        (ValueKind::Date, r#""2026-06-10T09:00:00.123456Z""#),
        (ValueKind::Date, r#""9999-12-31T23:59:59.999Z""#),
        (ValueKind::Uuid, r#""67e55044-10b1-426f-9247-bb680e5fe0c8""#),
    ] {
        assert_eq!(round_trip(&kind, json), json, "{kind:?}");
    }
    assert_eq!(
        round_trip(&ValueKind::Date, r#""2026-06-10T11:00:00+02:00""#),
        r#""2026-06-10T09:00:00.000Z""#
    );
    assert_eq!(round_trip(&ValueKind::Decimal(Some((5, 2))), r#""007.5""#), r#""7.50""#);
    assert_eq!(round_trip(&ValueKind::Decimal(None), r#""-0.0""#), r#""0.0""#);
    assert_eq!(
        round_trip(&ValueKind::Uuid, r#""67E5504410B1426F9247BB680E5FE0C8""#),
        r#""67e55044-10b1-426f-9247-bb680e5fe0c8""#
    );
}

#[test]
fn decimals_compare_numerically() {
    let ordered =
        ["-10", "-9.5", "-9.25", "-0.01", "0", "0.05", "0.5", "9", "10", "18446744073709551615"];
    for (at, one) in ordered.iter().enumerate() {
        for (other_at, other) in ordered.iter().enumerate() {
            assert_eq!(compare_decimals(one, other), at.cmp(&other_at), "{one} and {other}");
        }
    }
    assert_eq!(compare_decimals("1.5", "1.500"), Ordering::Equal);
}

#[test]
fn equality_ignores_database_representation() {
    let same = |kind: &ValueKind, one: Cell, other: Cell| {
        assert!(kind.same(&one, &other), "{one:?} and {other:?}")
    };
    same(&ValueKind::Boolean, Cell::Boolean(true), Cell::Integer(1));
    same(&ValueKind::Json, r#"{"b":1,"a":[1]}"#.into(), r#"{"a": [1], "b": 1}"#.into());
    same(&ValueKind::Json, Cell::Null, Cell::Null);
    assert!(!ValueKind::Text.same(&"a".into(), &Cell::Null));
}

#[test]
fn values_of_another_kind_are_rejected() {
    for (kind, json) in [
        (ValueKind::Text, "1"),
        (ValueKind::Text, r#""a\u0000b""#),
        (ValueKind::Json, r#"{"a\u0000":1}"#),
        (ValueKind::Json, r#""\ud800""#),
        (ValueKind::Json, "1e999"),
        (ValueKind::Number, "1e999"),
        (ValueKind::Number, r#""1""#),
        (ValueKind::Float, "1e39"),
        (ValueKind::Boolean, "1"),
        (ValueKind::Integer(0, 255), "256"),
        (ValueKind::Integer(0, 255), "1.5"),
        (ValueKind::Int64, "1"),
        (ValueKind::Uint64, r#""-1""#),
        (ValueKind::Decimal(Some((3, 2))), r#""10.00""#),
        (ValueKind::Decimal(None), r#""1.""#),
        (ValueKind::Decimal(None), r#""+1""#),
        (ValueKind::Date, r#""2026-06-10""#),
        (ValueKind::Date, r#""2026-06-10T09:00:00""#),
        (ValueKind::Date, r#""9999-12-31T23:59:59-01:00""#),
        (ValueKind::Date, r#""-000001-01-01T00:00:00Z""#),
        (ValueKind::Uuid, r#""67e5""#),
        (ValueKind::Enum(vec!["a".into()]), r#""b""#),
    ] {
        assert!(read(&kind, json).is_err(), "{kind:?} accepted {json}");
    }
    assert!(
        read(&ValueKind::Json, r#"{"a":"\\u0000"}"#).is_ok(),
        "an escaped backslash is not a NUL"
    );
}
