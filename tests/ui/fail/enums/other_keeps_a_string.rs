//! Only reading makes an unknown value.

use ablo::{AbloEnum, UnknownValue};

#[derive(AbloEnum)]
pub enum Mood {
    Good,
    #[ablo(other)]
    Other(String),
}

fn main() {}
