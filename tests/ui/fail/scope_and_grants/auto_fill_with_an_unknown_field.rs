//! `auto_fill` with an unknown field.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(auto_fill(titel = user_id))]
pub struct Task {
    pub title: String,
}

fn main() {}
