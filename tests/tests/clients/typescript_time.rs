//! The TypeScript client over time: runs the cases of `tests/typescript/time.ts` and `answers.ts`
//! with a fake clock and a fake network.

use ablo_tests::typescript::run;

#[test]
fn a_token_that_ends_while_the_network_is_away_is_renewed() {
    run("time.js", &["tokenOverWhileAway"], |_| {});
}

#[test]
fn a_connection_whose_token_ends_resumes_with_another_one() {
    run("time.js", &["tokenExpires"], |_| {});
}

#[test]
fn the_first_connection_is_retried_like_a_later_one() {
    run("time.js", &["firstConnection"], |_| {});
}

#[test]
fn get_token_is_bounded_and_retried() {
    run("time.js", &["getTokenFails"], |_| {});
}

#[test]
fn events_of_the_page_end_pauses() {
    run("time.js", &["events"], |_| {});
}

#[test]
fn a_hidden_page_keeps_its_connection_and_claims() {
    run("time.js", &["hiddenTab"], |_| {});
}

#[test]
fn silence_is_a_ping_without_an_answer() {
    run("time.js", &["silence"], |_| {});
}

#[test]
fn a_claim_is_lost_when_its_lease_has_run_out() {
    run("time.js", &["lease"], |_| {});
}

#[test]
fn a_write_whose_answer_was_lost_is_asked_for_by_its_key() {
    run("answers.js", &["lostAnswer"], |_| {});
    run("answers.js", &["lostWhileAsleep"], |_| {});
}

#[test]
fn deltas_before_the_answer_to_a_sync_request_are_not_applied() {
    run("answers.js", &["deltasBeforeTheAnswer"], |_| {});
}
