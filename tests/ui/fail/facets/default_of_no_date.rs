//! No point in time.

use ablo::{AbloModel, Timestamp};

#[derive(AbloModel)]
pub struct Task {
    #[ablo(default = "tomorrow")]
    pub title: Timestamp,
}

fn main() {}
