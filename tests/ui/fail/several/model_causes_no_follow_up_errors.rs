//! One error in an attribute causes no further errors where the model is used.

use ablo::{AbloModel, Model, Row, define_schema};

#[derive(AbloModel, Clone, Debug)]
#[ablo(mutabel)]
pub struct Task {
    pub title: String,
    pub rank: Option<i32>,
}

define_schema! { pub schema App { Task } }

fn main() {
    let row: Row<Task> = serde_json::from_str("{}").unwrap();
    let _ = (&row.title, Task::DESCRIPTOR.key, Task::TITLE, App::SCHEMA);
    let _ = Task::patch().title("Write").rank(None);
    let _ = Task::create(TaskCreate { title: "Write".into() }).with(|it| it.rank(1));
}
