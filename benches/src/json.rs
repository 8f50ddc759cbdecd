//! Benchmarks decoding and encoding of JSON.

use crate::data::{Kind, Order, batch};
use crate::measure::{Contender, contender, measure};
use crate::models::{SCHEMA, Shipment, WeatherReport};
use crate::peers::{self, Batch, owned};
use ablo::{ActorRef, Deltas, Row, RowRef};
use serde::{Deserialize, Serialize};
use std::hint::black_box;

fn text(text: Option<&str>) -> u64 {
    text.map_or(0, |text| text.len() as u64)
}

fn actor(actor: Option<ActorRef<'_>>) -> u64 {
    actor.map_or(0, |actor| (actor.kind.len() + actor.id.len()) as u64)
}

fn date(at: Option<ablo::Timestamp>) -> u64 {
    at.map_or(0, |at| at.into_jiff().as_second() as u64)
}

fn report(row: RowRef<'_, '_, WeatherReport>) -> u64 {
    text(row.get(Row::<WeatherReport>::ID))
        + date(row.get(Row::<WeatherReport>::CREATED_AT))
        + date(row.get(Row::<WeatherReport>::UPDATED_AT))
        + text(row.get(WeatherReport::LOCATION))
        + row
            .get(WeatherReport::STATUS)
            .map_or(0, |status| u64::from(status == crate::models::WeatherReportStatus::Ready))
        + text(row.get(WeatherReport::FORECAST).flatten())
        + row.get(WeatherReport::CONFIDENCE).flatten().map_or(0, f64::to_bits)
        + text(row.get(WeatherReport::STATION_ID).flatten())
}

fn shipment(row: RowRef<'_, '_, Shipment>) -> u64 {
    let number = |number: Option<f64>| number.map_or(0, f64::to_bits);
    text(row.get(Row::<Shipment>::ID))
        + date(row.get(Row::<Shipment>::CREATED_AT))
        + date(row.get(Row::<Shipment>::UPDATED_AT))
        + text(row.get(Shipment::REFERENCE))
        + row
            .get(Shipment::STATUS)
            .map_or(0, |status| u64::from(status == crate::models::ShipmentStatus::Draft))
        + row
            .get(Shipment::PRIORITY)
            .map_or(0, |priority| u64::from(priority == crate::models::ShipmentPriority::Low))
        + text(row.get(Shipment::CUSTOMER_ID))
        + text(row.get(Shipment::CARRIER_NAME))
        + text(row.get(Shipment::ORIGIN))
        + text(row.get(Shipment::DESTINATION))
        + number(row.get(Shipment::WEIGHT))
        + number(row.get(Shipment::VOLUME))
        + number(row.get(Shipment::PRICE))
        + number(row.get(Shipment::INSURED_VALUE).flatten())
        + number(row.get(Shipment::LATITUDE))
        + number(row.get(Shipment::LONGITUDE))
        + row.get(Shipment::FRAGILE).map_or(0, u64::from)
        + date(row.get(Shipment::PICKED_UP_AT))
        + date(row.get(Shipment::EXPECTED_AT).flatten())
        + text(row.get(Shipment::TRACKING_URL))
}

/// Reads every value of every delta.
pub fn touch(deltas: &Deltas<'_>) -> u64 {
    let mut sum = 0_u64;
    for delta in deltas {
        let row = match (delta.row::<WeatherReport>(), delta.row::<Shipment>()) {
            (Some(row), _) => report(row),
            (_, Some(row)) => shipment(row),
            _ => 0,
        };
        let envelope = delta.id()
            + (delta.action_type().len() + delta.model_name().len() + delta.model_id().len())
                as u64
            + delta.sync_groups().map(|group| group.len() as u64).sum::<u64>()
            + text(delta.transaction_id())
            + text(delta.created_at())
            + actor(delta.actor())
            + actor(delta.on_behalf_of())
            + text(delta.capability_id())
            + text(delta.confirmation_state())
            + text(delta.caused_by_task_id())
            + actor(delta.created_by());
        sum = sum.wrapping_add(row).wrapping_add(envelope);
    }
    sum
}

