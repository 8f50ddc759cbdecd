//! Every facet on a field of a suitable type.

use ablo::{AbloModel, Decimal, Timestamp, Uuid};

#[derive(AbloModel)]
pub struct Item {
    #[ablo(default = "none", unique, number = 1)]
    pub title: String,
    #[ablo(column_type = "char(3)")]
    pub country: Option<String>,
    #[ablo(default = -128)]
    pub byte: i8,
    #[ablo(default = 9223372036854775807)]
    pub long: i64,
    #[ablo(default = 0.5)]
    pub share: f64,
    #[ablo(default = true)]
    pub open: bool,
    #[ablo(default = now)]
    pub at: Timestamp,
    #[ablo(default = 9.99, decimal(12, 2))]
    pub price: Decimal,
    #[ablo(default = "67e55044-10b1-426f-9247-bb680e5fe0c8", renamed_from = "tag")]
    pub key: Uuid,
}

fn main() {
    // A field with a default is not required in a create.
    let create = Item::create(ItemCreate {}).with(|it| it.byte(7));
    assert_eq!(serde_json::to_string(&create).unwrap(), r#"{"byte":7}"#);
}
