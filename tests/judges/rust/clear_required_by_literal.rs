//! A required field knows no `Clear`.
fn main() {
    let _ = judged::weather::WeatherReports::patch().location(ablo::Patch::Clear);
}
