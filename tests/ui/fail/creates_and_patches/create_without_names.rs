//! A create without the names of its fields: two texts could be swapped.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Note {
    pub title: String,
    pub body: String,
}

fn main() {
    let (title, body) = ("Rain".to_owned(), "It rains.".to_owned());
    let _ = Note::create(body, title);
}
