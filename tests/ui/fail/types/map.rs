//! A map without `Json`.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: std::collections::BTreeMap<String, String>,
}

fn main() {}
