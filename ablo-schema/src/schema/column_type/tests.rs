//! Spellings of column types, and which of them widen others.

use super::*;

fn read(text: &str) -> ColumnType {
    ColumnType::read(text).unwrap_or_else(|| panic!("no type: {text}"))
}

#[test]
fn every_spelling_leads_to_the_canonical_one() {
    for (text, canonical) in [
        ("varchar", "character varying"),
        ("character varying(20)", "character varying(20)"),
        ("char", "character(1)"),
        ("bpchar(3)", "character(3)"),
        ("int", "integer"),
        ("INT2", "smallint"),
        ("float8", "double precision"),
        ("decimal( 10 , 2 )", "numeric(10,2)"),
        ("numeric(4)", "numeric(4,0)"),
        ("time(2) with time zone", "time(2) with time zone"),
        ("timetz", "time with time zone"),
        ("timestamptz(3)", "timestamp(3) with time zone"),
        ("timestamp  without time zone", "timestamp without time zone"),
        ("interval(0)", "interval(0)"),
        ("varchar(5)[]", "character varying(5)[]"),
        ("enum Mood", "enum Mood"),
    ] {
        assert_eq!(read(text).to_string(), canonical);
        assert_eq!(read(canonical).to_string(), canonical);
    }
    for text in ColumnType::EXAMPLES {
        assert_eq!(ColumnType::read(&read(text).to_string()), Some(read(text)));
    }
}

#[test]
fn other_texts_are_no_types() {
    for text in [
        "",
        "varchar(0)",
        "varchar(10485761)",
        "varchar(1,2)",
        "varchar(",
        "varchar(x)",
        "char(0)",
        "numeric(0)",
        "numeric(2,3)",
        "numeric(1001,0)",
        "numeric(1,2,3)",
        "timestamp(7)",
        "text[][]",
        "bytea[]",
        "json[]",
        "point",
        "uuid(3)",
        "enum ",
        "enum a.b.c",
        "enum \"a\"",
        "text; DROP TABLE a",
        "date)",
        "é",
    ] {
        assert_eq!(ColumnType::read(text), None, "{text}");
    }
}

#[test]
fn widening_keeps_every_value() {
    let pairs = [
        ("varchar(20)", "varchar(50)", true),
        ("varchar(20)", "text", true),
        ("varchar(50)", "varchar(20)", false),
        ("text", "varchar", true),
        ("text", "varchar(9)", false),
        ("char(3)", "varchar(3)", true),
        ("smallint", "bigint", true),
        ("bigint", "integer", false),
        ("integer", "double precision", true),
        ("bigint", "double precision", false),
        ("integer", "numeric(12,2)", true),
        ("integer", "numeric(11,2)", false),
        ("numeric(10,2)", "numeric(12,4)", true),
        ("numeric(10,2)", "numeric(11,4)", false),
        ("date", "timestamp", true),
        ("timestamp", "date", false),
        ("timestamp(3)", "timestamptz", true),
        ("timestamptz", "timestamp(3)", false),
        ("cidr", "inet", true),
        ("inet", "cidr", false),
        ("uuid", "text", true),
        ("text", "uuid", false),
        ("integer[]", "bigint[]", true),
        ("text", "text[]", false),
        ("enum mood", "text", true),
        ("enum mood", "varchar(20)", false),
        ("text", "enum mood", false),
    ];
    for (from, to, safe) in pairs {
        assert_eq!(read(from).widens_to(&read(to)), safe, "{from} to {to}");
    }
}
