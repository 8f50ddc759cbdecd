//! `entity_role` with an unknown field.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(entity_role(kind = "team", field = team_id))]
pub struct Task {
    pub title: String,
}

fn main() {}
