//! A required field knows no `Clear`.
use judged::weather::{WeatherReports, WeatherReportsPatch};

fn main() {
    let _ = WeatherReportsPatch { location: ablo::Patch::Clear, ..WeatherReports::patch() };
}
