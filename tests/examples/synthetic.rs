//! Prints a synthetic schema with as many models as the first argument says: input for timing the command by hand.

fn main() {
    let models = std::env::args().nth(1).and_then(|models| models.parse().ok()).unwrap_or(1_000);
    println!("{}", ablo_tests::synthetic::document(models));
}
