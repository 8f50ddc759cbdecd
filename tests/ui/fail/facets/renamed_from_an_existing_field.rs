//! The previous name is another field of the model.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(renamed_from = "body")]
    pub title: String,
    pub body: String,
}

fn main() {}
