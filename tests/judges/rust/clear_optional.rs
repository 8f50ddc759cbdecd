//! The valid counterpart: an optional field accepts `None` and `Clear`.
use judged::weather::WeatherReports;

fn main() {
    let _ = WeatherReports::patch().forecast(None);
    let _ = WeatherReports::patch().forecast(ablo::Patch::Clear);
}
