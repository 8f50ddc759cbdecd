//! A row is a row of a model.

struct Task;

fn main() {
    let _ = serde_json::from_str::<ablo::Row<Task>>("{}");
}
