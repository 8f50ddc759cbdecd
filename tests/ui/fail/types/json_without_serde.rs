//! The type in `Json` does not implement serde's traits.

use ablo::{AbloModel, Json};

#[derive(schemars::JsonSchema)]
pub struct Place {
    pub latitude: f64,
}

#[derive(AbloModel)]
pub struct Task {
    pub place: Json<Place>,
}

fn main() {}
