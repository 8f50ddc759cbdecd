//! `order_by` is an SQL expression.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(bootstrap(order_by = "created_at; DROP TABLE tasks"))]
pub struct Task {
    pub title: String,
}

fn main() {}
