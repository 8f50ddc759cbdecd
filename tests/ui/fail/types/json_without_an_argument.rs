//! `Json` without a type argument.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: ablo::Json,
}

fn main() {}
