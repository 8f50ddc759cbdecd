//! The steps, the answers, and the facts that are read from the tables after each step.

use ablo_server::engine::claims::ClaimOutcome;
use ablo_server::store::Row;
use ablo_server::value::Cell;
use ablo_wire::{CommitReceipt, LostReason};
use jiff::Timestamp;

/// A lease ends after two ticks of the clock, and so does the grace period of ten seconds.
pub(super) const LEASE: i64 = 12_000_000;
pub(super) const GRACE: i64 = 10_000_000;
pub(super) const TICK: i64 = 7_000_000;
pub(super) const JUMP: i64 = 3_600_000_000;

/// How many there are of each; programs are connections of participants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) participants: usize,
    pub(super) connections: usize,
    pub(super) rows: usize,
    /// Whether programs name themselves; else each connection is a holder of its own.
    pub(super) named: bool,
}

/// One step of a program, of the clock or of housekeeping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Action {
    /// Takes the head of the log as the position of its reads.
    Read(usize),
    /// Writes a member of a row over its socket.
    Write {
        program: usize,
        row: usize,
        member: usize,
        guarded: bool,
    },
    /// Writes the first member of a row over HTTP with a guard, and names a claim.
    WriteUnder {
        program: usize,
        row: usize,
        claim: usize,
    },
    /// Claims a row and waits in its queue. A waiter repeats its request; a holder makes another.
    Claim {
        program: usize,
        row: usize,
    },
    Release {
        program: usize,
        row: usize,
    },
    /// Renews its claims, as an open connection does.
    Renew(usize),
    /// Sends its last confirmed commit again, in four forms.
    Repeat(usize),
    /// Loses its connection.
    Cut(usize),
    /// Opens a new connection and continues its claims there.
    Reconnect(usize),
    /// The clock advances, by more than half of a lease.
    Tick,
    /// The clock advances by more than any lease.
    Jump,
    Sweep,
}

/// The answer of the coordinator.
#[derive(Debug)]
pub(super) enum Outcome {
    Nothing,
    Written(Box<Answer>),
    /// The answers to requests for claims, each with its row and the id of the claim.
    Claimed(Vec<(usize, usize, ClaimOutcome)>),
    Released(bool),
    /// The claims that were renewed or lost, each with its row.
    Renewed(Vec<(usize, usize, Option<LostReason>)>),
    Repeated(Box<[Answer; 4]>),
}

pub(super) type Answer = Result<CommitReceipt, String>;

/// A commit that was confirmed.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) number: usize,
    pub(super) row: usize,
    pub(super) member: usize,
    pub(super) receipt: CommitReceipt,
}

#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) connected: bool,
    /// The number of its connection.
    pub(super) connection: usize,
    /// The position of its reads.
    pub(super) read_at: u64,
    /// The claim that it requested last on each row, unless it released or lost it.
    pub(super) claims: Vec<Option<usize>>,
    pub(super) last: Option<Sent>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Active,
    Queued,
    Expired,
    Canceled,
    Committed,
}

/// A claim as the table has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClaimFact {
    pub(super) id: usize,
    pub(super) row: usize,
    pub(super) status: Status,
    /// Times are microseconds since the start.
    pub(super) declared: i64,
    pub(super) expires: i64,
    pub(super) connection: usize,
}

/// A delta as the log has it, and the program that caused it.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) id: u64,
    pub(super) row: usize,
    pub(super) member: usize,
    pub(super) program: usize,
    /// The claim under which it was written, by the rules, and when that was requested.
    pub(super) under: Option<(usize, i64)>,
    pub(super) at: i64,
    pub(super) logged: Logged,
}

/// The columns of a delta that the rules look at.
#[derive(Clone, Debug)]
pub(super) struct Logged {
    pub(super) action: String,
    pub(super) values: [u64; 2],
    pub(super) previous: String,
    pub(super) actor: String,
    pub(super) claim: Option<String>,
    pub(super) transaction: Option<String>,
}

/// The content of the tables, and the knowledge of each program.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) now: i64,
    pub(super) programs: Vec<Program>,
    /// In the order of their arrival.
    pub(super) claims: Vec<ClaimFact>,
    /// The program of each claim.
    pub(super) owners: Vec<usize>,
    pub(super) rows: Vec<[u64; 2]>,
    pub(super) log: Vec<Change>,
    /// Numbers commits and connections.
    pub(super) numbers: usize,
    /// The step that led here.
    pub(super) last: Option<Action>,
    pub(super) head: u64,
}

