//! A foreign key that the target does not have.

ablo::define_schema! {
    pub schema App {
        #[ablo(has_many(items = Item, foreign_key = tsk_id))]
        pub struct Task { pub title: String }
        pub struct Item { pub task_id: String }
    }
}

fn main() {}
