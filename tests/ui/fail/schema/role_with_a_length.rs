//! `[]` of a list role must be empty.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
}

ablo::define_schema! {
    pub schema App { Task }
    roles { team: team_ids[2] }
}

fn main() {}
