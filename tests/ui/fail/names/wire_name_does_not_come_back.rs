//! A wire name whose column would be read as another.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(rename = "URLPath")]
    pub title: String,
}

fn main() {}
