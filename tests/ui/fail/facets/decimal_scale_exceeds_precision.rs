//! The scale exceeds the precision.

use ablo::{AbloModel, Decimal};

#[derive(AbloModel)]
pub struct Task {
    #[ablo(decimal(2, 12))]
    pub title: Decimal,
}

fn main() {}
