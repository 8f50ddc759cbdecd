//! A `Model` bound that a plain struct does not satisfy.

use ablo::Model;

struct Task;

fn table<M: Model>() -> &'static str {
    M::DESCRIPTOR.table
}

fn main() {
    table::<Task>();
}
