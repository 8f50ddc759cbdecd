//! Four faults in one model: each is reported, where it is.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(mutabel, load = lazzy)]
pub struct Task {
    pub title: &'static str,
    #[ablo(indexd)]
    pub done: bool,
}

fn main() {}
