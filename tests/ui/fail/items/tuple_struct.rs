//! A tuple struct as a model.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task(pub String);

fn main() {}
