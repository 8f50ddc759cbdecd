//! Names that differ on the wire, in the database and in Rust.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(table = "the tasks")]
pub struct Task {
    #[ablo(rename = "subject", column = "task_title")]
    pub title: String,
    pub r#type: String,
    pub line_2: String,
}

fn main() {
    assert_eq!(
        Task::TITLE.descriptor().map(|field| (field.name, field.column)),
        Some(("subject", "task_title"))
    );
    assert_eq!((Task::TYPE.name(), Task::LINE_2.name()), ("type", "line2"));
}
