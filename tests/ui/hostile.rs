//! The macros work in hostile environments: without a prelude, with the names of the prelude
//! redefined, and with all lints denied.
//!
//! Compiled once for each edition: `edition_2021` includes this file too.
#![deny(warnings, missing_docs, unused, unreachable_pub)]

/// Only explicitly named items are in scope.
mod bare {
    #![no_implicit_prelude]

    #[::core::prelude::v1::derive(::ablo::AbloModel)]
    #[ablo(
        key = "tasks",
        scope,
        tenancy(column = "org_id"),
        bootstrap(limit = 5),
        persist,
        required(title)
    )]
    #[ablo(auto_fill(author_id = user_id), has_many(items = Item, foreign_key = task_id))]
    pub(crate) struct Task {
        pub(crate) title: ::std::string::String,
        #[ablo(default = 1, unique, number = 1)]
        pub(crate) rank: ::core::option::Option<f64>,
        #[ablo(decimal(12, 2))]
        pub(crate) price: ::core::option::Option<::ablo::Decimal>,
        pub(crate) state: State,
        pub(crate) author_id: ::std::string::String,
    }

    #[::core::prelude::v1::derive(::ablo::AbloModel)]
    #[ablo(key = "items")]
    pub(crate) struct Item {
        #[ablo(belongs_to, parent)]
        pub(crate) task_id: ::ablo::Id<Task>,
    }

    #[::core::prelude::v1::derive(::ablo::AbloEnum, ::core::clone::Clone)]
    pub(crate) enum State {
        Open,
        #[ablo(other)]
        Other(::ablo::UnknownValue),
    }

    ::ablo::define_schema! { pub(crate) schema App { Task, Item } roles { org: organization_id } }

    pub(crate) mod inline {
        #![no_implicit_prelude]

        ::ablo::define_schema! {
            pub(crate) schema App {
                pub(crate) struct Note {
                    pub(crate) text: ::std::string::String,
                    pub(crate) mood: Mood,
                }
                pub(crate) enum Mood { Good, Bad }
            }
        }
    }
}

/// The names of the prelude are redefined.
mod taken {
    #![allow(dead_code, non_snake_case)]

    use ablo::{AbloEnum, AbloModel, Id, UnknownValue};

    pub(crate) struct Vec;
    pub(crate) struct Result;
    pub(crate) struct Box;
    pub(crate) trait Default {}
    pub(crate) trait Clone {}
    pub(crate) trait From {}
    pub(crate) trait Into {}
    pub(crate) trait Serialize {}
    pub(crate) fn Some() {}
    pub(crate) fn Ok() {}
    pub(crate) type String = std::string::String;
    pub(crate) type Option<T> = std::option::Option<T>;

    #[derive(AbloModel)]
    #[ablo(scope, bootstrap(limit = 5, order_by = "created_at DESC"), persist)]
    pub(crate) struct Task {
        /// The task.
        #[ablo(default = "nothing")]
        pub(crate) title: String,
        pub(crate) body: Option<String>,
        pub(crate) state: State,
        #[ablo(belongs_to, index, relation = "above")]
        pub(crate) parent_id: Option<Id<Task>>,
    }

    #[derive(AbloEnum)]
    pub(crate) enum State {
        None,
        Some,
        Ok,
        #[ablo(other)]
        Err(UnknownValue),
    }
}

/// Visibility, and models in modules, named by path.
mod seen {
    pub(crate) mod desks {
        #[derive(ablo::AbloModel)]
        #[ablo(key = "desks")]
        pub(crate) struct Desk {
            pub(super) name: String,
        }
    }

    pub(crate) mod tasks {
        use ablo::AbloModel;

        #[derive(AbloModel)]
        #[ablo(key = "tasks")]
        pub(crate) struct Task {
            title: String,
            #[ablo(belongs_to = super::desks::Desk)]
            desk_id: Option<ablo::Id<super::desks::Desk>>,
        }

        impl Task {
            pub(crate) fn words(&self) -> (&str, Option<&str>) {
                (&self.title, self.desk_id.as_ref().map(ablo::Id::as_str))
            }
        }
    }

    #[derive(ablo::AbloModel)]
    struct Hidden {
        secret: String,
    }

    ablo::define_schema! {
        pub(crate) schema App { tasks::Task, self::desks::Desk, Hidden }
        roles { org: organization_id, team: team_ids[] }
    }

    pub(crate) fn secret(hidden: &str) -> Option<String> {
        serde_json::from_str::<ablo::Row<Hidden>>(hidden).ok().map(|row| row.secret.clone())
    }

    pub(crate) fn name(desk: &desks::Desk) -> &str {
        &desk.name
    }
}

