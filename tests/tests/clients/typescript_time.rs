//! The TypeScript client over time: runs the cases of `tests/typescript/time.ts`, `answers.ts` and
//! `outbox.ts` with a fake clock and a fake network.

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

#[test]
fn writes_made_offline_wait_for_the_network() {
    run("outbox.js", &["writesWaitForTheNetwork"], |_| {});
}

#[test]
fn writes_before_the_first_connection_wait_for_it() {
    run("outbox.js", &["writesBeforeTheFirstConnection"], |_| {});
}

#[test]
fn patches_are_merged_until_they_are_sent() {
    run("outbox.js", &["patchesAreMergedUntilTheyAreSent"], |_| {});
}

#[test]
fn a_refusal_parks_a_write_and_the_others_go_on() {
    run("outbox.js", &["aRefusalDoesNotStopTheOthers"], |_| {});
}

#[test]
fn what_is_based_on_a_refused_write_is_parked_with_it() {
    run("outbox.js", &["whatIsBasedOnARefusedWriteIsParked"], |_| {});
}

#[test]
fn offline_writes_are_guarded_by_their_base_position() {
    run("outbox.js", &["offlineWritesAreGuarded"], |_| {});
}

#[test]
fn a_claim_that_ended_during_an_outage_is_left_out() {
    run("outbox.js", &["aClaimThatEndedIsLeftOut"], |_| {});
}

#[test]
fn unknown_outcomes_are_parked() {
    run("outbox.js", &["unknownOutcomesAreParked"], |_| {});
}

#[test]
fn writes_settle_when_they_are_queued() {
    run("outbox.js", &["writesSettleWhenQueued"], |_| {});
}
