//! The values of an enum are texts.

use ablo::{AbloEnum, UnknownValue};

#[derive(AbloEnum)]
pub enum Mood<T> {
    Good,
    Bad(T),
    #[ablo(other)]
    Other(UnknownValue),
}

fn main() {}