/// Keywords as names.
mod raw {
    #[derive(ablo::AbloModel)]
    pub(crate) struct r#Match {
        pub(crate) r#type: String,
        pub(crate) r#where: Option<f64>,
        pub(crate) state: r#Enum,
    }

    #[derive(ablo::AbloEnum)]
    #[allow(non_camel_case_types)]
    pub(crate) enum r#Enum {
        r#fn,
        #[ablo(other)]
        r#else(ablo::UnknownValue),
    }

    ablo::define_schema! { pub(crate) schema r#App { tasks: r#Match } }
}

#[test]
fn without_a_prelude() {
    let required = bare::TaskCreate {
        title: "Write".into(),
        state: bare::State::Open,
        author_id: "u_1".into(),
    };
    let task = bare::Task::create(required).with(|it| it.rank(2.0));
    assert_eq!(
        serde_json::to_string(&task).unwrap(),
        r#"{"title":"Write","rank":2,"state":"open","authorId":"u_1"}"#
    );
    let row: ablo::Row<bare::Task> =
        serde_json::from_str(&full(r#""title":"Write","state":"done","authorId":"u_1""#)).unwrap();
    assert!(
        matches!(&row.state, bare::State::Other(_)) && row.price.is_none() && row.rank.is_none()
    );
    assert_eq!((row.title.as_str(), row.author_id.as_str()), ("Write", "u_1"));
    let item: ablo::Row<bare::Item> = serde_json::from_str(&full(r#""taskId":"t_1""#)).unwrap();
    assert_eq!(item.task_id, "t_1");
    assert_eq!(bare::App::SCHEMA.hashes().unwrap().schema.len(), 8);
    let required = bare::inline::NoteCreate { text: "Rain".into(), mood: bare::inline::Mood::Bad };
    let note = bare::inline::Note::create(required);
    assert_eq!(serde_json::to_string(&note).unwrap(), r#"{"text":"Rain","mood":"bad"}"#);
    assert_eq!(bare::inline::App::SCHEMA.models.len(), 1);
}

#[test]
fn beside_names_of_the_prelude() {
    use ablo::Model;
    let task = taken::Task::create(taken::TaskCreate { state: taken::State::Some })
        .with(|it| it.body("Text").parent_id("t_1"));
    assert_eq!(
        serde_json::to_string(&task).unwrap(),
        r#"{"body":"Text","state":"some","parentId":"t_1"}"#
    );
    assert_eq!(taken::Task::DESCRIPTOR.bootstrap_limit, Some(5));
}

#[test]
fn in_modules() {
    let task: ablo::Row<seen::tasks::Task> =
        serde_json::from_str(&full(r#""title":"Write""#)).unwrap();
    assert_eq!(task.words(), ("Write", None));
    assert_eq!(seen::secret(&full(r#""secret":"x""#)).as_deref(), Some("x"));
    let desk: ablo::Row<seen::desks::Desk> =
        serde_json::from_str(&full(r#""name":"Blue""#)).unwrap();
    assert_eq!(seen::name(&desk), "Blue");
    assert!(seen::App::SCHEMA.to_json().is_ok());
}

#[test]
fn with_raw_identifiers() {
    let row: ablo::Row<raw::r#Match> =
        serde_json::from_str(&full(r#""type":"a","where":1,"state":"fn""#)).unwrap();
    assert_eq!((row.r#type.as_str(), row.r#where, row.state.as_str()), ("a", Some(1.0), "fn"));
    assert_eq!((raw::r#Match::TYPE.name(), raw::r#Match::WHERE.name()), ("type", "where"));
    assert!(raw::App::SCHEMA.to_json().unwrap().contains("\"match\""));
}

#[test]
fn inside_a_function() {
    #[derive(ablo::AbloModel)]
    #[ablo(has_many(items = Item, foreign_key = list_id))]
    struct List {
        name: String,
    }

    #[derive(ablo::AbloModel)]
    struct Item {
        #[ablo(belongs_to)]
        list_id: ablo::Id<List>,
        mood: Mood,
    }

    #[derive(ablo::AbloEnum)]
    enum Mood {
        Good,
        #[ablo(other)]
        Other(ablo::UnknownValue),
    }

    ablo::define_schema! { schema Local { List, Item } }

    assert!(Local::SCHEMA.hashes().is_ok());
    let item: ablo::Row<Item> =
        serde_json::from_str(&full(r#""listId":"l","mood":"good""#)).unwrap();
    assert!(item.list_id == "l" && matches!(item.mood, Mood::Good));
    let list: ablo::Row<List> = serde_json::from_str(&full(r#""name":"a""#)).unwrap();
    assert_eq!(list.name, "a");
}

fn full(fields: &str) -> String {
    let base =
        r#""id":"r_1","createdAt":"2026-06-01T08:00:00Z","updatedAt":"2026-06-01T08:00:00Z""#;
    format!("{{{base},{fields}}}")
}
