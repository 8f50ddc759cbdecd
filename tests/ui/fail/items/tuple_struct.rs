//! Fields have names.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task(pub String);

fn main() {}
