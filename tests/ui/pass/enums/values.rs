//! Derived and explicit values.

use ablo::{AbloEnum, OpenEnum, UnknownValue};

#[derive(AbloEnum, Clone, Debug, PartialEq)]
#[ablo(rename_all = "kebab-case")]
pub enum State {
    InReview,
    #[ablo(value = "all done")]
    Done,
    #[ablo(other)]
    Unlisted(UnknownValue),
}

fn main() {
    assert_eq!(State::VALUES, ["in-review", "all done"]);
    assert_eq!(State::from("all done"), State::Done);
    assert!(matches!(State::from("lost"), State::Unlisted(value) if value.as_str() == "lost"));
}
