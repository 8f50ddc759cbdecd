//! `none` is misspelled.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(tenancy = nonne)]
pub struct Task {
    pub title: String,
}

fn main() {}