impl Action {
    /// Replaces program and row by the number of their class.
    pub(super) fn without_names(self, classes: &[Vec<usize>]) -> Self {
        let of = |program: usize| classes[program].iter().copied().min().unwrap_or(program);
        let both = |program: usize, row: usize| (classes[program][row], 0);
        match self {
            Self::Read(program) => Self::Read(of(program)),
            Self::Renew(program) => Self::Renew(of(program)),
            Self::Repeat(program) => Self::Repeat(of(program)),
            Self::Cut(program) => Self::Cut(of(program)),
            Self::Reconnect(program) => Self::Reconnect(of(program)),
            Self::Write { program, row, member, guarded } => {
                let (program, row) = both(program, row);
                Self::Write { program, row, member, guarded }
            }
            Self::Claim { program, row } => {
                let (program, row) = both(program, row);
                Self::Claim { program, row }
            }
            Self::Release { program, row } => {
                let (program, row) = both(program, row);
                Self::Release { program, row }
            }
            Self::WriteUnder { .. } | Self::Tick | Self::Jump | Self::Sweep => self,
        }
    }
}

impl ClaimFact {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.status, Status::Active | Status::Queued)
    }

    /// Whether the claim is open and its lease has not ended.
    pub(super) fn is_live(&self, now: i64) -> bool {
        self.is_open() && self.expires > now
    }
}

impl State {
    pub(super) fn claim(&self, id: usize) -> Option<&ClaimFact> {
        self.claims.iter().find(|claim| claim.id == id)
    }

    /// Returns the claim that holds a row.
    pub(super) fn holder(&self, row: usize, now: i64) -> Option<&ClaimFact> {
        self.claims
            .iter()
            .find(|claim| claim.row == row && claim.status == Status::Active && claim.is_live(now))
    }

    /// Returns all actions that can change or show something.
    pub(super) fn actions(&self) -> Vec<Action> {
        let mut actions = vec![Action::Tick, Action::Jump];
        if self.claims.iter().any(|claim| !claim.is_live(self.now)) {
            actions.push(Action::Sweep);
        }
        for (program, known) in self.programs.iter().enumerate() {
            let has_claims = known.claims.iter().any(Option::is_some);
            if has_claims || !known.connected {
                actions.push(Action::Reconnect(program));
            }
            if !known.connected {
                continue;
            }
            if has_claims {
                actions.extend([Action::Renew(program), Action::Cut(program)]);
            }
            if known.read_at < self.head {
                actions.push(Action::Read(program));
            }
            if known.last.is_some() {
                actions.push(Action::Repeat(program));
            }
            for row in 0..self.rows.len() {
                let write = |member, guarded| Action::Write { program, row, member, guarded };
                actions.extend([write(0, true), write(1, true), write(0, false)]);
                actions.push(Action::Claim { program, row });
                if let Some(claim) = known.claims[row] {
                    actions.push(Action::Release { program, row });
                    actions.push(Action::WriteUnder { program, row, claim });
                }
            }
        }
        let ended = self.claims.iter().filter(|claim| self.is_past(claim));
        actions.extend(ended.map(|claim| Action::WriteUnder {
            program: self.owners[claim.id],
            row: claim.row,
            claim: claim.id,
        }));
        actions
    }

    /// Returns whether a claim has ended and its program knows it.
    pub(super) fn is_past(&self, claim: &ClaimFact) -> bool {
        let owner = &self.programs[self.owners[claim.id]];
        !claim.is_open() && owner.claims[claim.row] != Some(claim.id)
    }
}

pub(super) fn start() -> Timestamp {
    Timestamp::constant(1_800_000_000, 0)
}

fn text(cell: Option<&Cell>) -> Option<&str> {
    match cell {
        Some(Cell::Text(text)) => Some(text),
        _ => None,
    }
}

/// Reads the number of a name such as `c7`.
fn number(cell: Option<&Cell>) -> Option<usize> {
    text(cell)?.get(1..)?.parse().ok()
}

fn micros(cell: Option<&Cell>) -> Option<i64> {
    let at: Timestamp = text(cell)?.parse().ok()?;
    Some(at.as_microsecond() - start().as_microsecond())
}

pub(super) fn claim_fact(row: &Row) -> Option<ClaimFact> {
    Some(ClaimFact {
        id: number(row.first())?,
        row: number(row.get(1))?,
        status: match text(row.get(2))? {
            "active" => Status::Active,
            "queued" => Status::Queued,
            "expired" => Status::Expired,
            "canceled" => Status::Canceled,
            "committed" => Status::Committed,
            _ => return None,
        },
        declared: micros(row.get(3))?,
        expires: micros(row.get(4))?,
        connection: number(row.get(5))?,
    })
}

pub(super) fn values(row: &Row) -> Option<[u64; 2]> {
    Some([text(row.first())?.parse().ok()?, text(row.get(1))?.parse().ok()?])
}

pub(super) fn change(
    row: &Row,
    (program, member, under): (usize, usize, Option<(usize, i64)>),
) -> Option<Change> {
    let owned = |at| text(row.get(at)).map(str::to_owned);
    Some(Change {
        id: row.first()?.integer().and_then(|id| u64::try_from(id).ok())?,
        row: number(row.get(1))?,
        member,
        program,
        under,
        at: micros(row.get(9))?,
        logged: Logged {
            action: owned(2)?,
            values: [text(row.get(3))?.parse().ok()?, text(row.get(4))?.parse().ok()?],
            previous: owned(5)?,
            actor: owned(6)?,
            claim: owned(7),
            transaction: owned(8),
        },
    })
}
