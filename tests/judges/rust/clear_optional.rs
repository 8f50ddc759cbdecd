//! The legal twin: an optional field takes both.
use judged::weather::WeatherReports;

fn main() {
    let _ = WeatherReports::patch().forecast(None);
    let _ = WeatherReports::patch().forecast(ablo::Patch::Clear);
}
