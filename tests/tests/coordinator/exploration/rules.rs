//! The rules of docs/protocol/{claims,commits}.md, as checks of one step: what was there before,
//! the answer, and what is there afterwards.

use super::facts::{
    Action, Answer, Change, ClaimFact, GRACE, LEASE, Outcome, Shape, State, Status,
};
use ablo_server::engine::claims::ClaimOutcome;
use ablo_wire::LostReason;

type Checked = Result<(), String>;

fn rule(holds: bool, broken: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(broken()) }
}

/// Returns the rule that a step broke.
pub(super) fn check(
    shape: Shape,
    before: &State,
    after: &State,
    action: Action,
    outcome: &Outcome,
) -> Checked {
    for claim in &before.claims {
        check_course(before, after, action, claim)?;
    }
    for row in 0..after.rows.len() {
        check_row(before, after, action, row)?;
    }
    let is_confirmed = matches!(outcome, Outcome::Written(answer) if answer.is_ok());
    if !is_confirmed {
        let is_same = before.log.len() == after.log.len() && before.rows == after.rows;
        rule(is_same, || "only a confirmed write changes the rows and the log".to_owned())?;
    }
    match outcome {
        Outcome::Nothing => Ok(()),
        Outcome::Written(answer) => check_write(shape, before, after, action, answer),
        Outcome::Claimed(claims) => claims
            .iter()
            .try_for_each(|(row, id, outcome)| check_claimed(after, (*row, *id), outcome)),
        Outcome::Released(released) => check_released(shape, before, after, action, *released),
        Outcome::Renewed(claims) => claims
            .iter()
            .try_for_each(|(_, id, lost)| check_renewed(before, after, *id, lost.as_ref())),
        Outcome::Repeated(answers) => check_repeated(before, after, action, answers),
    }
}

/// Whether the program of a claim can be informed that it has the row.
fn is_present(state: &State, claim: &ClaimFact) -> bool {
    let program = &state.programs[state.owners[claim.id]];
    program.connected && program.connection == claim.connection
}

/// A claim changes in the permitted ways only.
fn check_course(before: &State, after: &State, action: Action, claim: &ClaimFact) -> Checked {
    let now = after.now;
    let next = after.claim(claim.id).filter(|next| next.declared == claim.declared);
    let owner = before.owners[claim.id];
    let requested = matches!(action, Action::Claim { program, row }
        if program == owner && row == claim.row);
    let released = matches!(action, Action::Release { program, row }
        if program == owner && before.programs[owner].claims[row] == Some(claim.id));
    let reconnected = action == Action::Reconnect(owner);
    let renewed = action == Action::Renew(owner)
        || matches!(action, Action::WriteUnder { claim: id, .. } if id == claim.id);
    let Some(next) = next else {
        // Requested again with its id, or deleted a while after its end.
        let may_go = !claim.is_open() || !claim.is_live(now) && (reconnected || requested);
        return rule(may_go, || format!("{claim:?} is gone"));
    };
    if !claim.is_open() {
        return rule(next.status == claim.status, || {
            format!("{claim:?}, which has ended, {next:?}")
        });
    }
    if !claim.is_live(now) {
        let is_untouched = next == claim;
        let is_expired = next.status == Status::Expired;
        let is_ended = is_untouched || is_expired || released && !next.is_open();
        return rule(is_ended, || format!("the lease of {claim:?} was over: {next:?}"));
    }
    if !next.is_open() {
        let replaced = requested
            && claim.status == Status::Active
            && after.holder(claim.row, now).is_some_and(|new| after.owners[new.id] == owner);
        return rule(released || replaced, || format!("{claim:?} ended: {next:?}"));
    }
    rule(claim.connection == next.connection || reconnected, || format!("{claim:?} moved"))?;
    let promoted = (claim.status, next.status) == (Status::Queued, Status::Active);
    let is_kept = next.expires == claim.expires || renewed || requested || reconnected || promoted;
    rule(is_kept, || format!("the lease of {claim:?} changed: {next:?}"))?;
    let demoted = (claim.status, next.status) == (Status::Active, Status::Queued);
    rule(!demoted, || format!("{claim:?} waits again"))
}