pub trait Touch {
    fn touch(&self) -> u64;
}

impl Touch for peers::ReportDelta<'_> {
    fn touch(&self) -> u64 {
        self.touch()
    }
}

impl Touch for peers::ShipmentDelta<'_> {
    fn touch(&self) -> u64 {
        self.touch()
    }
}

fn all<D: Touch>(batch: &Batch<D>) -> u64 {
    batch.deltas.iter().fold(0, |sum, delta| sum.wrapping_add(delta.touch()))
}

fn decoders<'a, D: Touch + Deserialize<'a> + 'a, R: for<'b> Deserialize<'b>>(
    text: &'a str,
) -> Vec<Contender<'a>> {
    vec![
        contender("ablo", move || touch(&Deltas::read(&SCHEMA, text).expect("valid input"))),
        contender("sonic-rs, borrowed", move || {
            all(&sonic_rs::from_str::<Batch<D>>(text).expect("valid input"))
        }),
        contender("serde_json, borrowed", move || {
            all(&serde_json::from_str::<Batch<D>>(text).expect("valid input"))
        }),
        contender("serde_json, owned", move || {
            serde_json::from_str::<Batch<owned::Delta<R>>>(text).expect("valid input").deltas.len()
                as u64
        }),
        contender("serde_json::Value", move || {
            serde_json::from_str::<serde_json::Value>(text).expect("valid input")["deltas"]
                .as_array()
                .map_or(0, Vec::len) as u64
        }),
    ]
}

fn mixed(text: &str) -> u64 {
    let batch = sonic_rs::from_str::<Batch<peers::MixedDelta<'_>>>(text).expect("valid input");
    let mut sum = 0_u64;
    for delta in &batch.deltas {
        let raw = delta.data.as_raw_str();
        let row = match delta.model_name {
            "WeatherReport" => {
                sonic_rs::from_str::<peers::Report<'_>>(raw).expect("valid input").touch()
            }
            _ => sonic_rs::from_str::<peers::Shipment<'_>>(raw).expect("valid input").touch(),
        };
        let actors = [&delta.actor, &delta.on_behalf_of, &delta.created_by];
        sum = sum
            .wrapping_add(row)
            .wrapping_add(delta.id + delta.model_id.len() as u64 + delta.created_at.len() as u64);
        sum = sum.wrapping_add(
            actors.iter().map(|actor| actor.as_ref().map_or(0, |actor| actor.touch())).sum(),
        );
        sum = sum.wrapping_add(delta.sync_groups.len() as u64 + delta.action_type.len() as u64);
        let texts = [
            delta.transaction_id,
            delta.capability_id,
            delta.confirmation_state,
            delta.caused_by_task_id,
        ];
        sum = sum.wrapping_add(texts.iter().flatten().map(|text| text.len() as u64).sum());
    }
    sum
}

