//! `rename_all` is a word that serde knows.

use ablo::{AbloEnum, UnknownValue};

#[derive(AbloEnum)]
#[ablo(rename_all = "kebap-case")]
pub enum Mood {
    Good,
    #[ablo(other)]
    Other(UnknownValue),
}

fn main() {}