/// A row has one holder, and its waiters get it in their order.
fn check_row(before: &State, after: &State, action: Action, row: usize) -> Checked {
    let now = after.now;
    let of_row = |state: &State, status: Status| -> Vec<ClaimFact> {
        let claims = state.claims.iter().filter(|claim| claim.row == row);
        claims.filter(|claim| claim.status == status).copied().collect()
    };
    let (active, queued) = (of_row(after, Status::Active), of_row(after, Status::Queued));
    rule(active.len() <= 1, || format!("{active:?} hold one row"))?;
    let waited = of_row(before, Status::Queued);
    // One that ended, and was requested again with its id, is another claim.
    let is_same = |a: &ClaimFact, b: &ClaimFact| (a.id, a.declared) == (b.id, b.declared);
    let still_waits = |claim: &&ClaimFact| queued.iter().any(|next| is_same(claim, next));
    let still = waited.iter().filter(still_waits);
    let order: Vec<usize> = still.map(|claim| claim.id).collect();
    let is_kept = queued.iter().map(|claim| claim.id).take(order.len()).eq(order.iter().copied());
    rule(is_kept, || format!("the waiters were {waited:?}, and are {queued:?}"))?;
    let waits = |claim: &&ClaimFact| claim.is_live(now) && is_present(after, claim);
    let Some(holder) = active.first() else {
        let waiting = queued.iter().find(waits);
        return rule(waiting.is_none(), || format!("{waiting:?} waits for a free row"));
    };
    if action == Action::Sweep {
        rule(holder.is_live(now), || format!("{holder:?} was not ended"))?;
    }
    let previous = of_row(before, Status::Active);
    if previous.iter().any(|claim| is_same(claim, holder)) {
        return Ok(());
    }
    // Its program had the row already, by another claim.
    let is_own = |claim: &ClaimFact| after.owners[claim.id] == after.owners[holder.id];
    if previous.iter().any(|claim| claim.is_live(now) && is_own(claim)) {
        return Ok(());
    }
    let arrival = waited.iter().position(|claim| is_same(claim, holder)).unwrap_or(waited.len());
    let overtaken = waited.iter().take(arrival).find(|claim| waits(claim) && still_waits(claim));
    rule(overtaken.is_none(), || format!("{holder:?} overtook {overtaken:?}"))
}

/// Returns the code with which a write has to be refused, and else the claim under which it is
/// made.
fn expected(
    shape: Shape,
    before: &State,
    now: i64,
    action: Action,
) -> Result<Option<&ClaimFact>, &'static str> {
    let (program, row, member, read_at, named) = match action {
        Action::Write { program, row, member, guarded } => {
            let read_at = guarded.then_some(before.programs[program].read_at);
            (program, row, member, read_at, None)
        }
        Action::WriteUnder { program, row, claim } => {
            (program, row, 0, Some(before.programs[program].read_at), Some(claim))
        }
        _ => return Ok(None),
    };
    let named = match named {
        None => None,
        Some(id) => {
            let claim = before.claim(id).filter(|claim| claim.is_live(now));
            Some(claim.ok_or("claim_lost")?)
        }
    };
    let holder = before.holder(row, now);
    let is_own = |holder: &&ClaimFact| {
        named.is_none() && holder.connection == before.programs[program].connection
    };
    let under = named.or(holder.filter(is_own));
    if holder.is_some_and(|holder| under.is_none_or(|claim| claim.id != holder.id)) {
        return Err("entity_claimed");
    }
    // No update is lost: of what was written since the read, only what this very claim covered.
    let is_stale = before.log.iter().any(|change| {
        let is_same = change.row == row && change.member == member;
        let participant = |program: usize| program / shape.connections;
        let is_known = participant(change.program) == participant(program)
            && under.is_some_and(|claim| change.under == Some((claim.id, claim.declared)));
        is_same && read_at.is_some_and(|at| change.id > at) && !is_known
    });
    if is_stale { Err("stale_context") } else { Ok(under) }
}

