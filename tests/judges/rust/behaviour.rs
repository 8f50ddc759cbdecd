//! Behaviour of generated code. Copied into a scratch crate with the modules `weather` and `kinds`.
#![deny(warnings)]

use ablo::{Id, Model, OpenEnum, Row};
use judged::{kinds, weather};
use weather::{
    WeatherReports, WeatherReportsCreate, WeatherReportsPatch, WeatherReportsStatus,
};

const BASE: &str = concat!(
    r#""id":"r_1","createdAt":"2026-06-01T08:00:00.000Z","#,
    r#""updatedAt":"2026-06-01T08:00:00.000Z""#,
);

#[test]
fn an_update_preserves_unknown_members() {
    let known = r#""location":"Oslo","status":"retracted","forecast":null"#;
    let unknown = concat!(
        r#""archivedAt":null,"wind":{"b" : 1.0, "a":[1e400,"\u0041"]},"#,
        r#""n":123456789012345678901234567890"#,
    );
    let text = format!("{{{BASE},{known},{unknown}}}");
    let mut row: Row<WeatherReports> = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&row).unwrap(), text);
    row.data.forecast = Some("Rain".to_owned());
    let edited = text.replace(r#""forecast":null"#, r#""forecast":"Rain""#);
    assert_eq!(serde_json::to_string(&row).unwrap(), edited);
}

#[test]
fn unknown_enum_values_are_kept() {
    let status = WeatherReportsStatus::from("retracted");
    assert!(matches!(
        &status,
        WeatherReportsStatus::Unrecognized(value) if value.as_str() == "retracted"
    ));
    assert_eq!(serde_json::to_string(&status).unwrap(), r#""retracted""#);
    assert_eq!(
        serde_json::from_str::<WeatherReportsStatus>(r#""ready""#).unwrap(),
        WeatherReportsStatus::Ready
    );
    assert_eq!(WeatherReportsStatus::VALUES, ["pending", "ready"]);
}

#[test]
fn a_patch_has_three_states_on_the_wire() {
    let json = |patch: WeatherReportsPatch| serde_json::to_string(&patch).unwrap();
    assert_eq!(json(WeatherReports::patch()), "{}");
    assert_eq!(json(WeatherReports::patch().forecast(None)), r#"{"forecast":null}"#);
    assert_eq!(json(WeatherReports::patch().forecast("Rain")), r#"{"forecast":"Rain"}"#);
    assert_eq!(json(WeatherReports::patch().location("Oslo")), r#"{"location":"Oslo"}"#);
}

#[test]
fn creates_omit_absent_optionals() {
    let create = WeatherReports::create(WeatherReportsCreate {
        location: "Oslo".to_owned(),
        status: WeatherReportsStatus::Pending,
    });
    assert_eq!(
        serde_json::to_string(&create).unwrap(),
        r#"{"location":"Oslo","status":"pending"}"#
    );
    assert_eq!(create.id("r_7").id, Some(Id::new("r_7")));
}

#[test]
fn every_kind_of_field_round_trips() {
    let members = concat!(
        r#""text":"a\"b","count":1.5,"flag":true,"at":"2026-06-01T08:00:00.123456Z","kind":"b","#,
        r#""blob":{"z":1,"a":[]},"ref":"x","maybe":null,"maybeNull":-0.5,"renamed":"y""#,
    );
    let text = format!("{{{BASE},{members}}}");
    let row: Row<kinds::Samples> = serde_json::from_str(&text).unwrap();
    assert_eq!(row.r#ref, "x");
    assert_eq!(serde_json::to_string(&row).unwrap(), text);
    let columns: Vec<_> =
        kinds::Samples::DESCRIPTOR.fields.iter().map(|field| field.column).collect();
    assert_eq!(
        columns,
        [
            "text",
            "count",
            "flag",
            "at",
            "kind",
            "blob",
            "ref",
            "maybe",
            "maybe_null",
            "legacy_text"
        ]
    );
}

#[test]
fn the_descriptor_has_the_schema_hashes() {
    assert_eq!(weather::SCHEMA.models.len(), 1);
    assert_eq!(weather::SCHEMA.hashes().unwrap().content.len(), 64);
    assert_eq!(weather::SCHEMA.hashes().unwrap().schema, include_str!("schema_hash"));
}
