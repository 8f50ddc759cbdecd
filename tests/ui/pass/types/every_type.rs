//! Every type of a field, required and optional.

use ablo::{
    AbloEnum, AbloModel, Decimal, Id, Json, Model, OpenEnum, Timestamp, UnknownValue, Uuid,
};

#[derive(AbloEnum, Clone, Debug, PartialEq)]
pub enum Mood {
    Good,
    #[ablo(other)]
    Other(UnknownValue),
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Place {
    pub latitude: f64,
}

macro_rules! all {
    ($($name:ident $optional:ident: $type:ty;)*) => {
        #[derive(AbloModel, Clone, Debug, PartialEq)]
        pub struct All {
            $(pub $name: $type, pub $optional: Option<$type>,)*
        }
    };
}

all! {
    text opt_text: String;
    truth opt_truth: bool;
    double opt_double: f64;
    single opt_single: f32;
    byte opt_byte: i8;
    short opt_short: i16;
    int opt_int: i32;
    ubyte opt_ubyte: u8;
    ushort opt_ushort: u16;
    uint opt_uint: u32;
    long opt_long: i64;
    ulong opt_ulong: u64;
    price opt_price: Decimal;
    key opt_key: Uuid;
    at opt_at: Timestamp;
    any opt_any: serde_json::Value;
    place opt_place: Json<Place>;
    places opt_places: Json<Vec<Place>>;
    mood opt_mood: Mood;
    desk opt_desk: Id<All>;
}

fn main() {
    assert_eq!(All::DESCRIPTOR.fields.len(), 40);
    assert_eq!(Mood::VALUES, ["good"]);
}
