//! Prints a synthetic schema. The argument is the number of models (default 1000).

fn main() {
    let models = std::env::args().nth(1).and_then(|models| models.parse().ok()).unwrap_or(1_000);
    println!("{}", ablo_tests::synthetic::document(models));
}
