//! `#[cfg]` on a schema, inside of the macro.

ablo::define_schema! {
    #[cfg(unix)]
    pub schema App {
        pub struct Task { pub title: String }
    }
}

fn main() {
    let _ = (App::SCHEMA, Task::patch());
}
