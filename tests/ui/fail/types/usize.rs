//! `usize`, whose width depends on the platform.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: usize,
}

fn main() {}
