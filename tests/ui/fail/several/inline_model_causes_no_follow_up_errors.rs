//! One error in a schema causes no further errors where it is used.

ablo::define_schema! {
    pub schema App {
        #[ablo(mutabel)]
        pub struct Task {
            pub title: String,
            pub state: State,
        }
        pub enum State { Open, Done }
    }
}

fn main() {
    let _ = Task::create(TaskCreate { title: "Write".into(), state: State::Open });
    let _ = (Task::patch().title("Read"), Task::TITLE, App::SCHEMA);
}
