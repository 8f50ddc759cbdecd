//! A schema that names its models and one that declares them.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
}

mod rooms {
    #[derive(ablo::AbloModel)]
    pub struct Room {
        pub name: String,
    }
}

ablo::define_schema! {
    /// Names its models.
    pub schema Named { Task, rooms::Room, }
    roles { org: organization_id, team: team_ids[], }
}

ablo::define_schema! {
    pub(crate) schema Inline {
        #[ablo(key = "notes")]
        pub struct Note { pub text: String, pub mood: Mood }
        pub enum Mood { Good, Bad }
    }
}

ablo::define_schema! { schema Empty {} }

fn main() {
    assert_eq!(
        Named::SCHEMA.models.len() + Inline::SCHEMA.models.len() + Empty::SCHEMA.models.len(),
        3
    );
    assert!(Named::SCHEMA.hashes().is_ok() && Inline::SCHEMA.hashes().is_ok());
    let _ = Note::create(NoteCreate { text: "Rain".into(), mood: Mood::Bad });
}
