//! Every attribute on the item that it belongs to.

use ablo::{AbloModel, Id, Model};

#[derive(AbloModel)]
#[ablo(key = "desks", typename = "Desk", table = "desks_v2", load = lazy, mutable, lazy_observable)]
#[ablo(plane = control, bootstrap(limit = 500, order_by = "created_at DESC"), persist = "store")]
pub struct Desk {
    #[ablo(
        indexed,
        unique,
        column = "desk_name",
        rename = "label",
        renamed_from = "title",
        number = 1
    )]
    pub name: String,
    pub above: Option<Id<Desk>>,
}

fn main() {
    assert_eq!((Desk::DESCRIPTOR.table, Desk::DESCRIPTOR.mutable), ("desks_v2", true));
    assert_eq!(Desk::NAME.name(), "label");
}
