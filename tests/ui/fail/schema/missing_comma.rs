//! A comma between two models is missing.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
}

ablo::define_schema! {
    pub schema App { Task Desk }
}

fn main() {}
