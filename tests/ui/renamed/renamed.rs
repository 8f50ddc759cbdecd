//! The macros find the crate under the name of the dependency, and where an attribute says it.
#![deny(warnings)]
#![allow(dead_code)]

/// Without an attribute.
mod found {
    #[derive(renamed::AbloModel, Clone, Debug, PartialEq)]
    pub(crate) struct Task {
        pub(crate) title: String,
        pub(crate) state: State,
    }

    #[derive(renamed::AbloEnum, Clone, Debug, PartialEq)]
    pub(crate) enum State {
        Open,
        #[ablo(other)]
        Other(renamed::UnknownValue),
    }

    renamed::define_schema! { pub(crate) schema App { Task } }

    pub(crate) mod inline {
        renamed::define_schema! {
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
}

/// A crate that re-exports ablo.
mod facade {
    pub(crate) use renamed as ablo;
}

/// With the path of the re-export.
mod named {
    use super::facade::ablo;

    #[derive(ablo::AbloModel)]
    #[ablo(crate = "crate::facade::ablo", key = "tasks")]
    pub(crate) struct Task {
        pub(crate) title: String,
        pub(crate) state: State,
    }

    #[derive(ablo::AbloEnum)]
    #[ablo(crate = crate::facade::ablo)]
    pub(crate) enum State {
        Open,
        #[ablo(other)]
        Other(ablo::UnknownValue),
    }

    ablo::define_schema! {
        #[ablo(crate = "super::facade::ablo")]
        pub(crate) schema App { Task }
    }
}

#[test]
fn the_crate_is_found_under_its_name() {
    let required = found::TaskCreate { title: "Write".into(), state: found::State::Open };
    let create = serde_json::to_string(&found::Task::create(required)).unwrap();
    assert_eq!(create, r#"{"title":"Write","state":"open"}"#);
    assert_eq!(found::App::SCHEMA.models.len() + found::inline::App::SCHEMA.models.len(), 2);
}

#[test]
fn an_attribute_names_the_crate() {
    let patch = serde_json::to_string(&named::Task::patch().state(named::State::Open)).unwrap();
    assert_eq!(patch, r#"{"state":"open"}"#);
    assert_eq!(named::App::SCHEMA.models.len(), 1);
}
