//! The default exceeds the range of an `i64`.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(default = 9223372036854775808)]
    pub title: i64,
}

fn main() {}
