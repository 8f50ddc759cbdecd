//! Random frames, each with its canonical text.
//!
//! Every value is generated in two spellings: a free one that varies white space, escapes,
//! exponents and member order, and the canonical one. Values that the codec does not interpret are
//! the same in both.

#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

/// A small random number generator. Tests choose the seed, so failures are reproducible.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// The variations of the free spelling.
#[derive(Clone, Copy)]
pub(crate) struct Freedom {
    pub(crate) space: bool,
    pub(crate) shuffle: bool,
    pub(crate) escapes: bool,
}

/// A value, or a member with its name, in both spellings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Twin {
    pub(crate) free: String,
    pub(crate) canonical: String,
}

impl Twin {
    fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { free: text.clone(), canonical: text }
    }
}

fn space(rng: &mut Rng, freedom: Freedom) -> &'static str {
    if freedom.space && rng.one_in(3) { rng.pick(&[" ", "\n", "\t\r", "   "]) } else { "" }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// A string that the codec interprets. The free spelling may escape any character.
pub(crate) fn string(rng: &mut Rng, freedom: Freedom, text: &str) -> Twin {
    let mut free = String::from("\"");
    for letter in text.chars() {
        if freedom.escapes && rng.one_in(12) {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                free += &format!("\\u{unit:04x}");
            }
        } else {
            let plain = quoted(&letter.to_string());
            free.push_str(&plain[1..plain.len() - 1]);
        }
    }
    free.push('"');
    Twin { free, canonical: quoted(text) }
}

const WORDS: [&str; 12] = [
    "",
    "Oslo",
    "rain later",
    "Ä",
    "naïve café",
    "日本語の天気",
    "a\"b\\c/d",
    "line\nbreak\ttab",
    "\u{1}\u{1f}\u{7f}",
    "🌦️ changeable",
    "exactly8",
    "a much longer text that goes over several words of eight bytes and then some more",
];

fn text(rng: &mut Rng, freedom: Freedom) -> Twin {
    let word = rng.pick(&WORDS);
    string(rng, freedom, word)
}

pub(crate) fn number(rng: &mut Rng) -> Twin {
    let spellings = [
        "0",
        "-0",
        "1",
        "-1.0",
        "1e2",
        "0.1",
        "1.5E-3",
        "123456789012345678901234567890",
        "5e-324",
        "0.30000000000000004",
        "1e21",
        "123456.789",
    ];
    let free = match rng.below(4) {
        0 => rng.pick(&spellings).to_owned(),
        1 => (rng.next() as i64 >> rng.below(60)).to_string(),
        2 => format!("{}.{}", rng.below(1000), rng.below(100_000)),
        _ => format!("{:e}", f64::from_bits(rng.next() & 0x7fef_ffff_ffff_ffff)),
    };
    let canonical = ryu_js::Buffer::new().format(free.parse::<f64>().unwrap()).to_owned();
    Twin { free, canonical }
}

fn date(rng: &mut Rng, freedom: Freedom) -> Twin {
    let (free, canonical) = [
        ("2026-06-01T08:00:00.000Z", "2026-06-01T08:00:00.000Z"),
        ("2026-06-01T10:00:00+02:00", "2026-06-01T08:00:00.000Z"),
        ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500Z"),
        ("2024-02-29T23:59:59.123456Z", "2024-02-29T23:59:59.123456Z"),
        ("0001-01-01T00:00:00.000Z", "0001-01-01T00:00:00.000Z"),
    ][rng.below(5)];
    Twin { free: string(rng, freedom, free).free, canonical: quoted(canonical) }
}

