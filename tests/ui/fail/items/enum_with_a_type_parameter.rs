//! An enum with a type parameter.

use ablo::{AbloEnum, UnknownValue};

#[derive(AbloEnum)]
pub enum Mood<T> {
    Good,
    Bad(T),
    #[ablo(other)]
    Other(UnknownValue),
}

fn main() {}
