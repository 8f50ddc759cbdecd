//! Generic code asks for a model.

use ablo::Model;

struct Task;

fn table<M: Model>() -> &'static str {
    M::DESCRIPTOR.table
}

fn main() {
    table::<Task>();
}
