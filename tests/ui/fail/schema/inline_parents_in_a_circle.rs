//! Each is the other's parent.

ablo::define_schema! {
    pub schema App {
        pub struct Task {
            #[ablo(belongs_to = Item, parent)]
            pub item_id: ablo::Id<Item>,
        }
        pub struct Item {
            #[ablo(belongs_to = Task, parent)]
            pub task_id: ablo::Id<Task>,
        }
    }
}

fn main() {}
