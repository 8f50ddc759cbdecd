//! Compiles all programs of `fail` and `pass`, in one project.
//!
//! A program in `fail/<class>/` must fail to compile with exactly the errors of its `.stderr`.
//! `pass/<class>/` has valid counterparts. `TRYBUILD=overwrite cargo test -p ablo-tests-ui` updates
//! the `.stderr` files; review the changes.

#[test]
fn programs() {
    let programs = trybuild::TestCases::new();
    programs.compile_fail("fail/*/*.rs");
    programs.pass("pass/*/*.rs");
}
