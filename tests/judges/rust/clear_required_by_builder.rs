//! A required field does not accept `None`.
fn main() {
    let _ = judged::weather::WeatherReports::patch().location(None);
}
