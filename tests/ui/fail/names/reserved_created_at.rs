//! Every row has this field.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
    pub created_at: String,
}

fn main() {}
