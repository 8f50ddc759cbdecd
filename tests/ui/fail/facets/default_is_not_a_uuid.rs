//! The default is not a UUID.

use ablo::{AbloModel, Uuid};

#[derive(AbloModel)]
pub struct Task {
    #[ablo(default = "1")]
    pub title: Uuid,
}

fn main() {}
