//! Compiles every program of `fail` and `pass`, in one project.
//!
//! A program in `fail/<class>/` must not compile and must be told why exactly as its `.stderr` has it; one in
//! `pass/<class>/` is its legal twin. `TRYBUILD=overwrite cargo test -p ablo-tests-ui` renews what rustc prints; read it.

#[test]
fn programs() {
    let programs = trybuild::TestCases::new();
    programs.compile_fail("fail/*/*.rs");
    programs.pass("pass/*/*.rs");
}
