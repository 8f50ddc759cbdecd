//! Writes the TypeScript client of the schema in `src/schema.rs`.

fn main() {
    // On CI a stale file is an error; at home it is mended.
    ablo_codegen::Generator::new("src/schema.rs")
        .target("typescript")
        .out("web")
        .check(std::env::var_os("CI").is_some())
        .run_or_exit();
}
