//! Weather reports that forecasters and agents write together.
//!
//! `schema.rs` declares the models. Derives generate the Rust code, and the build script writes the
//! other targets to `generated/`.

pub mod schema;

use ablo::{Create, Json};
use schema::{Source, Station, Status, WeatherReport, WeatherReportCreate, WeatherReportPatch};

/// Returns the draft of a report by an agent.
///
/// # Errors
/// Returns an error if a source cannot be serialized.
pub fn draft(
    location: &str,
    station: &ablo::Id<Station>,
    sources: &[Source],
) -> serde_json::Result<Create<WeatherReport>> {
    let sources = Json::new(&sources.to_vec())?;
    Ok(WeatherReport::create(WeatherReportCreate { location: location.to_owned() })
        .with(|report| report.station_id(station.clone()).sources(sources)))
}

/// Returns the patch with which a forecaster signs a report off.
#[must_use]
pub fn sign_off(forecast: &str, confidence: u8) -> WeatherReportPatch {
    WeatherReport::patch().status(Status::Ready).forecast(forecast).confidence(confidence)
}
