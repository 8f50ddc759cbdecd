//! A table name longer than the 63 bytes of PostgreSQL.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(table = "tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt")]
pub struct Task {
    pub title: String,
}

fn main() {}
