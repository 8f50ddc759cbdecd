//! The models of the weather service.

use ablo::{AbloEnum, AbloModel, Decimal, Id, Json, Timestamp, UnknownValue, define_schema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A weather station.
#[derive(AbloModel, Clone, Debug, PartialEq)]
#[ablo(key = "stations", mutable, scope)]
#[ablo(has_many(reports = WeatherReport, foreign_key = station_id, order_by = location))]
pub struct Station {
    /// The name of the station.
    #[ablo(unique)]
    pub name: String,
    /// The latitude in degrees north.
    #[ablo(decimal(8, 5))]
    pub latitude: Decimal,
    /// The longitude in degrees east.
    #[ablo(decimal(8, 5))]
    pub longitude: Decimal,
    /// When the station was opened.
    pub opened_at: Timestamp,
    /// The number of readings, which may exceed the integer range of a double.
    #[ablo(default = 0)]
    pub readings: i64,
}

/// A forecast that people and agents edit.
#[derive(AbloModel, Clone, Debug, PartialEq)]
#[ablo(key = "weatherReports", table = "weather_reports", mutable)]
pub struct WeatherReport {
    /// The place that the report is about.
    #[ablo(indexed)]
    pub location: String,
    /// The progress of the report.
    #[ablo(indexed, default = "pending")]
    pub status: Status,
    /// The expected weather.
    pub forecast: Option<String>,
    /// The author's confidence in percent.
    pub confidence: Option<u8>,
    /// The sources of the report.
    pub sources: Option<Json<Vec<Source>>>,
    /// The station that measured.
    #[ablo(belongs_to = Station, parent, index, fk)]
    pub station_id: Option<Id<Station>>,
}

/// The progress of a report.
#[derive(AbloEnum, Clone, Debug, PartialEq)]
pub enum Status {
    /// The report is being written.
    Pending,
    /// A person reviews the report.
    InReview,
    /// The report can be published.
    Ready,
    /// A status of a newer version of this program.
    #[ablo(other)]
    Other(UnknownValue),
}

/// A source of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// The address of the source.
    pub url: String,
    /// When the source was checked, ISO 8601.
    pub checked_at: Option<String>,
}

define_schema! {
    /// The weather service.
    pub schema Weather { Station, WeatherReport }
    roles { org: organization_id, user: user_id }
}
