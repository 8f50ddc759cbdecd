//! A required field does not accept `Clear`.
fn main() {
    let _ = judged::weather::WeatherReports::patch().location(ablo::Patch::Clear);
}
