//! Relations of fields and of structs, to other models and to the same model.

use ablo::{AbloModel, Id, Model};

#[derive(AbloModel)]
#[ablo(
    has_many(tasks = Task, foreign_key = desk_id, order_by = rank),
    has_one(lamp = Lamp, foreign_key = desk_id)
)]
pub struct Desk {
    pub name: String,
}

#[derive(AbloModel)]
pub struct Lamp {
    #[ablo(belongs_to, fk)]
    pub desk_id: Id<Desk>,
}

#[derive(AbloModel)]
#[ablo(belongs_to(author = Desk, foreign_key = author_id, enrich, defer))]
pub struct Task {
    #[ablo(belongs_to = Desk, parent, index, relation = "place")]
    pub desk_id: Id<Desk>,
    #[ablo(belongs_to)]
    pub above_id: Option<Id<Task>>,
    pub author_id: String,
    pub rank: f64,
}

fn main() {
    let names: Vec<&str> =
        Task::DESCRIPTOR.relations.iter().map(|relation| relation.name).collect();
    assert_eq!(names, ["place", "above", "author"]);
    assert_eq!(Desk::DESCRIPTOR.relations[0].target().key, "task");
}
