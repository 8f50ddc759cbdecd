//! Generates batches of deltas: weather reports of about 590 bytes and shipments with 20 fields of
//! about 1,110 bytes.

use std::fmt::Write;

/// SplitMix64 with a fixed seed.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }
}

const PLACES: [&str; 8] = [
    "Stockholm",
    "Oslo",
    "København",
    "Helsinki",
    "Reykjavik",
    "Tromsø",
    "Visby",
    "Gothenburg harbour",
];
const FORECASTS: [&str; 5] = [
    "Light rain in the evening, clearing",
    "Sun",
    "Strong winds from the west until noon",
    "Snow showers, down to minus five",
    "Overcast with a chance of thunder later",
];

fn date(rng: &mut Rng) -> String {
    let (month, day, hour) = (1 + rng.below(12), 1 + rng.below(28), rng.below(24));
    format!(
        "2026-{month:02}-{day:02}T{hour:02}:{:02}:{:02}.{:03}Z",
        rng.below(60),
        rng.below(60),
        rng.below(1000)
    )
}

fn decimal(rng: &mut Rng, whole: u64, digits: usize) -> String {
    // The last digit is never zero, so that all encoders print the same text.
    let fraction = rng.below(10_u64.pow(digits as u32 - 1));
    format!("{}.{fraction:0width$}{}", rng.below(whole), 1 + rng.below(9), width = digits - 1)
}

fn uuid(rng: &mut Rng) -> String {
    let (a, b) = (rng.next(), rng.next());
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        a >> 32,
        a >> 16 & 0xffff,
        a & 0xfff,
        b >> 48 & 0xfff,
        b & 0xffff_ffff_ffff
    )
}

type Members = Vec<(&'static str, String)>;

fn text(text: impl AsRef<str>) -> String {
    format!("\"{}\"", text.as_ref())
}

fn report(rng: &mut Rng, id: &str) -> Members {
    let station = rng.pick(&["\"station_arlanda\"", "\"station_bromma\"", "null"]).to_owned();
    vec![
        ("id", text(id)),
        ("createdAt", text(date(rng))),
        ("updatedAt", text(date(rng))),
        ("location", text(rng.pick(&PLACES))),
        ("status", text(rng.pick(&["pending", "ready"]))),
        ("forecast", text(rng.pick(&FORECASTS))),
        ("confidence", format!("0.{}", 1 + rng.below(9))),
        ("stationId", station),
    ]
}

fn shipment(rng: &mut Rng, id: &str) -> Members {
    vec![
        ("id", text(id)),
        ("createdAt", text(date(rng))),
        ("updatedAt", text(date(rng))),
        ("reference", text(format!("SE-{}-{}", 10_000 + rng.below(90_000), rng.below(1000)))),
        ("status", text(rng.pick(&["draft", "in_transit", "delivered"]))),
        ("priority", text(rng.pick(&["low", "normal", "high"]))),
        ("customerId", text(uuid(rng))),
        (
            "carrierName",
            text(rng.pick(&["PostNord Sverige AB", "DHL Freight", "Schenker", "Bring Parcels"])),
        ),
        (
            "origin",
            text(format!(
                "{} 12, 111 22 {}",
                rng.pick(&["Storgatan", "Kungsgatan"]),
                rng.pick(&PLACES)
            )),
        ),
        (
            "destination",
            text(format!(
                "{} 4, {} {}",
                rng.pick(&["Hamngatan", "Havnegata"]),
                10_000 + rng.below(9000),
                rng.pick(&PLACES)
            )),
        ),
        ("weight", decimal(rng, 1000, 3)),
        ("volume", decimal(rng, 10, 4)),
        ("price", decimal(rng, 10_000, 2)),
        ("insuredValue", if rng.below(3) == 0 { "null".into() } else { decimal(rng, 100_000, 2) }),
        ("latitude", decimal(rng, 70, 6)),
        ("longitude", decimal(rng, 25, 6)),
        ("fragile", (rng.below(2) == 0).to_string()),
        ("pickedUpAt", text(date(rng))),
        ("expectedAt", if rng.below(4) == 0 { "null".into() } else { text(date(rng)) }),
        ("trackingUrl", text(format!("https://track.example.com/s/{:016x}", rng.next()))),
    ]
}

/// The order and spacing of members.
#[derive(Clone, Copy, PartialEq)]
pub enum Order {
    Schema,
    Shuffled,
    /// Shuffled, with white space and an unknown member.
    Loose,
}

fn object(rng: &mut Rng, mut members: Members, order: Order) -> String {
    if order == Order::Loose {
        members.push(("origin2", "{\"a\": [1, 2.5]}".to_owned()));
    }
    if order != Order::Schema {
        for at in (1..members.len()).rev() {
            members.swap(at, rng.below(at as u64 + 1) as usize);
        }
    }
    let (comma, colon) = if order == Order::Loose { (", ", ": ") } else { (",", ":") };
    let members: Vec<String> =
        members.iter().map(|(name, value)| format!("\"{name}\"{colon}{value}")).collect();
    format!("{{{}}}", members.join(comma))
}

fn actor(rng: &mut Rng) -> String {
    match rng.below(3) {
        0 => format!("{{\"kind\":\"user\",\"id\":\"u_{}\"}}", rng.below(20)),
        _ => format!(
            "{{\"kind\":\"agent\",\"id\":\"{}\"}}",
            rng.pick(&["writer", "editor", "planner"])
        ),
    }
}

fn delta(rng: &mut Rng, id: u64, weather: bool, order: Order) -> String {
    let row_id = if weather { format!("report_{:06x}", rng.below(1 << 24)) } else { uuid(rng) };
    let row = if weather { report(rng, &row_id) } else { shipment(rng, &row_id) };
    let data = object(rng, row, order);
    let actor = actor(rng);
    let created =
        format!("2026-06-10T09:{:02}:{:02}.{:03}Z", id / 600 % 60, id / 10 % 60, id * 7 % 1000);
    let members = vec![
        ("id", id.to_string()),
        ("actionType", text(rng.pick(&["U", "U", "U", "I"]))),
        ("modelName", text(if weather { "WeatherReport" } else { "Shipment" })),
        ("modelId", text(&row_id)),
        ("data", data),
        ("syncGroups", "[\"org:org_acme\"]".to_owned()),
        (
            "transactionId",
            text(format!("tx_{}_{:06x}", 1_760_000_000_000 + id * 137, rng.below(1 << 24))),
        ),
        ("createdAt", text(created)),
        ("actor", actor.clone()),
        (
            "onBehalfOf",
            if rng.below(2) == 0 {
                "null".to_owned()
            } else {
                "{\"kind\":\"user\",\"id\":\"u_1\"}".to_owned()
            },
        ),
        (
            "capabilityId",
            if rng.below(2) == 0 { "null".to_owned() } else { "\"cap_81\"".to_owned() },
        ),
        ("confirmationState", "\"auto\"".to_owned()),
        ("causedByTaskId", "null".to_owned()),
        ("createdBy", actor),
    ];
    object(rng, members, order)
}

#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Weather,
    Fields20,
    Mixed,
}

/// Returns the JSON text of a list of `count` deltas.
pub fn batch(kind: Kind, order: Order, count: usize) -> String {
    let mut rng = Rng(42);
    let mut text = String::from("{\"deltas\":[");
    for at in 0..count {
        let weather = kind == Kind::Weather || kind == Kind::Mixed && rng.below(2) == 0;
        let comma = if at > 0 { "," } else { "" };
        let _ = write!(text, "{comma}{}", delta(&mut rng, 400 + at as u64 * 3, weather, order));
    }
    text + "]}"
}
