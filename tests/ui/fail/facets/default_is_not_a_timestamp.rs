//! The default is not a timestamp.

use ablo::{AbloModel, Timestamp};

#[derive(AbloModel)]
pub struct Task {
    #[ablo(default = "tomorrow")]
    pub title: Timestamp,
}

fn main() {}
