//! Models declared in Rust, derived and inline.
#![cfg(feature = "typed-json")]
#![deny(warnings)]
#![allow(missing_docs, unreachable_pub)]

use ablo::{
    AbloEnum, AbloModel, Decimal, Id, Json, Model, OpenEnum, Row, Timestamp, UnknownValue, Uuid,
    define_schema,
};

/// A weather station.
#[derive(AbloModel, Clone, Debug, PartialEq)]
#[ablo(key = "stations", table = "stations")]
#[ablo(has_many(reports = WeatherReport, foreign_key = station_id, order_by = location))]
pub struct Station {
    pub name: String,
    pub opened_at: Timestamp,
    pub reports_sent: i64,
    pub altitude: Option<f32>,
}

/// The progress of a report.
#[derive(AbloEnum, Clone, Debug, PartialEq)]
pub enum Status {
    Pending,
    #[ablo(value = "in review")]
    InReview,
    #[ablo(other)]
    Other(UnknownValue),
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    url: String,
    checked_at: Option<String>,
}

/// A forecast that people and agents edit.
#[derive(AbloModel, Clone, Debug, PartialEq)]
#[ablo(key = "weatherReports", mutable)]
pub struct WeatherReport {
    /// Where.
    pub location: String,
    #[ablo(indexed, default = "pending")]
    pub status: Status,
    pub forecast: Option<String>,
    #[ablo(decimal(12, 2))]
    pub price: Decimal,
    pub tracking: Option<Uuid>,
    pub sources: Option<Json<Vec<Source>>>,
    #[deprecated(note = "use `forecast`")]
    pub r#type: Option<serde_json::Value>,
    #[ablo(belongs_to = Station, parent, index)]
    pub station_id: Option<Id<Station>>,
}

define_schema! {
    /// The application.
    pub schema App { WeatherReport, Station }
    roles { org: organization_id, team: team_ids[] }
}

#[test]
fn a_derived_model_reads_creates_and_patches() {
    let text = concat!(
        r#"{"id":"r_1","createdAt":"2026-06-01T08:00:00.000Z","#,
        r#""updatedAt":"2026-06-01T08:00:00.000Z","location":"Oslo","status":"in review","#,
        r#""forecast":null,"price":"12345678901234567890.10","#,
        r#""tracking":"67e55044-10b1-426f-9247-bb680e5fe0c8","#,
        r#""sources":[{"url":"https://smhi.se","checkedAt":null,"new":1}],"type":{"z":1},"#,
        r#""stationId":"s_1","mood":"hopeful"}"#,
    );
    let row: Row<WeatherReport> = serde_json::from_str(text).unwrap();
    assert_eq!(row.status, Status::InReview);
    assert_eq!(row.price.to_string(), "12345678901234567890.10");
    assert_eq!(row.sources.as_ref().unwrap().get().unwrap()[0].url, "https://smhi.se");
    assert_eq!(serde_json::to_string(&row).unwrap(), text);
    let required = WeatherReportCreate { location: "Oslo".into(), price: "1.50".parse().unwrap() };
    let create = WeatherReport::create(required).with(|it| it.status(Status::Pending));
    assert_eq!(
        serde_json::to_string(&create).unwrap(),
        r#"{"location":"Oslo","status":"pending","price":"1.50"}"#
    );
    let patch = Station::patch().reports_sent(i64::MAX).altitude(1.5);
    assert_eq!(
        serde_json::to_string(&patch).unwrap(),
        r#"{"reportsSent":"9223372036854775807","altitude":1.5}"#
    );
}

#[test]
fn a_derived_schema_has_json_and_hashes() {
    assert_eq!(Status::VALUES, ["pending", "in review"]);
    assert_eq!(Station::DESCRIPTOR.relations[0].target().key, "weatherReports");
    let json = App::SCHEMA.to_json().unwrap();
    assert_eq!(App::SCHEMA.hashes().unwrap().schema.len(), 8);
    assert!(
        json.starts_with(concat!(
            r#"{"v":3,"models":{"weatherReports":{"fields":{"location":{"type":"string","#,
            r#""isOptional":false,"isIndexed":false,"description":"Where."},"#,
            r#""status":{"type":"enum","isOptional":false,"isIndexed":true,"#,
            r#""enumValues":["pending","in review"],"default":"pending"}"#,
        )),
        "{json}"
    );
}

mod inline {
    ablo::define_schema! {
        pub schema Inline {
            /// A task.
            #[ablo(key = "tasks", mutable)]
            pub struct Task {
                pub title: String,
                pub state: State,
                #[ablo(belongs_to)]
                pub parent_id: Option<ablo::Id<Task>>,
            }
            pub enum State { Open, Done }
        }
        roles { org: organization_id }
    }
}

/// The client's methods are the keys in snake case for derived and for inline models.
#[cfg(feature = "client")]
#[test]
fn derived_and_inline_models_have_the_same_client_methods() {
    use ablo::client::ModelClient;

    #[derive(AbloModel)]
    #[ablo(key = "people")]
    struct Person {
        name: String,
    }

    #[derive(AbloModel)]
    struct Category {
        name: String,
    }

    define_schema! { schema Derived { WeatherReport, people: Person, Category } }

    mod inline {
        ablo::define_schema! {
            pub schema Inline {
                #[ablo(key = "weatherReports")]
                pub struct WeatherReport { pub location: String }
                #[ablo(key = "people")]
                pub struct Person { pub name: String }
                pub struct Category { pub name: String }
            }
        }
    }

    let _: [fn(&DerivedClient) -> ModelClient<WeatherReport>; 1] = [DerivedClient::weather_reports];
    let _: [fn(&DerivedClient) -> ModelClient<Person>; 1] = [DerivedClient::people];
    let _: [fn(&DerivedClient) -> ModelClient<Category>; 1] = [DerivedClient::categories];
    let _: [fn(&inline::InlineClient) -> ModelClient<inline::WeatherReport>; 1] =
        [inline::InlineClient::weather_reports];
    let _: [fn(&inline::InlineClient) -> ModelClient<inline::Person>; 1] =
        [inline::InlineClient::people];
    let _: [fn(&inline::InlineClient) -> ModelClient<inline::Category>; 1] =
        [inline::InlineClient::categories];
}

#[test]
fn an_inline_schema_has_hashes_at_compile_time() {
    use inline::{Inline, State, Task, TaskCreate};
    let create = Task::create(TaskCreate { title: "Write".into(), state: State::Open });
    assert_eq!(serde_json::to_string(&create).unwrap(), r#"{"title":"Write","state":"open"}"#);
    let hashes = Inline::SCHEMA.hashes().unwrap();
    let json = Inline::SCHEMA.to_json().unwrap();
    let read = ablo_schema::front::json::read(&json).schema.unwrap();
    assert_eq!(ablo_schema::Hashes::of(&read).content.to_string(), hashes.content);
}
