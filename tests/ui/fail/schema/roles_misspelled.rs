//! `roles` is misspelled.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
}

ablo::define_schema! {
    pub schema App { Task }
    role { org: organization_id }
}

fn main() {}
