//! Four errors in one model are all reported, each on its token.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(mutabel, load = lazzy)]
pub struct Task {
    pub title: &'static str,
    #[ablo(indexd)]
    pub done: bool,
}

fn main() {}
