//! Subject and scope are relations of the model.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(grants(subject = user, scope = desk))]
pub struct Task {
    pub title: String,
}

fn main() {}
