//! `decimal` with one number instead of two.

use ablo::{AbloModel, Decimal};

#[derive(AbloModel)]
pub struct Task {
    #[ablo(decimal(12))]
    pub title: Decimal,
}

fn main() {}
