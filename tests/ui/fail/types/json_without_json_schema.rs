//! The type in `Json` does not derive `JsonSchema`.

use ablo::{AbloModel, Json};

#[derive(serde::Serialize, serde::Deserialize)]
pub struct Place {
    pub latitude: f64,
}

#[derive(AbloModel)]
pub struct Task {
    pub place: Option<Json<Place>>,
}

fn main() {}
