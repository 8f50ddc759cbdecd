//! PostgreSQL keeps 63 bytes of a name.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(table = "tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt")]
pub struct Task {
    pub title: String,
}

fn main() {}
