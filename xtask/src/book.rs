//! Builds the documentation as a book with mdBook.
//!
//! mdBook is installed below `target/` the first time, because only this command needs it.

use crate::step::{Step, cargo, root, run_all};

/// The version that `book.toml` is written for.
const VERSION: &str = "0.5.4";

/// Builds `target/book`, and installs mdBook first if it is missing.
pub(crate) fn build() -> Result<(), String> {
    let tools = root().join("target/tools");
    let program = tools.join("bin/mdbook");
    let mut steps = Vec::new();
    if !program.exists() {
        let folder = tools.to_string_lossy();
        let install =
            ["install", "mdbook", "--version", VERSION, "--locked", "--root", folder.as_ref()];
        steps.push(cargo("install mdBook", &install));
    }
    steps.push(Step::new("book", &program.to_string_lossy(), &["build"]));
    run_all(steps)?;
    println!("target/book/index.html");
    Ok(())
}