pub fn table(names: &[&str], times: &[f64], what: &str) {
    let base = times[0];
    let cells: Vec<String> =
        times.iter().map(|time| format!("{time:.0} ({:.2})", time / base)).collect();
    if names.is_empty() {
        println!("| {what} | {} |", cells.join(" | "));
    } else {
        println!("| | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
        println!("| {what} | {} |", cells.join(" | "));
    }
}

fn decode(kind: Kind, order: Order, count: usize, what: &str, head: bool) {
    let made = batch(kind, order, count);
    let text = made.as_str();
    let mut contenders = match kind {
        Kind::Weather => decoders::<peers::ReportDelta<'_>, owned::Report>(text),
        Kind::Fields20 => decoders::<peers::ShipmentDelta<'_>, owned::Shipment>(text),
        Kind::Mixed => vec![
            contender("ablo", || touch(&Deltas::read(&SCHEMA, text).expect("valid input"))),
            contender("sonic-rs, borrowed", || mixed(text)),
        ],
    };
    match kind {
        Kind::Weather => contenders.push(contender("simd-json, borrowed", {
            let mut copy = Vec::new();
            move || {
                copy.clear();
                copy.extend_from_slice(text.as_bytes());
                all(&simd_json::from_slice::<Batch<peers::ReportDelta<'_>>>(&mut copy)
                    .expect("valid input"))
            }
        })),
        Kind::Fields20 => contenders.push(contender("simd-json, borrowed", {
            let mut copy = Vec::new();
            move || {
                copy.clear();
                copy.extend_from_slice(text.as_bytes());
                all(&simd_json::from_slice::<Batch<peers::ShipmentDelta<'_>>>(&mut copy)
                    .expect("valid input"))
            }
        })),
        Kind::Mixed => {}
    }
    let names: Vec<&str> = contenders.iter().map(|contender| contender.name).collect();
    let times = measure(&mut contenders, count, 2_000_000 / (count * 40).max(2000));
    table(if head { &names } else { &[] }, &times, &format!("{what}, {} B", text.len() / count));
}

fn encoders<'a, D: Serialize + Deserialize<'a>>(
    text: &'a str,
    what: &str,
    count: usize,
    head: bool,
) {
    let ours = Deltas::read(&SCHEMA, text).expect("valid input");
    let theirs = sonic_rs::from_str::<Batch<D>>(text).expect("valid input");
    assert_eq!(
        ours.to_json(),
        sonic_rs::to_string(&theirs).expect("valid input"),
        "both encoders write the same text"
    );
    let mut contenders = vec![
        contender("ablo", || black_box(ours.write_json(Vec::new())).len() as u64),
        contender("ablo, String", || black_box(ours.to_json()).len() as u64),
        contender("sonic-rs", || {
            black_box(sonic_rs::to_vec(&theirs).expect("valid input")).len() as u64
        }),
        contender("serde_json", || {
            black_box(serde_json::to_vec(&theirs).expect("valid input")).len() as u64
        }),
        contender("simd-json", || {
            black_box(simd_json::serde::to_vec(&theirs).expect("valid input")).len() as u64
        }),
        contender("memcpy", || black_box(text.as_bytes().to_vec()).len() as u64),
    ];
    let names: Vec<&str> = contenders.iter().map(|contender| contender.name).collect();
    let times = measure(&mut contenders, count, 2_000_000 / (count * 40).max(2000));
    table(if head { &names } else { &[] }, &times, what);
}

/// Runs the benchmarks and prints the tables.
pub fn run() {
    println!("\nJSON, decode: ns per delta (ratio to ablo)\n");
    decode(Kind::Weather, Order::Schema, 1000, "weather", true);
    decode(Kind::Weather, Order::Shuffled, 1000, "weather, shuffled", false);
    decode(Kind::Weather, Order::Loose, 1000, "weather, shuffled, spaces, unknown member", false);
    decode(Kind::Fields20, Order::Schema, 1000, "20 fields", false);
    decode(Kind::Fields20, Order::Shuffled, 1000, "20 fields, shuffled", false);
    decode(
        Kind::Fields20,
        Order::Loose,
        1000,
        "20 fields, shuffled, spaces, unknown member",
        false,
    );
    decode(Kind::Mixed, Order::Schema, 1000, "both, by model", false);
    decode(Kind::Mixed, Order::Shuffled, 1000, "both, by model, shuffled", false);
    for count in [1, 100, 10_000] {
        decode(Kind::Weather, Order::Schema, count, &format!("weather, batch of {count}"), false);
        decode(
            Kind::Fields20,
            Order::Schema,
            count,
            &format!("20 fields, batch of {count}"),
            false,
        );
    }
    println!("\nJSON, encode: ns per delta (ratio to ablo)\n");
    for (count, head) in [(1000, true), (1, false), (100, false), (10_000, false)] {
        let (weather, fields) = (
            batch(Kind::Weather, Order::Schema, count),
            batch(Kind::Fields20, Order::Schema, count),
        );
        encoders::<peers::ReportDelta<'_>>(
            &weather,
            &format!("weather, batch of {count}"),
            count,
            head,
        );
        encoders::<peers::ShipmentDelta<'_>>(
            &fields,
            &format!("20 fields, batch of {count}"),
            count,
            false,
        );
    }
}
