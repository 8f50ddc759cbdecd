//! A type of the user with the name of a type of ablo.

use ablo::AbloModel;

pub struct Decimal(f64);

#[derive(AbloModel)]
pub struct Item {
    pub price: Decimal,
}

fn main() {}
