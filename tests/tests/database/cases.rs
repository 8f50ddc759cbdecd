//! The cases of damaged and shared databases that migrations have to survive, each with the tests
//! that hold it. A case is one way in which a server that others use at the same time, or an object
//! that was made by hand, once led to a wrong and silent result.

use std::fs;
use std::path::Path;

/// A case and its tests, as `module::function` of this crate or of those of the command.
type Case = (&'static str, &'static [&'static str]);

const CASES: &[Case] = &[
    // Programs that run beside the migration.
    (
        "audit-trigger-unqualified",
        &["migrate_locks::triggers_find_their_objects_by_the_path_of_the_application"],
    ),
    (
        "index-user-function",
        &["migrate_locks::triggers_find_their_objects_by_the_path_of_the_application"],
    ),
    (
        "cic-long-transaction",
        &["migrate_apply::an_index_build_that_a_transaction_delays_is_valid_or_an_error"],
    ),
    (
        "dup-during-cic",
        &["migrate_apply::a_duplicate_that_appears_before_the_build_fails_every_run"],
    ),
    (
        "resume-skips-invalid-index",
        &["migrate_apply::a_value_that_an_index_cannot_have_fails_every_run"],
    ),
    ("name-taken", &["migrate_apply::a_taken_name_is_reported_before_anything_changes"]),
    ("dead-end-after-commit", &["migrate_apply::an_index_of_a_partitioned_table_is_built"]),
    (
        "reader-blocked-by-update",
        &[
            "migrate_locks::writers_wait_for_less_than_half_a_second",
            "migrate_locks::the_plan_says_how_long_each_table_is_locked",
        ],
    ),
    (
        "readers-queue-behind-lock",
        &["migrate_locks::readers_wait_for_one_attempt_and_the_holder_is_named"],
    ),
    (
        "pooler-search-path",
        &[
            "postgres_pooler::reading_commands_leave_nothing_in_the_sessions_of_a_pooler",
            "postgres_pooler::what_a_pooler_would_break_is_refused",
        ],
    ),
    (
        "setting-0",
        &[
            "migrate_locks::timeouts_of_the_role_do_not_stop_a_migration",
            "postgres_connections::limits_of_the_role_do_not_stop_a_migration",
        ],
    ),
    // Values.
    ("conv-dec-shrink", &["rounded_decimals::digits_are_rounded_where_a_hint_says_so"]),
    ("datestyle-dmy", &["postgres_connections::text_becomes_the_same_date_on_every_server"]),
    // Objects that others made or changed.
    (
        "generated-dep-type",
        &["postgres_dependents::what_uses_a_changed_column_is_named_in_the_plan"],
    ),
    (
        "policy-drop-column",
        &["postgres_dependents::what_uses_a_changed_column_is_named_in_the_plan"],
    ),
    ("trigger-dep-drop", &["postgres_dependents::what_uses_a_changed_column_is_named_in_the_plan"]),
    ("view-type-change", &["postgres_dependents::what_uses_a_changed_column_is_named_in_the_plan"]),
    (
        "multi-index-lost",
        &["postgres_dependents::what_is_dropped_with_a_column_is_named_in_its_approval"],
    ),
    (
        "hand-dropped-index",
        &["migrate_apply::what_was_dropped_by_hand_stops_a_migration_before_it_begins"],
    ),
    (
        "hand-renamed-constraint",
        &[
            "migrate_apply::what_a_migration_drops_is_found_by_its_meaning",
            "postgres_dependents::objects_are_found_by_their_meaning",
        ],
    ),
    (
        "plan-over-drift",
        &[
            "postgres_dependents::a_table_that_was_changed_by_hand_is_reported_by_the_plan",
            "command::connections::a_database_is_up_to_date_only_after_it_was_compared",
        ],
    ),
    (
        "drift-fk-triggers-disabled",
        &["postgres_drift::what_changes_the_behaviour_of_a_table_is_reported"],
    ),
    ("drift-restrictive", &["postgres_drift::what_changes_the_behaviour_of_a_table_is_reported"]),
    ("drift-rule-added", &["postgres_drift::what_changes_the_behaviour_of_a_table_is_reported"]),
    ("drift-unique-tonnd", &["postgres_drift::absent_values_that_count_as_equal_are_reported"]),
    // Arguments of the command.
    ("nonexistent-schema", &["command::connections::a_schema_and_a_ledger_have_to_exist"]),
    (
        "urls",
        &[
            "command::connections::a_schema_and_a_ledger_have_to_exist",
            "postgres_connections::each_sslmode_encrypts_as_in_libpq",
        ],
    ),
    // SQLite.
    (
        "sqlite-rename-breaks-others",
        &["sqlite_dependents::a_renamed_table_is_not_taken_away_from_other_objects"],
    ),
    (
        "sqlite-view-renamed-col",
        &["sqlite_dependents::a_renamed_column_is_not_taken_away_from_other_objects"],
    ),
];

#[test]
fn each_case_has_a_test() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (case, tests) in CASES {
        assert!(!tests.is_empty(), "{case}");
        for test in *tests {
            let (module, function) = test.rsplit_once("::").expect("a module and a function");
            let file = match module.strip_prefix("command::") {
                Some(module) => format!("../ablo-cli/tests/command/{module}.rs"),
                None => format!("tests/database/{module}.rs"),
            };
            let file = crates.join(file);
            let text = fs::read_to_string(file).expect("the module exists");
            let wanted = format!("#[test]\nfn {function}() {{");
            assert!(text.contains(&wanted), "{case}: there is no test {test}");
        }
    }
}
