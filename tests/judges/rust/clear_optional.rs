//! The legal twin: an optional field takes both.
use judged::weather::{WeatherReports, WeatherReportsPatch};

fn main() {
    let _ = WeatherReports::patch().forecast(None);
    let _ = WeatherReportsPatch { forecast: ablo::Patch::Clear, ..WeatherReports::patch() };
}
