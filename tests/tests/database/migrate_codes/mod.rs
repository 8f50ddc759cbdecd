//! Raises every code of `ablo-migrate` and checks that the help of its table is printed.

mod catalogs;
mod connections;
mod migrations;
mod plans;
pub(crate) mod support;

use ablo_migrate::{Code, Error};
use catalogs::{DRIFT, PULL};
use connections::{CONNECTIONS, QUERIES};
use migrations::MIGRATIONS;
use plans::PLANS;
use std::collections::BTreeSet;
use support::Case;

/// Codes that `ablo migrate status` and `drift` raise, tested in `ablo-cli/tests/command/codes.rs`.
const OF_THE_COMMAND: [&str; 3] =
    ["ablo::migrate::behind", "ablo::migrate::no_ledger", "ablo::migrate::unfinished"];
/// Raised only by a bug of ablo; a unit test of `prove::evidence` raises it.
const OF_BUGS: [&str; 1] = ["ablo::prove::broken"];

/// Codes of signed approvals and edited plans, tested in `approvals.rs`.
const OF_APPROVALS: [&str; 13] = [
    "ablo::approver::key_file",
    "ablo::approver::list_invalid",
    "ablo::approver::refused",
    "ablo::approver::same_role",
    "ablo::approver::untrusted",
    "ablo::migrate::approval_elsewhere",
    "ablo::migrate::approval_expired",
    "ablo::migrate::approval_forged",
    "ablo::migrate::approval_replayed",
    "ablo::migrate::approval_rows",
    "ablo::migrate::approval_unsigned",
    "ablo::migrate::approval_untrusted",
    "ablo::migrate::plan_not_derived",
];

fn check(cases: &[Case]) {
    for (name, raise) in cases {
        let Error(raised) = raise();
        let found = raised.iter().find(|finding| finding.code.name == *name);
        let finding = found.unwrap_or_else(|| panic!("{name} is not raised: {raised:?}"));
        let help = finding.help.as_deref().unwrap_or(finding.code.fix);
        assert!(help.starts_with(finding.code.fix), "{name} is raised with other help: {help}");
    }
}

#[test]
fn codes_of_connections_are_raised() {
    check(CONNECTIONS);
}

#[test]
fn codes_of_queries_are_raised() {
    check(QUERIES);
}

#[test]
fn codes_of_plans_are_raised() {
    check(PLANS);
}

#[test]
fn codes_of_migrations_are_raised() {
    check(MIGRATIONS);
}

#[test]
fn codes_of_drift_are_raised() {
    check(DRIFT);
}

#[test]
fn codes_of_pull_are_raised() {
    check(PULL);
}

#[test]
fn every_code_has_a_case() {
    let cases = [CONNECTIONS, QUERIES, PLANS, MIGRATIONS, DRIFT, PULL].concat();
    let names = cases.iter().map(|(name, _)| *name);
    let names: BTreeSet<_> =
        names.chain(OF_APPROVALS).chain(OF_THE_COMMAND).chain(OF_BUGS).collect();
    let codes: BTreeSet<_> = Code::all().map(|code| code.name).collect();
    assert_eq!(names, codes);
}
