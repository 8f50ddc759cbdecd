//! Measures the compile time of derives: `cargo check` of many structs, one crate per peer.
//!
//! The crates are in `target/expansion`. The time is that of the whole command with dependencies
//! already built: the minimum over several rounds, minus the time of an empty crate.

use crate::step::root;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const MODELS: usize = 500;
const ROUNDS: usize = 3;

/// The crate of one peer.
struct Peer {
    name: &'static str,
    dependencies: &'static str,
    source: String,
}

const SERDE: &str = "serde = { version = \"=1.0.229\", features = [\"derive\"] }\n";
const PROST: &str = "prost = \"=0.14.6\"\n";
const ABLO: &str = "ablo = { path = \"../../../ablo\" }\n";

/// The names and types of the fields of every struct.
const FIELDS: [(&str, &str); 12] = [
    ("title", "String"),
    ("body", "Option<String>"),
    ("author", "String"),
    ("priority", "f64"),
    ("weight", "Option<f64>"),
    ("done", "bool"),
    ("count", "i32"),
    ("total", "i64"),
    ("note", "Option<String>"),
    ("language", "String"),
    ("parent", "Option<String>"),
    ("rank", "f64"),
];

fn structs(attributes: &str, field: impl Fn(usize, &str, &str) -> String) -> String {
    let mut out = String::new();
    for model in 0..MODELS {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{attributes}\npub struct Model{model} {{");
        for (at, (name, kind)) in FIELDS.iter().enumerate() {
            let _ = writeln!(out, "    {}", field(at + 1, name, kind));
        }
        out.push_str("}\n");
    }
    out
}

fn peers() -> Vec<Peer> {
    let plain = |_: usize, name: &str, kind: &str| format!("pub {name}: {kind},");
    let prost = |at: usize, name: &str, kind: &str| {
        let (optional, inner) = match kind.strip_prefix("Option<") {
            Some(inner) => (", optional", inner.trim_end_matches('>')),
            None => ("", kind),
        };
        let wire = match inner {
            "String" => "string",
            "f64" => "double",
            "i32" => "int32",
            "i64" => "int64",
            _ => "bool",
        };
        format!("#[prost({wire}{optional}, tag = \"{at}\")]\n    pub {name}: {kind},")
    };
    let derive = |names: &str| format!("#[derive({names})]");
    vec![
        Peer { name: "empty", dependencies: "", source: String::new() },
        Peer {
            name: "std",
            dependencies: "",
            source: structs(&derive("Clone, Debug, PartialEq"), plain),
        },
        Peer {
            name: "serde",
            dependencies: SERDE,
            source: structs(
                &derive("Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize"),
                plain,
            ),
        },
        Peer {
            name: "prost",
            dependencies: PROST,
            source: structs(&derive("Clone, PartialEq, prost::Message"), prost),
        },
        Peer {
            name: "ablo",
            dependencies: ABLO,
            source: structs(&derive("Clone, Debug, PartialEq, ablo::AbloModel"), plain),
        },
    ]
}

/// Writes the crates, checks them in rounds and prints milliseconds per struct.
pub(crate) fn run() -> Result<(), String> {
    let folder = root().join("target/expansion");
    let mut peers = peers();
    let generated = generated(&folder)?;
    peers.push(Peer { name: "generated", dependencies: ABLO, source: generated });
    let members: Vec<String> = peers.iter().map(|peer| format!("{:?}", peer.name)).collect();
    write(
        &folder.join("Cargo.toml"),
        &format!("[workspace]\nresolver = \"3\"\nmembers = [{}]\n", members.join(", ")),
    )?;
    for peer in &peers {
        let manifest = format!(
            "[package]\nname = \"expansion-{}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
             [dependencies]\n{}",
            peer.name, peer.dependencies
        );
        write(&folder.join(peer.name).join("Cargo.toml"), &manifest)?;
        write(&folder.join(peer.name).join("src/lib.rs"), &peer.source)?;
    }
    for peer in &peers {
        check(&folder, peer.name)?;
    }
    let mut best = vec![Duration::MAX; peers.len()];
    for _ in 0..ROUNDS {
        for (peer, best) in peers.iter().zip(&mut best) {
            // A newer modification time makes cargo check the crate again.
            write(&folder.join(peer.name).join("src/lib.rs"), &peer.source)?;
            *best = check(&folder, peer.name)?.min(*best);
        }
    }
    let empty = best.first().copied().unwrap_or_default();
    for (peer, best) in peers.iter().zip(&best).skip(1) {
        let models = if peer.name == "generated" { GENERATED } else { MODELS };
        let each = best.saturating_sub(empty).as_secs_f64() * 1e3 / models as f64;
        println!(
            "{:<10} {models} structs  {:>6.2} s total  {each:>6.2} ms per struct",
            peer.name,
            best.as_secs_f64()
        );
    }
    Ok(())
}

const GENERATED: usize = 200;

/// Returns the models that `ablo generate` prints for the synthetic schema.
fn generated(folder: &Path) -> Result<String, String> {
    let synthetic = ["run", "--quiet", "--package", "ablo-tests", "--example", "synthetic", "200"];
    let schema = crate::step::cargo("the synthetic schema", &synthetic).output()?;
    let input = folder.join("schema.json");
    write(&input, &schema)?;
    let (input, out) = (input.display().to_string(), folder.join("out").display().to_string());
    let generate = [
        "run",
        "--quiet",
        "--package",
        "ablo-cli",
        "--",
        "generate",
        &input,
        "--target",
        "rust",
        "--out",
        &out,
    ];
    crate::step::cargo("ablo generate", &generate).output()?;
    fs::read_to_string(folder.join("out/rust/mod.rs")).map_err(|error| error.to_string())
}

fn check(folder: &Path, peer: &str) -> Result<Duration, String> {
    let start = Instant::now();
    let output = Command::new("cargo")
        .args(["check", "--quiet", "--package", &format!("expansion-{peer}")])
        .current_dir(folder)
        .env("CARGO_INCREMENTAL", "0")
        .output()
        .map_err(|error| error.to_string())?;
    let elapsed = start.elapsed();
    if output.status.success() {
        Ok(elapsed)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| format!("{}: {error}", path.display()))
}
