//! A create of a type that is not a model.

struct Task;

fn send(create: ablo::Create<Task>) -> String {
    serde_json::to_string(&create).unwrap_or_default()
}

fn main() {
    let _ = send;
}
