//! The macros without a dependency on the crate: an attribute names its re-export.
#![deny(warnings)]
#![allow(dead_code)]

use facade::ablo;

#[derive(ablo::AbloModel, Clone, Debug, PartialEq)]
#[ablo(crate = "facade::ablo", key = "tasks", mutable)]
pub(crate) struct Task {
    pub(crate) title: String,
    pub(crate) state: State,
    pub(crate) notes: Option<ablo::Json<Vec<String>>>,
}

#[derive(ablo::AbloEnum, Clone, Debug, PartialEq)]
#[ablo(crate = "facade::ablo")]
pub(crate) enum State {
    Open,
    #[ablo(other)]
    Other(ablo::UnknownValue),
}

ablo::define_schema! {
    #[ablo(crate = "facade::ablo")]
    pub(crate) schema App { Task }
}

mod inline {
    facade::ablo::define_schema! {
        #[ablo(crate = "facade::ablo")]
        pub(crate) schema App {
            pub(crate) struct Note {
                pub(crate) text: String,
                #[cfg(any())]
                pub(crate) gone: String,
                pub(crate) mood: Mood,
            }
            pub(crate) enum Mood { Good, Bad }
        }
    }
}

#[test]
fn an_attribute_names_the_crate_of_another_crate() {
    let required = TaskCreate { title: "Write".into(), state: State::Open };
    let create = serde_json::to_string(&Task::create(required)).unwrap();
    assert_eq!(create, r#"{"title":"Write","state":"open"}"#);
    let patch: TaskPatch = serde_json::from_str(r#"{"notes":null}"#).unwrap();
    assert_eq!(patch, Task::patch().notes(None));
    assert_eq!(App::SCHEMA.models.len() + inline::App::SCHEMA.models.len(), 2);
}

#[test]
fn without_an_attribute_one_error_says_what_to_write() {
    trybuild::TestCases::new().compile_fail("fail/*.rs");
}
