//! A plain struct without `Json`.

use ablo::AbloModel;

pub struct Place {
    pub latitude: f64,
}

#[derive(AbloModel)]
pub struct Task {
    pub place: Option<Place>,
}

fn main() {}
