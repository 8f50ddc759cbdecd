//! A required field takes no `None`.
fn main() {
    let _ = judged::weather::WeatherReports::patch().location(None);
}
