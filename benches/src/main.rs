//! Delta codecs beside their peers, in one run. `cargo run --release --manifest-path benches/Cargo.toml`.

mod binary;
mod data;
mod json;
mod measure;
mod models;
mod peers;
mod proto;

fn main() {
    let only = std::env::args().nth(1);
    let wanted = |name: &str| only.as_deref().is_none_or(|only| name.contains(only));
    if wanted("binary") {
        binary::run();
    }
    if wanted("json") {
        json::run();
    }
}
