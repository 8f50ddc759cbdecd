//! Benchmarks the binary form against serde formats and prost.

use crate::data::{Kind, Order, batch};
use crate::json::{Touch, table, touch};
use crate::measure::{contender, measure};
use crate::models::SCHEMA;
use crate::peers::{self, Batch};
use crate::proto;
use ablo::{Deltas, Naming};
use prost::Message;
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::io::Write;

fn gzip(bytes: &[u8]) -> usize {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("writing to memory");
    encoder.finish().expect("writing to memory").len()
}

fn zstd(bytes: &[u8]) -> usize {
    zstd::bulk::compress(bytes, 3).expect("writing to memory").len()
}

fn all<D: Touch>(batch: &[D]) -> u64 {
    batch.iter().fold(0, |sum, delta| sum.wrapping_add(delta.touch()))
}

fn sizes(name: &str, forms: &[(&str, &[u8])], count: usize) {
    let per = |bytes: usize| bytes as f64 / count as f64;
    let json = forms[0].1;
    for (form, bytes) in forms {
        println!(
            "| {name}, {count} | {form} | {:.0} ({:.2}) | {:.0} ({:.2}) | {:.0} ({:.2}) |",
            per(bytes.len()),
            bytes.len() as f64 / json.len() as f64,
            per(gzip(bytes)),
            gzip(bytes) as f64 / gzip(json) as f64,
            per(zstd(bytes)),
            zstd(bytes) as f64 / zstd(json) as f64,
        );
    }
}

/// A batch encoded by every codec.
struct Encodings {
    json: String,
    same: Vec<u8>,
    described: Vec<u8>,
    postcard: Vec<u8>,
    rmp: Vec<u8>,
    bitcode: Vec<u8>,
    prost: Vec<u8>,
}

fn encode_all<'a, D, L>(json: &'a str) -> Encodings
where
    D: Serialize + Deserialize<'a> + bitcode::Encode,
    L: Message + Default + for<'b> From<&'b Vec<D>>,
{
    let ours = Deltas::read(&SCHEMA, json).expect("valid input");
    let theirs = sonic_rs::from_str::<Batch<D>>(json).expect("valid input").deltas;
    Encodings {
        json: json.to_owned(),
        same: ours.to_binary(Naming::SameSchema),
        described: ours.to_binary(Naming::Described),
        postcard: postcard::to_allocvec(&theirs).expect("valid input"),
        rmp: rmp_serde::to_vec(&theirs).expect("valid input"),
        bitcode: bitcode::encode(&theirs),
        prost: L::from(&theirs).encode_to_vec(),
    }
}

impl From<&Vec<peers::ReportDelta<'_>>> for proto::ReportList {
    fn from(deltas: &Vec<peers::ReportDelta<'_>>) -> Self {
        Self { deltas: deltas.iter().map(Into::into).collect() }
    }
}

impl From<&Vec<peers::ShipmentDelta<'_>>> for proto::ShipmentList {
    fn from(deltas: &Vec<peers::ShipmentDelta<'_>>) -> Self {
        Self { deltas: deltas.iter().map(Into::into).collect() }
    }
}

const NAMES: [&str; 7] =
    ["ablo", "ablo, described", "sonic-rs JSON", "bitcode", "postcard", "rmp-serde", "prost"];

