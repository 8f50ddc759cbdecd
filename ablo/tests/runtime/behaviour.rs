//! The behaviour of generated code, tested on hand-written calls of its macros.
#![deny(warnings)]

mod weather {
    include!("../weather.in");
}

use ablo::{
    FieldKind, FieldUpdate, Id, Model, OpenEnum, Patch, RelationKind, Row, Tenancy, Timestamp,
};
use weather::{
    SCHEMA, Station, StationCreate, WeatherReport, WeatherReportCreate, WeatherReportPatch,
    WeatherReportStatus,
};

const BASE: &str =
    r#""id":"r_1","createdAt":"2026-06-01T08:00:00.000Z","updatedAt":"2026-06-01T08:00:00.5Z""#;

fn report(members: &str) -> serde_json::Result<Row<WeatherReport>> {
    serde_json::from_str(&format!("{{{BASE},{members}}}"))
}

#[test]
fn a_row_deserializes_into_typed_fields() {
    let row = report(
        r#""location":"Oslo","status":"ready","forecast":null,"confidence":1,"stationId":"s_1""#,
    )
    .unwrap();
    assert_eq!(row.id, "r_1");
    assert_eq!(row.created_at, "2026-06-01T08:00:00Z".parse::<Timestamp>().unwrap());
    assert_eq!((row.organization_id.as_deref(), row.created_by.as_deref()), (None, None));
    assert_eq!(row.location, "Oslo");
    assert_eq!(row.status, WeatherReportStatus::Ready);
    assert_eq!(row.forecast, None);
    assert_eq!(row.confidence, Some(1.0));
    assert_eq!(row.station_id, Some(Id::new("s_1")));
    assert!(row.unknown.is_empty());
}

