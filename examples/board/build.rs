//! Generates the TypeScript client of the schema in `src/schema.rs`. The output is not committed.

fn main() {
    ablo_codegen::Generator::new("src/schema.rs").target("typescript").out("web").run_or_exit();
}
