// A hand-written use of what generated code calls.

/// A forecast that humans and agents both edit.
#[derive(Clone, Debug, PartialEq)]
#[allow(dead_code, missing_docs, unreachable_pub)]
pub struct WeatherReport {
    /// Where.
    pub location: String,
    /// How far along it is.
    pub status: WeatherReportStatus,
    /// What the weather will be.
    pub forecast: Option<String>,
    /// How sure its author is.
    pub confidence: Option<f64>,
    /// Who measured.
    pub station_id: Option<::ablo::Id<Station>>,
}

::ablo::__private::open_enum! { pub enum WeatherReportStatus { Pending = "pending", Ready = "ready" } }

::ablo::__private::model! {
    pub WeatherReport, WeatherReportCreate, WeatherReportPatch,
    key = "weatherReports", type_name = "WeatherReport", table = "weather_reports", mutable = true;
    fields {
        0 location: String, LOCATION "location" "location" String;
        1 status: WeatherReportStatus, STATUS "status" "status" Enum(WeatherReportStatus), indexed = true;
        2 forecast?: String, FORECAST "forecast" "forecast" String;
        3 confidence?: f64, CONFIDENCE "confidence" "confidence" Number;
        4 station_id?: ::ablo::Id<Station>, STATION_ID "stationId" "station_id" String;
    }
    relations {
        "station" BelongsTo Station "stationId", parent = true;
    }
}

/// A place where the weather is measured.
#[derive(Clone, Debug, PartialEq)]
#[allow(dead_code, missing_docs, unreachable_pub)]
pub struct Station {
    /// What people call it.
    pub name: String,
    /// Metres above the sea.
    pub altitude: f64,
    /// When it was opened.
    pub opened_at: ::ablo::Timestamp,
    /// Whatever its makers say of it.
    pub details: Option<::ablo::Json>,
}

::ablo::__private::model! {
    pub Station, StationCreate, StationPatch,
    key = "stations", type_name = "Station", table = "stations";
    fields {
        0 name: String, NAME "name" "name" String;
        1 altitude: f64, ALTITUDE "altitude" "altitude" Number;
        2 opened_at: ::ablo::Timestamp, OPENED_AT "openedAt" "opened_at" Date;
        3 details?: ::ablo::Json, DETAILS "details" "details" Json, description = Some("Whatever its makers say of it.");
    }
    relations {
        "reports" HasMany WeatherReport "stationId", order_by = Some("location");
    }
}

::ablo::__private::schema! {
    /// The schema that these types belong to.
    pub static SCHEMA: "1f2e3d4c" "5b6a";
    models { WeatherReport, Station }
    identity_roles { "org" "organizationId" false }
}