/// A value that the codec does not interpret and writes back unchanged.
pub(crate) fn anything(rng: &mut Rng, depth: usize) -> String {
    match rng.below(if depth == 0 { 6 } else { 8 }) {
        0 => "null".to_owned(),
        1 => "true".to_owned(),
        2 => rng.pick(&["1.0", "-0", "1e400", "123456789012345678901234567890"]).to_owned(),
        3 => rng.pick(&[r#""\ud800""#, r#""\u0041/\/""#, r#""Ä""#]).to_owned(),
        4 => "false".to_owned(),
        5 => rng.below(100_000).to_string(),
        6 => {
            let items: Vec<String> = (0..rng.below(4)).map(|_| anything(rng, depth - 1)).collect();
            format!("[{}]", items.join(" , "))
        }
        _ => {
            let items: Vec<String> = (0..rng.below(4))
                .map(|at| format!("\"{at}\" : {}", anything(rng, depth - 1)))
                .collect();
            format!("{{{}}}", items.join(","))
        }
    }
}

/// An object with its known members in canonical order, followed by unknown members.
pub(crate) fn object(
    rng: &mut Rng,
    freedom: Freedom,
    known: Vec<(&str, Twin)>,
    unknown: Vec<(String, String)>,
) -> Twin {
    let member = |rng: &mut Rng, name: &str, value: &Twin| {
        let (before, behind, between) =
            (space(rng, freedom), space(rng, freedom), space(rng, freedom));
        let name = string(rng, freedom, name);
        Twin {
            free: format!(
                "{before}{}{between}:{behind}{}{}",
                name.free,
                value.free,
                space(rng, freedom)
            ),
            canonical: format!("{}:{}", name.canonical, value.canonical),
        }
    };
    let mut members: Vec<Twin> =
        known.iter().map(|(name, value)| member(rng, name, value)).collect();
    members
        .extend(unknown.iter().map(|(name, value)| member(rng, name, &Twin::same(value.as_str()))));
    let canonical: Vec<String> = members.iter().map(|member| member.canonical.clone()).collect();
    if freedom.shuffle {
        // Unknown members keep their relative order, as in the canonical form.
        for at in (1..known.len()).rev() {
            members.swap(at, rng.below(at + 1));
        }
    }
    let free: Vec<String> = members.into_iter().map(|member| member.free).collect();
    let inside = if free.is_empty() { space(rng, freedom) } else { "" };
    Twin {
        free: format!("{{{inside}{}}}", free.join(",")),
        canonical: format!("{{{}}}", canonical.join(",")),
    }
}

fn unknown(rng: &mut Rng) -> Vec<(String, String)> {
    if !rng.one_in(3) {
        return Vec::new();
    }
    let names = ["wind", "x", "später", "a very long name of a member", "q\"uote"];
    (0..rng.below(3)).map(|at| (names[at + rng.below(3)].to_owned(), anything(rng, 3))).collect()
}

fn sometimes<'n>(rng: &mut Rng, name: &'n str, value: Twin, into: &mut Vec<(&'n str, Twin)>) {
    match rng.below(5) {
        0 => {}
        1 => into.push((name, Twin::same("null"))),
        _ => into.push((name, value)),
    }
}

fn row(rng: &mut Rng, freedom: Freedom, report: bool) -> Twin {
    let mut known = Vec::new();
    let mut maybe = |rng: &mut Rng, name: &'static str, value: Twin| {
        if !rng.one_in(6) {
            known.push((name, value));
        }
    };
    let value = text(rng, freedom);
    maybe(rng, "id", value);
    for name in ["createdAt", "updatedAt"] {
        let value = date(rng, freedom);
        maybe(rng, name, value);
    }
    for name in ["organizationId", "createdBy"] {
        let value = text(rng, freedom);
        sometimes(rng, name, value, &mut known);
    }
    let mut required = |rng: &mut Rng, name: &'static str, value: Twin| {
        if !rng.one_in(6) {
            known.push((name, value));
        }
    };
    let (name, status, other) =
        (text(rng, freedom), string(rng, freedom, "ready"), text(rng, freedom));
    if report {
        required(rng, "location", name);
        required(rng, "status", status);
        sometimes(rng, "forecast", other.clone(), &mut known);
        let value = number(rng);
        sometimes(rng, "confidence", value, &mut known);
        sometimes(rng, "stationId", other, &mut known);
    } else {
        let (altitude, opened) = (number(rng), date(rng, freedom));
        required(rng, "name", name);
        required(rng, "altitude", altitude);
        required(rng, "openedAt", opened);
        let details = Twin::same(anything(rng, 3));
        sometimes(rng, "details", details, &mut known);
    }
    let unknown = unknown(rng);
    object(rng, freedom, known, unknown)
}

