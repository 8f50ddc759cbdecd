//! `isize`, whose width depends on the platform.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: isize,
}

fn main() {}
