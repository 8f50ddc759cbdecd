//! The values of a type that is not an open enum.

use ablo::OpenEnum;

enum Mood {
    Good,
}

fn values<E: OpenEnum>() -> &'static [&'static str] {
    E::VALUES
}

fn main() {
    let _ = Mood::Good;
    values::<Mood>();
}