fn actor(rng: &mut Rng, freedom: Freedom) -> Twin {
    let kind = rng.pick(&["user", "agent", "system", "robot"]);
    let members = vec![("kind", string(rng, freedom, kind)), ("id", text(rng, freedom))];
    let unknown = unknown(rng);
    object(rng, freedom, members, unknown)
}

/// One delta.
pub(crate) fn delta(rng: &mut Rng, freedom: Freedom) -> Twin {
    let model = rng.pick(&["WeatherReport", "WeatherReport", "Station", "Sensor"]);
    let action = rng.pick(&["I", "U", "U", "D", "A", "V", "C", "G", "S", "X"]);
    let id = (rng.next() >> (11 + rng.below(52))).to_string();
    let data = match (rng.below(8), model) {
        (0, _) => Some(Twin::same("null")),
        (1, _) => None,
        (_, "Sensor") => Some(Twin::same(rng.pick(&["{}", r#"{"v" : 1.0}"#, r#""{\"v\":1}""#]))),
        _ if ["G", "S", "X"].contains(&action) => {
            Some(Twin::same(rng.pick(&["{}", r#"{"group":"team:1" }"#])))
        }
        (3, _) => {
            let row = row(rng, freedom, model == "WeatherReport");
            Some(Twin { free: string(rng, freedom, &row.free).free, canonical: row.canonical })
        }
        _ => Some(row(rng, freedom, model == "WeatherReport")),
    };
    let mut known = vec![("id", Twin::same(id)), ("actionType", string(rng, freedom, action))];
    known.push(("modelName", string(rng, freedom, model)));
    known.push(("modelId", text(rng, freedom)));
    known.extend(data.map(|data| ("data", data)));
    sometimes(rng, "previousData", Twin::same(r#"{"a": 1.0}"#), &mut known);
    if rng.one_in(2) {
        let groups: Vec<Twin> = (0..rng.below(3)).map(|_| text(rng, freedom)).collect();
        let join = |free: bool| {
            let texts: Vec<&str> = groups
                .iter()
                .map(|twin| if free { &*twin.free } else { &twin.canonical })
                .collect();
            format!("[{}]", texts.join(","))
        };
        known.push(("syncGroups", Twin { free: join(true), canonical: join(false) }));
    }
    let value = text(rng, freedom);
    sometimes(rng, "transactionId", value, &mut known);
    if rng.one_in(2) {
        let at = rng.pick(&[
            "2026-06-01T08:00:00.000Z",
            "yesterday",
            "2026-06-01T08:00:00Z",
            "2026-06-02T08:00:01.042Z",
        ]);
        known.push(("createdAt", string(rng, freedom, at)));
    }
    for name in ["actor", "onBehalfOf"] {
        let value = actor(rng, freedom);
        sometimes(rng, name, value, &mut known);
    }
    for name in ["capabilityId", "confirmationState", "causedByTaskId"] {
        let value = text(rng, freedom);
        sometimes(rng, name, value, &mut known);
    }
    let value = actor(rng, freedom);
    sometimes(rng, "createdBy", value, &mut known);
    let unknown = unknown(rng);
    object(rng, freedom, known, unknown)
}

/// A payload: one delta or a list.
pub(crate) fn payload(rng: &mut Rng, freedom: Freedom) -> Twin {
    if rng.one_in(3) {
        return delta(rng, freedom);
    }
    let deltas: Vec<Twin> = (0..rng.below(6)).map(|_| delta(rng, freedom)).collect();
    let join = |free: bool| {
        let texts: Vec<&str> =
            deltas.iter().map(|twin| if free { &*twin.free } else { &twin.canonical }).collect();
        format!("[{}]", texts.join(","))
    };
    let mut known = vec![("deltas", Twin { free: join(true), canonical: join(false) })];
    if rng.one_in(2) {
        known.push(("newVersions", Twin::same(r#"{"task": 8}"#)));
    }
    let unknown = unknown(rng);
    object(rng, freedom, known, unknown)
}
