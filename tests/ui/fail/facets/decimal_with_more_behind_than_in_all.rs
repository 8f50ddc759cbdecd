//! More digits behind the point than in all.

use ablo::{AbloModel, Decimal};

#[derive(AbloModel)]
pub struct Task {
    #[ablo(decimal(2, 12))]
    pub title: Decimal,
}

fn main() {}
