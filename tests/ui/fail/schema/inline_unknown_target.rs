//! A relation to a model that is not in the schema.

ablo::define_schema! {
    pub schema App {
        pub struct Task {
            #[ablo(belongs_to = Dsk)]
            pub desk_id: String,
        }
        pub struct Desk { pub name: String }
    }
}

fn main() {}