macro_rules! contest {
    ($decode:ident, $encode:ident, $delta:ty, $list:ty) => {
        fn $decode(what: &str, forms: &Encodings, count: usize, head: bool) {
            let mut contenders = vec![
                contender(NAMES[0], || {
                    touch(&Deltas::read_binary(&SCHEMA, &forms.same).expect("valid input"))
                }),
                contender(NAMES[1], || {
                    touch(&Deltas::read_binary(&SCHEMA, &forms.described).expect("valid input"))
                }),
                contender(NAMES[2], || {
                    all(&sonic_rs::from_str::<Batch<$delta>>(&forms.json)
                        .expect("valid input")
                        .deltas)
                }),
                contender(NAMES[3], || {
                    all(&bitcode::decode::<Vec<$delta>>(&forms.bitcode).expect("valid input"))
                }),
                contender(NAMES[4], || {
                    all(&postcard::from_bytes::<Vec<$delta>>(&forms.postcard).expect("valid input"))
                }),
                contender(NAMES[5], || {
                    all(&rmp_serde::from_slice::<Vec<$delta>>(&forms.rmp).expect("valid input"))
                }),
                contender(NAMES[6], || {
                    <$list>::decode(forms.prost.as_slice()).expect("valid input").deltas.len()
                        as u64
                }),
            ];
            let times = measure(&mut contenders, count, 2_000_000 / (count * 40).max(2000));
            table(if head { &NAMES } else { &[] }, &times, what);
        }

        fn $encode(what: &str, forms: &Encodings, count: usize, head: bool) {
            let ours = Deltas::read(&SCHEMA, &forms.json).expect("valid input");
            let theirs = sonic_rs::from_str::<Batch<$delta>>(&forms.json).expect("valid input");
            let list = <$list>::from(&theirs.deltas);
            let mut contenders = vec![
                contender(NAMES[0], || black_box(ours.to_binary(Naming::SameSchema)).len() as u64),
                contender(NAMES[1], || black_box(ours.to_binary(Naming::Described)).len() as u64),
                contender(NAMES[2], || {
                    black_box(sonic_rs::to_vec(&theirs).expect("valid input")).len() as u64
                }),
                contender(NAMES[3], || black_box(bitcode::encode(&theirs.deltas)).len() as u64),
                contender(NAMES[4], || {
                    black_box(postcard::to_allocvec(&theirs.deltas).expect("valid input")).len()
                        as u64
                }),
                contender(NAMES[5], || {
                    black_box(rmp_serde::to_vec(&theirs.deltas).expect("valid input")).len() as u64
                }),
                contender(NAMES[6], || black_box(list.encode_to_vec()).len() as u64),
            ];
            let times = measure(&mut contenders, count, 2_000_000 / (count * 40).max(2000));
            table(if head { &NAMES } else { &[] }, &times, what);
        }
    };
}

contest!(decode_weather, encode_weather, peers::ReportDelta<'_>, proto::ReportList);
contest!(decode_fields, encode_fields, peers::ShipmentDelta<'_>, proto::ShipmentList);

/// Runs the benchmarks and prints the tables.
pub fn run() {
    let counts = [1000, 1, 100, 10_000];
    let texts: Vec<(String, String)> = counts
        .iter()
        .map(|count| {
            (
                batch(Kind::Weather, Order::Schema, *count),
                batch(Kind::Fields20, Order::Schema, *count),
            )
        })
        .collect();
    let all: Vec<(usize, Encodings, Encodings)> = counts
        .iter()
        .zip(&texts)
        .map(|(count, (weather, fields))| {
            let weather = encode_all::<peers::ReportDelta<'_>, proto::ReportList>(weather);
            (*count, weather, encode_all::<peers::ShipmentDelta<'_>, proto::ShipmentList>(fields))
        })
        .collect();
    println!("\nBinary, decode: ns per delta (ratio to ablo)\n");
    for (count, weather, fields) in &all {
        decode_weather(&format!("weather, batch of {count}"), weather, *count, *count == 1000);
        decode_fields(&format!("20 fields, batch of {count}"), fields, *count, false);
    }
    println!("\nBinary, encode: ns per delta (ratio to ablo)\n");
    for (count, weather, fields) in &all {
        encode_weather(&format!("weather, batch of {count}"), weather, *count, *count == 1000);
        encode_fields(&format!("20 fields, batch of {count}"), fields, *count, false);
    }
    println!(
        "\nBytes per delta (ratio to JSON)\n\n\
         | batch | form | raw | gzip | zstd |\n|---|---|---|---|---|"
    );
    for (count, weather, fields) in &all {
        for (name, forms) in [("weather", weather), ("20 fields", fields)] {
            let list: [(&str, &[u8]); 7] = [
                ("JSON", forms.json.as_bytes()),
                ("ablo", &forms.same),
                ("ablo, described", &forms.described),
                ("bitcode", &forms.bitcode),
                ("postcard", &forms.postcard),
                ("rmp-serde", &forms.rmp),
                ("prost", &forms.prost),
            ];
            sizes(name, &list, *count);
        }
    }
}
