//! Tests of the application's creates, patches and rows.

use ablo::Row;
use weather::schema::{Source, Status, Weather, WeatherReport};

const ROW: &str = concat!(
    r#"{"id":"report_stockholm","createdAt":"2026-06-01T08:00:00.000Z","#,
    r#""updatedAt":"2026-06-01T08:00:00.000Z","location":"Stockholm","status":"retracted","#,
    r#""forecast":null,"confidence":80,"#,
    r#""sources":[{"url":"https://smhi.se","checkedAt":null,"by":"an agent"}],"#,
    r#""stationId":"station_arlanda","mood":"hopeful"}"#,
);

#[test]
fn drafts_and_sign_offs_have_the_expected_json() -> Result<(), Box<dyn std::error::Error>> {
    let source = Source { url: "https://smhi.se".into(), checked_at: None };
    let draft = weather::draft("Stockholm", &"station_arlanda".into(), &[source])?;
    assert_eq!(
        serde_json::to_string(&draft)?,
        concat!(
            r#"{"location":"Stockholm","sources":[{"url":"https://smhi.se","checkedAt":null}],"#,
            r#""stationId":"station_arlanda"}"#,
        )
    );
    let signed = weather::sign_off("Rain", 80);
    assert_eq!(
        serde_json::to_string(&signed)?,
        r#"{"status":"ready","forecast":"Rain","confidence":80}"#
    );
    Ok(())
}

#[test]
fn values_of_newer_programs_are_preserved() -> Result<(), Box<dyn std::error::Error>> {
    let row: Row<WeatherReport> = serde_json::from_str(ROW)?;
    assert!(matches!(&row.status, Status::Other(value) if value.as_str() == "retracted"));
    let sources = row.sources.as_ref().ok_or("it has sources")?.get()?;
    assert_eq!(sources[0].url, "https://smhi.se");
    assert_eq!(serde_json::to_string(&row)?, ROW);
    Ok(())
}

#[test]
fn the_generated_files_have_the_schema_of_the_program() -> Result<(), Box<dyn std::error::Error>> {
    let hashes = Weather::SCHEMA.hashes()?;
    let index = include_str!("../generated/typescript/index.ts");
    let descriptors = include_str!("../generated/typescript/descriptors.ts");
    assert!(format!("{index}{descriptors}").contains(&hashes.content), "{hashes:?}");
    Ok(())
}
