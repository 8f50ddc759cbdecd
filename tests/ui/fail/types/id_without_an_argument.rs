//! `Id` without a type argument.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: ablo::Id,
}

fn main() {}
