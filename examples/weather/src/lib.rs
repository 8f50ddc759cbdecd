//! Weather reports that forecasters and agents write together.
//!
//! `schema.rs` says what the rows are. Everything that must agree with it is generated: here by derives, in `generated/`
//! by the build script.

pub mod schema;

use ablo::{Create, Json};
use schema::{Source, Station, Status, WeatherReport, WeatherReportPatch};

/// A report that an agent begins.
///
/// # Errors
/// When a source cannot be written as JSON.
pub fn draft(
    location: &str,
    station: &ablo::Id<Station>,
    sources: &[Source],
) -> serde_json::Result<Create<WeatherReport>> {
    let sources = Json::new(&sources.to_vec())?;
    Ok(WeatherReport::create(location)
        .with(|report| report.station_id(station.clone()).sources(sources)))
}

/// What changes when a forecaster signs a report off: nothing else is touched.
#[must_use]
pub fn sign_off(forecast: &str, confidence: u8) -> WeatherReportPatch {
    WeatherReport::patch().status(Status::Ready).forecast(forecast).confidence(confidence)
}
