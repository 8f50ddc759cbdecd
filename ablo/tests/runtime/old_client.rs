//! An older client reads a newer row, edits one field and writes the row. No other field may
//! change, byte for byte. The newer schema has all fields, each older schema some of them.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests fail loudly")]

use ablo::{
    AbloEnum, AbloModel, Decimal, Deltas, Id, Row, Timestamp, UnknownValue, Uuid, define_schema,
    wire,
};
use proptest::prelude::*;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

#[derive(AbloEnum, Clone, Debug, PartialEq)]
enum Stage {
    Draft,
    Final,
    #[ablo(other)]
    Other(UnknownValue),
}

/// Declares older schemas, each with some of the fields in its own order. All have `note`.
macro_rules! older {
    ($($module:ident { $($field:ident: $type:ty,)* })*) => {$(
        mod $module {
            use super::*;

            #[derive(AbloModel, Clone, Debug, PartialEq)]
            #[ablo(key = "things", typename = "Thing", mutable)]
            pub(super) struct Thing {
                $(pub(super) $field: $type,)*
                pub(super) note: Option<String>,
            }

            define_schema! { pub(super) schema Older { Thing } }

            pub(super) fn edit(text: &str, note: &str) -> String {
                let mut row: Row<Thing> = serde_json::from_str(text)
                    .unwrap_or_else(|error| panic!("{error}\n{text}"));
                row.data.note = Some(note.to_owned());
                serde_json::to_string(&row).unwrap()
            }

            /// The same through a delta.
            pub(super) fn edit_delta(text: &str, note: &str) -> String {
                let envelope = r#""id":1,"actionType":"U","modelName":"Thing","modelId":"t""#;
                let delta = format!(r#"{{{envelope},"data":{text}}}"#);
                let deltas = Deltas::read(Older::SCHEMA, &delta)
                    .unwrap_or_else(|error| panic!("{error}\n{delta}"));
                let mut row = deltas.get(0).unwrap().row::<Thing>().unwrap().to_row().unwrap();
                row.data.note = Some(note.to_owned());
                let written = wire::RawData::encode(&row).unwrap();
                written.get().to_owned()
            }
        }
    )*

    type Edit = fn(&str, &str) -> String;
    const OLDER: &[(Edit, Edit)] = &[$(($module::edit, $module::edit_delta)),*];
    };
}

older! {
    nothing {}
    texts { title: String, slug: Option<String>, }
    numbers { weight: f64, count: i32, share: Option<f32>, total: i64, natural: Option<u64>, }
    exact { price: Decimal, token: Option<Uuid>, done: bool, }
    others {
        parent_id: Option<Id<Thing>>, stage: Stage, made_at: Timestamp,
        blob: Option<serde_json::Value>,
    }
    renamed { outlook: Option<String>, gone: Option<f64>, title: String, }
    most {
        blob: Option<serde_json::Value>, made_at: Timestamp, total: i64, stage: Stage,
        title: String, done: bool, price: Decimal, weight: f64,
    }
}

/// Generates values as JSON text in the form that every writer uses.
fn value(name: &'static str) -> BoxedStrategy<String> {
    let json = |text: String| serde_json::to_string(&text).unwrap();
    let number = any::<f64>().prop_filter("JSON has no others", |number| number.is_finite());
    let number = number.prop_map(|number| serde_json::to_string(&number).unwrap());
    match name {
        "title" | "slug" | "note" => any::<String>().prop_map(json).boxed(),
        "weight" => number
            .prop_filter("whole numbers are written without a point", |text| !text.ends_with(".0"))
            .boxed(),
        "count" => any::<i32>().prop_map(|number| number.to_string()).boxed(),
        "share" => (1_u8..8).prop_map(|eighths| format!("{}", f64::from(eighths) / 8.0)).boxed(),
        "total" => any::<i64>().prop_map(|number| format!("\"{number}\"")).boxed(),
        "natural" => any::<u64>().prop_map(|number| format!("\"{number}\"")).boxed(),
        "price" => "-?[0-9]{1,40}(\\.[0-9]{1,20})?".prop_map(json).boxed(),
        "token" => {
            any::<u128>().prop_map(|number| format!("\"{}\"", Uuid::from_u128(number))).boxed()
        }
        "done" => any::<bool>().prop_map(|flag| flag.to_string()).boxed(),
        "parentId" => "[a-z_0-9]{1,12}".prop_map(json).boxed(),
        "stage" => prop_oneof![Just("draft".to_owned()), Just("final".to_owned()), any::<String>()]
            .prop_map(json)
            .boxed(),
        "madeAt" => (0_i64..4_000_000_000_000)
            .prop_map(|millis| {
                format!(
                    "\"{}\"",
                    Timestamp::from(jiff::Timestamp::from_millisecond(millis).unwrap())
                )
            })
            .boxed(),
        "blob" => prop_oneof![
            Just("{\"b\":1,\"a\":[null,{\"z\":\"\"}]}".to_owned()),
            Just("[18446744073709551615,-1]".to_owned())
        ]
        .boxed(),
        // Fields that no older schema knows may be written in any form.
        _ => prop_oneof![
            Just("{\"b\" : 1.0, \"a\":[1e400,\"\\u0041\"] }".to_owned()),
            Just("123456789012345678901234567890".to_owned()),
            Just("\"\\u00e9\\/\"".to_owned()),
            Just("null".to_owned()),
            number,
        ]
        .boxed(),
    }
}

const REQUIRED: [&str; 8] =
    ["title", "weight", "count", "total", "price", "done", "stage", "madeAt"];
const OPTIONAL: [&str; 10] =
    ["slug", "share", "natural", "token", "parentId", "blob", "note", "wind", "moon", "löwe"];

/// Generates the members of a newer row in any order.
fn newer() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let required: Vec<_> =
        REQUIRED.iter().map(|name| value(name).prop_map(move |text| Some((*name, text)))).collect();
    let optional: Vec<_> = OPTIONAL
        .iter()
        .map(|name| {
            let some = value(name).prop_map(move |text| Some((*name, text)));
            prop_oneof![3 => some, 1 => Just(Some((*name, "null".to_owned()))), 1 => Just(None)]
        })
        .collect();
    (required, optional).prop_flat_map(|(required, optional)| {
        let all: Vec<_> = required.into_iter().chain(optional).flatten().collect();
        Just(all).prop_shuffle()
    })
}

fn members(text: &str) -> BTreeMap<String, String> {
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).unwrap();
    members.into_iter().map(|(name, value)| (name, value.get().to_owned())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_older_client_changes_only_the_field_it_edits(row in newer(), note in any::<String>()) {
        let base = concat!(
            r#""id":"t","createdAt":"2026-06-01T08:00:00.000Z","#,
            r#""updatedAt":"2026-06-01T08:00:00.123456Z""#,
        );
        let quoted = |name: &str| serde_json::to_string(name).unwrap();
        let fields = row.iter().map(|(name, text)| format!("{}:{text}", quoted(name)));
        let fields: Vec<String> = fields.collect();
        let text = format!("{{{base},{}}}", fields.join(","));
        let mut expected = members(&text);
        expected.insert("note".to_owned(), serde_json::to_string(&note).unwrap());
        for (edit, edit_delta) in OLDER {
            prop_assert_eq!(&members(&edit(&text, &note)), &expected);
            prop_assert_eq!(&members(&edit_delta(&text, &note)), &expected);
        }
    }
}
