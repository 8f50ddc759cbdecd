//! A row of a type that is not a model.

struct Task;

fn main() {
    let _ = serde_json::from_str::<ablo::Row<Task>>("{}");
}
