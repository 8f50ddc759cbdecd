//! Writes what the rest of the team needs from `src/schema.rs`: TypeScript, SQL, OpenAPI.

fn main() {
    // A stale file is an error in CI, and is rewritten elsewhere.
    ablo_codegen::Generator::new("src/schema.rs")
        .target("typescript")
        .target("postgres")
        .target("openapi")
        .out("generated")
        .check(std::env::var_os("CI").is_some())
        .run_or_exit();
}