fn check_write(
    shape: Shape,
    before: &State,
    after: &State,
    action: Action,
    answer: &Answer,
) -> Checked {
    let expected = expected(shape, before, after.now, action);
    let receipt = match (answer, &expected) {
        (Ok(receipt), Ok(_)) => receipt,
        (Err(code), Err(expected)) if code == expected => {
            let is_same = before.claims == after.claims && before.rows == after.rows;
            return rule(is_same, || "a refused write changed something".to_owned());
        }
        _ => {
            let answer = answer.as_ref().map(|_| "confirmed");
            return Err(format!("{answer:?}, expected {expected:?}"));
        }
    };
    let under = expected.unwrap_or_default();
    let [change] = after.log.get(before.log.len()..).unwrap_or_default() else {
        return Err("a write has not exactly one delta".to_owned());
    };
    rule(receipt.last_sync_id.map(|id| id.0) == Some(change.id), || format!("{receipt:?}"))?;
    // The log gives the rows.
    let mut rows = before.rows.clone();
    let value = before.numbers as u64;
    let previous = rows[change.row][change.member];
    rows[change.row][change.member] = value;
    rule(rows == after.rows, || format!("{rows:?} expected, got {:?}", after.rows))?;
    let logged = &change.logged;
    let fits = logged.values == rows[change.row]
        && logged.action == "U"
        && logged.previous == format!(r#"{{"{}":"{previous}"}}"#, ["x", "y"][change.member])
        && logged.actor == format!("p{}", change.program / shape.connections)
        && logged.claim == under.map(|claim| format!("c{}", claim.id))
        && logged.transaction == Some(format!("t{value}"));
    rule(fits, || format!("the delta is {logged:?}"))?;
    // A write over HTTP that names its claim renews it; no other write changes a claim.
    for claim in &before.claims {
        let mut next = *claim;
        if matches!(action, Action::WriteUnder { claim: id, .. } if id == claim.id) {
            next.expires = after.now + LEASE;
        }
        rule(after.claim(claim.id) == Some(&next), || format!("{claim:?} was changed"))?;
    }
    rule(before.claims.len() == after.claims.len(), || "a claim was made".to_owned())
}

fn check_claimed(after: &State, (row, id): (usize, usize), outcome: &ClaimOutcome) -> Checked {
    let Some(claim) = after.claim(id) else { return Err(format!("c{id} is missing")) };
    let program = &after.programs[after.owners[id]];
    rule(claim.connection == program.connection, || format!("{claim:?} has another connection"))?;
    let (expected, lease) = match outcome {
        ClaimOutcome::Held(_) => (Status::Active, LEASE),
        ClaimOutcome::Queued(..) => (Status::Queued, GRACE.min(LEASE)),
        ClaimOutcome::Refused(_) => return Err(format!("{claim:?} was refused")),
    };
    rule(claim.status == expected, || format!("{outcome:?}, but {claim:?}"))?;
    rule(claim.expires == after.now + lease, || format!("the lease of {claim:?}"))?;
    let ClaimOutcome::Queued(_, position) = outcome else { return Ok(()) };
    let before = after.claims.iter().take_while(|other| other.id != id);
    let waiters = before.filter(|other| other.row == row && other.status == Status::Queued);
    rule(waiters.count() as u64 == *position, || format!("{claim:?} is not at {position}"))?;
    let holder = after.holder(row, after.now);
    let others = holder.is_some_and(|holder| after.owners[holder.id] != after.owners[id]);
    rule(others, || format!("{claim:?} waits for {holder:?}"))
}

fn check_released(
    shape: Shape,
    before: &State,
    after: &State,
    action: Action,
    released: bool,
) -> Checked {
    let Action::Release { program, row } = action else { return Ok(()) };
    let Some(claim) = before.programs[program].claims[row].and_then(|id| before.claim(id)) else {
        return rule(!released, || "a claim that is gone was released".to_owned());
    };
    let Some(next) = after.claim(claim.id) else { return Err(format!("{claim:?} is gone")) };
    rule(!next.is_live(after.now), || format!("{next:?} was not released"))?;
    if !claim.is_live(after.now) {
        return rule(claim.is_open() || !released, || format!("{claim:?} was released again"));
    }
    let wrote = |is_its: &dyn Fn(&Change) -> bool| {
        let since = before.log.iter().filter(|change| change.at >= claim.declared);
        since.filter(|change| change.row == row).any(is_its)
    };
    let participant = |program: usize| program / shape.connections;
    let is_under = |change: &Change| change.under == Some((claim.id, claim.declared));
    let expected: &[Status] = if claim.status == Status::Queued {
        &[Status::Canceled]
    } else if wrote(&is_under) {
        &[Status::Committed]
    } else if wrote(&|change| {
        change.under.is_none() && participant(change.program) == participant(program)
    }) {
        // Programs that do not name themselves write over HTTP, so it may have been this one.
        &[Status::Committed, Status::Canceled]
    } else {
        &[Status::Canceled]
    };
    let fits = released && expected.contains(&next.status);
    rule(fits, || format!("{claim:?} ended as {next:?}"))
}

fn check_renewed(before: &State, after: &State, id: usize, lost: Option<&LostReason>) -> Checked {
    let claim = before.claim(id);
    if claim.is_some_and(|claim| claim.is_live(after.now)) {
        let is_renewed = after.claim(id).is_some_and(|claim| claim.expires == after.now + LEASE);
        return rule(lost.is_none() && is_renewed, || {
            format!("{claim:?} was not renewed: {lost:?}")
        });
    }
    rule(lost == Some(&LostReason::Expired), || format!("{claim:?}: {lost:?}"))
}

/// A write has one effect and one receipt, however often it is sent.
fn check_repeated(
    before: &State,
    after: &State,
    action: Action,
    [same, changed, other_key, other]: &[Answer; 4],
) -> Checked {
    let Action::Repeat(program) = action else { return Ok(()) };
    let sent = before.programs[program].last.as_ref().map(|sent| &sent.receipt);
    rule(same.as_ref().ok() == sent, || format!("{sent:?} repeated: {same:?}"))?;
    let at = |receipt: &ablo_wire::CommitReceipt| receipt.last_sync_id;
    let answered = other_key.as_ref().ok().map(at);
    rule(answered == sent.map(at), || format!("with another key: {other_key:?}"))?;
    for answer in [changed, other] {
        let code = answer.as_ref().err().map(String::as_str);
        rule(code == Some("idempotency_conflict"), || format!("with other content: {answer:?}"))?;
    }
    rule(before.claims == after.claims, || "a repeated write changed a claim".to_owned())
}
