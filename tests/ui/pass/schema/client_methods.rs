//! A listed model has its plural or the default key, or the schema names its client method.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(key = "weatherReports")]
pub struct WeatherReport {
    pub location: String,
}

#[derive(AbloModel)]
pub struct Category {
    pub name: String,
}

mod people {
    #[derive(ablo::AbloModel)]
    #[ablo(key = "people")]
    pub struct Person {
        pub name: String,
    }
}

#[derive(AbloModel)]
#[ablo(key = "type")]
pub struct Kind {
    pub name: String,
}

ablo::define_schema! {
    pub schema App { WeatherReport, Category, people: people::Person, r#type: Kind }
}

fn main() {
    let keys: Vec<&str> = App::SCHEMA.models.iter().map(|model| model.key).collect();
    assert_eq!(keys, ["weatherReports", "category", "people", "type"]);
}