#[test]
fn absent_and_null_read_as_none_in_any_member_order() {
    let absent = report(r#""status":"ready","location":"Oslo""#).unwrap();
    let null = report(
        r#""stationId":null,"location":"Oslo","forecast":null,"status":"ready","confidence":null"#,
    )
    .unwrap();
    assert_eq!(absent, null);
}

#[test]
fn unknown_members_are_preserved_byte_for_byte() {
    let unknown = concat!(
        r#""wind":{"b" : 1.0, "a":[1e400,"\u0041"]},"moon":null,"#,
        r#""n":123456789012345678901234567890"#,
    );
    let mut row = report(&format!(r#""location":"Oslo",{unknown},"status":"ready""#)).unwrap();
    assert_eq!(row.unknown.get("moon"), Some("null"));
    row.data.forecast = Some("Rain".to_owned());
    let sent = serde_json::to_string(&row).unwrap();
    assert!(sent.ends_with(&format!(",{unknown}}}")), "{sent}");
    assert_eq!(serde_json::from_str::<Row<WeatherReport>>(&sent).unwrap(), row);
}

#[test]
fn base_fields_are_written_first_and_absent_fields_are_omitted() {
    let row = report(concat!(
        r#""organizationId":"org_1","stationId":null,"location":"Oslo","status":"ready","#,
        r#""forecast":null"#,
    ))
    .unwrap();
    assert_eq!(
        serde_json::to_string(&row).unwrap(),
        concat!(
            r#"{"id":"r_1","createdAt":"2026-06-01T08:00:00.000Z","#,
            r#""updatedAt":"2026-06-01T08:00:00.500Z","organizationId":"org_1","#,
            r#""location":"Oslo","status":"ready","forecast":null,"stationId":null}"#,
        )
    );
}

#[test]
fn unknown_enum_values_are_preserved() {
    let row = report(r#""location":"Oslo","status":"retracted""#).unwrap();
    assert!(
        matches!(&row.status, WeatherReportStatus::Unrecognized(it) if it.as_str() == "retracted")
    );
    assert_eq!(row.status.to_string(), "retracted");
    assert!(serde_json::to_string(&row).unwrap().contains(r#""status":"retracted""#));
    assert_eq!(WeatherReportStatus::VALUES, ["pending", "ready"]);
}

#[test]
fn errors_name_the_model_and_the_field() {
    let message = |members: &str| report(members).unwrap_err().to_string();
    assert_eq!(
        message(r#""location":7,"status":"ready""#),
        "`WeatherReport.location`: invalid type: integer `7`, \
         expected a string at line 1 column 100"
    );
    assert!(
        message(r#""location":null,"status":"ready""#)
            .starts_with("`WeatherReport.location`: invalid type: null")
    );
    assert!(message(r#""status":"ready""#).starts_with("`WeatherReport.location`: missing member"));
    let twice = r#""location":"Oslo","location":"Oslo","status":"ready""#;
    assert!(message(twice).starts_with("`WeatherReport.location`: duplicate member"));
    let id_twice = r#""id":"r_2","location":"Oslo","status":"ready""#;
    assert!(message(id_twice).starts_with("`WeatherReport.id`: duplicate member"));
    let no_id =
        serde_json::from_str::<Row<WeatherReport>>(r#"{"location":"Oslo","status":"ready"}"#)
            .unwrap_err();
    assert!(no_id.to_string().starts_with("`WeatherReport.id`: missing member"));
    assert!(
        serde_json::from_str::<Row<WeatherReport>>("[]")
            .unwrap_err()
            .to_string()
            .contains("a row of `WeatherReport`")
    );
}

#[test]
fn a_patch_keeps_clears_and_sets() {
    let json = |patch: WeatherReportPatch| serde_json::to_string(&patch).unwrap();
    assert_eq!(json(WeatherReport::patch()), "{}");
    assert_eq!(json(WeatherReport::patch().forecast("Rain")), r#"{"forecast":"Rain"}"#);
    assert_eq!(json(WeatherReport::patch().forecast(None)), r#"{"forecast":null}"#);
    assert_eq!(
        json(WeatherReport::patch().forecast(Some("Rain".to_owned()))),
        r#"{"forecast":"Rain"}"#
    );
    assert_eq!(json(WeatherReport::patch().forecast(Patch::Keep)), "{}");
    assert_eq!(
        json(WeatherReport::patch().location("Oslo").confidence(0.5)),
        r#"{"location":"Oslo","confidence":0.5}"#
    );
    assert_eq!(json(WeatherReport::patch().station_id("s_1")), r#"{"stationId":"s_1"}"#);
    assert_eq!(
        json(WeatherReport::patch().status(FieldUpdate::Set("late".into()))),
        r#"{"status":"late"}"#
    );
    assert_eq!(json(WeatherReport::patch().forecast("Rain").forecast(Patch::Keep)), "{}");
}

fn oslo(status: &str) -> ablo::Create<WeatherReport> {
    let status = WeatherReportStatus::from(status);
    WeatherReport::create(WeatherReportCreate { location: "Oslo".into(), status })
}

#[test]
fn a_create_serializes_set_fields_without_the_id() {
    let create = oslo("pending");
    assert_eq!(
        serde_json::to_string(&create).unwrap(),
        r#"{"location":"Oslo","status":"pending"}"#
    );
    let create = create.id("r_7").with(|it| it.forecast("Rain"));
    assert_eq!(create.id, Some(Id::new("r_7")));
    assert_eq!(
        serde_json::to_string(&create).unwrap(),
        r#"{"location":"Oslo","status":"pending","forecast":"Rain"}"#
    );
}

#[test]
fn a_patch_reads_three_states() {
    let read = |text: &str| serde_json::from_str::<WeatherReportPatch>(text);
    assert_eq!(read("{}").unwrap(), WeatherReport::patch());
    let patch = WeatherReport::patch()
        .forecast(None)
        .location("Oslo")
        .status(WeatherReportStatus::from("late"));
    let text = r#"{"location":"Oslo","status":"late","forecast":null}"#;
    assert_eq!(read(text).unwrap(), patch);
    assert_eq!(serde_json::to_string(&patch).unwrap(), text);
    for (text, message) in [
        (r#"{"location":null}"#, "`WeatherReport.location`: invalid type: null"),
        (r#"{"confidence":"high"}"#, "`WeatherReport.confidence`: invalid type: string"),
        (r#"{"locatoin":"Oslo"}"#, "`WeatherReport.locatoin`: unknown member"),
        (r#"{"id":"r_1"}"#, "`WeatherReport.id`: the coordinator sets this member"),
        (r#"{"createdBy":"u"}"#, "`WeatherReport.createdBy`: the coordinator sets this member"),
        (r#"{"location":"a","location":"b"}"#, "`WeatherReport.location`: duplicate member"),
        ("[]", "invalid type: sequence, expected a patch of `WeatherReport`"),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.starts_with(message), "{text}: {error}");
    }
}

#[test]
fn a_create_reads_its_id_and_required_fields() {
    let read = |text: &str| serde_json::from_str::<ablo::Create<WeatherReport>>(text);
    let create = read(r#"{"id":"r_7","location":"Oslo","status":"ready","forecast":null}"#);
    assert_eq!(create.unwrap().id, Some(Id::new("r_7")));
    let create = read(r#"{"status":"ready","forecast":"Rain","location":"Oslo"}"#).unwrap();
    assert_eq!(create, oslo("ready").with(|it| it.forecast("Rain")));
    for (text, message) in [
        (r#"{"location":"Oslo"}"#, "`WeatherReport.status`: missing member"),
        (r#"{"location":null,"status":"ready"}"#, "`WeatherReport.location`: invalid type: null"),
        (r#"{"location":"Oslo","mood":"good"}"#, "`WeatherReport.mood`: unknown member"),
        (r#"{"updatedAt":"now"}"#, "`WeatherReport.updatedAt`: the coordinator sets"),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.starts_with(message), "{text}: {error}");
    }
}

#[test]
fn creates_and_patches_compare_and_debug_by_their_json() {
    let patch = WeatherReport::patch().forecast(None).confidence(0.5);
    assert_eq!(patch, WeatherReport::patch().confidence(0.5).forecast(Patch::Clear));
    assert_ne!(patch, WeatherReport::patch().confidence(0.5));
    assert_eq!(format!("{patch:?}"), "WeatherReportPatch { forecast: null, confidence: 0.5 }");
    let create = oslo("ready").id("r_7");
    assert_ne!(create, oslo("ready"));
    let printed = r#"Create { id: "r_7", location: "Oslo", status: "ready" }"#;
    assert_eq!(format!("{create:?}"), printed);
}

#[test]
fn non_finite_numbers_are_errors() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(serde_json::to_string(&WeatherReport::patch().confidence(value)).is_err());
        let create = Station::create(StationCreate {
            name: "Arlanda".into(),
            altitude: value,
            opened_at: jiff::Timestamp::UNIX_EPOCH.into(),
        });
        let error = serde_json::to_string(&create).unwrap_err();
        assert!(
            error.to_string().starts_with("`Station.altitude`: JSON has no number "),
            "{error}"
        );
        let mut row = report(r#""location":"Oslo","status":"ready""#).unwrap();
        row.data.confidence = Some(value);
        assert!(serde_json::to_string(&row).is_err());
    }
}

#[test]
fn json_fields_keep_member_order_and_64_bits() {
    let details =
        r#"{"b":18446744073709551615,"a":[1.5,-9223372036854775808,{"z":null,"y":"\u0001"}]}"#;
    let opened_at = r#""openedAt":"1950-01-01T00:00:00.000001Z""#;
    let text = format!(r#"{{{BASE},"name":"A","altitude":1.5,{opened_at},"details":{details}}}"#);
    let row: Row<Station> = serde_json::from_str(&text).unwrap();
    let sent = serde_json::to_string(&row).unwrap();
    assert!(
        sent.ends_with(&format!(
            r#""openedAt":"1950-01-01T00:00:00.000001Z","details":{details}}}"#
        )),
        "{sent}"
    );
}

#[test]
fn descriptors_match_the_schema() {
    let model = WeatherReport::DESCRIPTOR;
    assert_eq!(
        (model.key, model.type_name, model.table),
        ("weatherReports", "WeatherReport", "weather_reports")
    );
    assert!(model.mutable && !Station::DESCRIPTOR.mutable);
    assert_eq!(model.tenancy, Tenancy::Column { column: "organization_id" });
    let shape: Vec<_> = model
        .fields
        .iter()
        .map(|field| (field.name, field.kind, field.optional, field.indexed))
        .collect();
    assert_eq!(
        shape,
        [
            ("location", FieldKind::String, false, false),
            ("status", FieldKind::Enum(&["pending", "ready"]), false, true),
            ("forecast", FieldKind::String, true, false),
            ("confidence", FieldKind::Number, true, false),
            ("stationId", FieldKind::String, true, false),
        ]
    );
    let station = model.relation("station").unwrap();
    assert_eq!(
        (station.kind, station.foreign_key, station.parent),
        (RelationKind::BelongsTo, "stationId", true)
    );
    assert_eq!(station.target().key, "stations");
    assert!(format!("{SCHEMA:?}").contains(r#"target: "weatherReports""#));
    assert!(SCHEMA.model("stations").is_some_and(|found| std::ptr::eq(found, Station::DESCRIPTOR)));
    assert!(SCHEMA.model_by_type_name("Station").is_some() && SCHEMA.model("Station").is_none());
}

#[test]
fn tokens_have_the_types_of_their_fields() {
    fn compare<M, T>(field: ablo::Field<M, T>, _with: T) -> &'static str {
        field.name()
    }
    assert_eq!(compare(WeatherReport::FORECAST, Some("Rain".to_owned())), "forecast");
    assert_eq!(compare(WeatherReport::STATUS, WeatherReportStatus::Ready), "status");
    assert_eq!(compare(Row::<WeatherReport>::ID, Id::new("r_1")), "id");
}

/// serde_json rounds to a neighbouring double without the feature `float_roundtrip`.
#[test]
fn doubles_keep_every_digit() {
    for number in ["1.4986430352407546e-115", "5e-324", "1.7976931348623157e308", "0.1"] {
        let row = report(&format!(r#""location":"Oslo","status":"ready","confidence":{number}"#))
            .unwrap();
        assert_eq!(row.confidence, number.parse().ok(), "{number}");
    }
}
