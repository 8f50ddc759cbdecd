//! What the rows are.

use ablo::{AbloEnum, AbloModel, Decimal, Id, Json, Timestamp, UnknownValue, define_schema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A place where the weather is measured.
#[derive(AbloModel, Clone, Debug, PartialEq)]
#[ablo(key = "stations", mutable, scope)]
#[ablo(has_many(reports = WeatherReport, foreign_key = station_id, order_by = location))]
pub struct Station {
    /// What people call it.
    #[ablo(unique)]
    pub name: String,
    /// Degrees north.
    #[ablo(decimal(8, 5))]
    pub latitude: Decimal,
    /// Degrees east.
    #[ablo(decimal(8, 5))]
    pub longitude: Decimal,
    /// When it first measured.
    pub opened_at: Timestamp,
    /// How many readings it has sent: more than a double can count.
    #[ablo(default = 0)]
    pub readings: i64,
}

/// A forecast that people and agents both edit.
#[derive(AbloModel, Clone, Debug, PartialEq)]
#[ablo(key = "weatherReports", table = "weather_reports", mutable)]
pub struct WeatherReport {
    /// The place, as readers know it.
    #[ablo(indexed)]
    pub location: String,
    /// How far along it is.
    #[ablo(indexed, default = "pending")]
    pub status: Status,
    /// What the weather will be.
    pub forecast: Option<String>,
    /// How sure its author is, in percent.
    pub confidence: Option<u8>,
    /// What it rests on.
    pub sources: Option<Json<Vec<Source>>>,
    /// Where it was measured.
    #[ablo(belongs_to = Station, parent, index, fk)]
    pub station_id: Option<Id<Station>>,
}

/// How far along a report is.
#[derive(AbloEnum, Clone, Debug, PartialEq)]
pub enum Status {
    /// Somebody is on it.
    Pending,
    /// A person has to look at it.
    InReview,
    /// It can be published.
    Ready,
    /// What a newer version of this program says.
    #[ablo(other)]
    Other(UnknownValue),
}

/// What a report rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Where it was found.
    pub url: String,
    /// When somebody looked, ISO 8601.
    pub checked_at: Option<String>,
}

define_schema! {
    /// The weather service.
    pub schema Weather { Station, WeatherReport }
    roles { org: organization_id, user: user_id }
}
