use facade::ablo;

#[derive(ablo::AbloModel, Clone, Debug, PartialEq)]
pub struct Task {
    pub title: String,
}

fn main() {}
