//! Writes the TypeScript client of the schema in `src/schema.rs`; nothing of it is committed, as in an application that builds it.

fn main() {
    ablo_codegen::Generator::new("src/schema.rs").target("typescript").out("web").run_or_exit();
}
