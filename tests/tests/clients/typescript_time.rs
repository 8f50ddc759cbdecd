//! The TypeScript client over time: runs the cases of `tests/typescript/answers.ts` with a fake
//! clock and a fake network.

use ablo_tests::typescript::run;

#[test]
fn a_write_whose_answer_was_lost_is_asked_for_by_its_key() {
    run("answers.js", &["lostAnswer"], |_| {});
    run("answers.js", &["lostWhileAsleep"], |_| {});
}

#[test]
fn deltas_before_the_answer_to_a_sync_request_are_not_applied() {
    run("answers.js", &["deltasBeforeTheAnswer"], |_| {});
}
