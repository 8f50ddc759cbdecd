//! Finds the place of a bracket that is missing or too much: the one that leaves the least wrong.

use super::grammar::{FAULT, Grammar};
use super::tokens::{Bracket, Kind, Token};
use super::{Change, Fault, MAX_DEPTH};

/// The number of tokens that a search reads, so that its time is bounded.
const MAX_READ: usize = 4_000_000;
/// The number of tokens of a document in which brackets are searched.
const MAX_TOKENS: usize = 50_000;
/// The number of brackets that are put or removed.
const MAX_BRACKETS: usize = 8;

/// Puts the brackets that are missing, and removes those that are too much.
pub(super) fn balance(text: &str, tokens: &mut Vec<Token>, faults: &mut Vec<Fault>) {
    let mut edits = Edits { text, tokens: std::mem::take(tokens), applied: Vec::new() };
    while edits.applied.len() < MAX_BRACKETS && edits.even_out() {}
    while edits.applied.len() + 2 <= MAX_BRACKETS && edits.add_pair() {}
    edits.move_each();
    faults.extend(edits.applied.iter().map(|applied| edits.fault(applied)));
    *tokens = edits.tokens;
}

/// A bracket that was put or removed.
#[derive(Clone)]
struct Applied {
    edit: Unbalanced,
    token: Token,
    is_put: bool,
}

/// The tokens of a text after edits.
#[derive(Clone)]
struct Edits<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    applied: Vec<Applied>,
}

impl Edits<'_> {
    /// Puts or removes one bracket of those that have more of one kind. Returns `false` if all are
    /// balanced.
    fn even_out(&mut self) -> bool {
        let unbalanced = [Bracket::Brace, Bracket::Square].into_iter().filter_map(|bracket| {
            let has_more = match depth(&self.tokens, bracket) {
                0 => return None,
                1.. => Kind::Open(bracket),
                _ => Kind::Close(bracket),
            };
            Some(Unbalanced { bracket, has_more })
        });
        let found = unbalanced.filter_map(|edit| {
            let (cost, best) = Search::new(self.text, &self.tokens, edit).best()?;
            Some((cost, best, edit))
        });
        let Some((_, best, edit)) = found.min_by_key(|(cost, ..)| *cost) else { return false };
        self.apply(best, edit);
        true
    }

    /// Puts an opening and a closing bracket that are both missing, or removes both, if that leaves
    /// less wrong.
    fn add_pair(&mut self) -> bool {
        let cost = self.cost();
        // A bracket that is missing is several faults of the grammar.
        if cost < 2 * FAULT {
            return false;
        }
        let mut best: Option<(usize, Self)> = None;
        for bracket in [Bracket::Brace, Bracket::Square] {
            for has_more in [Kind::Close(bracket), Kind::Open(bracket)] {
                let mut both = self.clone();
                let edit = Unbalanced { bracket, has_more };
                let first = Search::new(self.text, &self.tokens, edit).best();
                let Some((_, first)) = first else { continue };
                both.apply(first, edit);
                both.even_out();
                both.move_each();
                let limit = best.as_ref().map_or(cost.saturating_sub(FAULT), |(cost, _)| *cost);
                let cost = both.cost();
                if cost < limit {
                    best = Some((cost, both));
                }
            }
        }
        let found = best.is_some();
        if let Some((_, both)) = best {
            *self = both;
        }
        found
    }

    /// Moves each bracket to a better place, if there is one beside the other brackets.
    fn move_each(&mut self) {
        if self.applied.len() < 2 {
            return;
        }
        for _ in 0..self.applied.len() {
            let cost = self.cost();
            if cost == 0 {
                return;
            }
            let mut moved = self.clone();
            let applied = moved.applied.remove(0);
            moved.undo(&applied);
            let best = Search::new(self.text, &moved.tokens, applied.edit).best();
            match best.filter(|(other, _)| *other < cost) {
                Some((_, best)) => {
                    moved.apply(best, applied.edit);
                    *self = moved;
                }
                None => self.applied.rotate_left(1),
            }
        }
    }

    fn cost(&self) -> usize {
        let mut grammar = Grammar::new(self.text);
        for (at, token) in self.tokens.iter().enumerate() {
            grammar.read(token, &self.tokens[at + 1..]);
        }
        grammar.finish();
        grammar.cost
    }

    fn apply(&mut self, best: Edit, edit: Unbalanced) {
        let (token, is_put) = match best {
            Edit::Remove(at) => (self.tokens.remove(at), false),
            Edit::Put(at) => {
                let token = edit_token(at, &self.tokens, edit);
                self.tokens.insert(at, token.clone());
                (token, true)
            }
        };
        self.applied.push(Applied { edit, token, is_put });
    }

    fn undo(&mut self, applied: &Applied) {
        match self.position(applied) {
            Some(at) => drop(self.tokens.remove(at)),
            None => {
                let start = applied.token.range.start;
                let at = self.tokens.partition_point(|token| token.range.start < start);
                self.tokens.insert(at, applied.token.clone());
            }
        }
    }

    /// The position of a bracket that was put.
    fn position(&self, applied: &Applied) -> Option<usize> {
        let is_same =
            |token: &Token| token.kind == applied.token.kind && token.range == applied.token.range;
        self.tokens.iter().position(is_same).filter(|_| applied.is_put)
    }

    fn fault(&self, applied: &Applied) -> Fault {
        let range = applied.token.range.clone();
        let Some(at) = self.position(applied) else {
            let (message, help) = match self.text.get(range.clone()) {
                Some("{" | "[") => ("this bracket is never closed", "remove it"),
                _ => ("this closes no bracket", "remove it"),
            };
            let mut fault = Fault::new(range.clone(), message, help);
            fault.changes.push(Change { range, text: String::new() });
            return fault;
        };
        let (missing, bracket) = applied.edit.missing();
        // Other brackets that were put have no place in the text.
        let mut beside: Box<dyn Iterator<Item = &Token>> = match missing {
            Kind::Close(_) => Box::new(self.tokens[..at].iter().rev()),
            _ => Box::new(self.tokens[at + 1..].iter()),
        };
        let beside = beside.find(|token| !token.range.is_empty());
        let place = beside.map_or(range.clone(), |token| token.range.clone());
        let (message, help) = match bracket {
            "}" => ("a `}` is missing after this", "close the object with `}`"),
            "]" => ("a `]` is missing after this", "close the list with `]`"),
            "{" => ("a `{` is missing before this", "open the object with `{`"),
            _ => ("a `[` is missing before this", "open the list with `[`"),
        };
        let mut fault = Fault::new(place, message, help);
        fault.changes.push(Change { range, text: bracket.to_owned() });
        fault
    }
}

/// The number of brackets that are opened and not closed.
fn depth(tokens: &[Token], bracket: Bracket) -> isize {
    let depth = |token: &Token| match token.kind {
        Kind::Open(it) if it == bracket => 1,
        Kind::Close(it) if it == bracket => -1,
        _ => 0,
    };
    tokens.iter().map(depth).sum()
}

/// A bracket that has more of one kind than of the other.
#[derive(Clone, Copy)]
struct Unbalanced {
    bracket: Bracket,
    has_more: Kind,
}

impl Unbalanced {
    /// The kind that is missing, and its text.
    fn missing(self) -> (Kind, &'static str) {
        match self.has_more {
            Kind::Open(_) => (Kind::Close(self.bracket), self.bracket.close()),
            _ => (Kind::Open(self.bracket), self.bracket.open()),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Edit {
    /// Puts the missing bracket before the token.
    Put(usize),
    /// Removes the token.
    Remove(usize),
}

impl Edit {
    /// Returns the byte offset at which a missing bracket is put.
    ///
    /// A closing bracket follows the token before it, unless the next line begins with a comma.
    fn offset(at: usize, tokens: &[Token], missing: Kind) -> usize {
        let before = at.checked_sub(1).and_then(|at| tokens.get(at));
        let next = tokens.get(at);
        let begins_line =
            next.is_some_and(|next| next.indent.is_some() && next.kind == Kind::Comma);
        match (missing, before, next) {
            (Kind::Close(_), Some(before), _) if !begins_line => before.range.end,
            (_, _, Some(next)) => next.range.start,
            (_, Some(before), None) => before.range.end,
            (_, None, None) => 0,
        }
    }
}

/// The token of a missing bracket before another token.
fn edit_token(at: usize, tokens: &[Token], edit: Unbalanced) -> Token {
    let (kind, _) = edit.missing();
    let offset = Edit::offset(at, tokens, kind);
    Token { kind, range: offset..offset, indent: None }
}

struct Search<'t> {
    tokens: &'t [Token],
    edit: Unbalanced,
    /// The state before each token.
    before: Vec<Grammar<'t>>,
    /// The position of the first token that costs something.
    first: usize,
    read: usize,
}

impl<'t> Search<'t> {
    fn new(text: &'t str, tokens: &'t [Token], edit: Unbalanced) -> Self {
        let mut before = Vec::new();
        let mut grammar = Grammar::new(text);
        let mut first = tokens.len();
        if tokens.len() <= MAX_TOKENS {
            for (at, token) in tokens.iter().enumerate() {
                before.push(grammar.clone());
                grammar.read(token, &tokens[at + 1..]);
                if grammar.depth() > MAX_DEPTH {
                    return Self { tokens, edit, before: Vec::new(), first: 0, read: 0 };
                }
                if grammar.cost > 0 {
                    first = first.min(at);
                }
            }
            before.push(grammar);
        }
        Self { tokens, edit, before, first, read: 0 }
    }

    /// Returns the edit with the least cost, and the cost. The fault is at or before the first
    /// place that costs something, or behind an unrelated one.
    fn best(&mut self) -> Option<(usize, Edit)> {
        let mut best: Option<(usize, Edit)> = None;
        let first = self.first.min(self.before.len().checked_sub(1)?);
        for at in (0..=first).rev().chain(first + 1..self.before.len()) {
            let has_more =
                self.tokens.get(at).is_some_and(|token| token.kind == self.edit.has_more);
            let edits = [Some(Edit::Put(at)), has_more.then_some(Edit::Remove(at))];
            for edit in edits.into_iter().flatten() {
                let limit = best.map_or(usize::MAX, |(cost, _)| cost);
                let cost = self.cost(edit, limit);
                if cost < limit {
                    best = Some((cost, edit));
                }
            }
            if self.read > MAX_READ || best.is_some_and(|(cost, _)| cost == 0) {
                break;
            }
        }
        best
    }

    /// Returns the cost of the document after an edit, or a number that is not below the limit.
    fn cost(&mut self, edit: Edit, limit: usize) -> usize {
        let (at, rest) = match edit {
            Edit::Put(at) => (at, at),
            Edit::Remove(at) => (at, at + 1),
        };
        let mut grammar = self.before[at].clone();
        if let Edit::Put(_) = edit {
            grammar.read(&edit_token(at, self.tokens, self.edit), &self.tokens[at..]);
        }
        for (at, token) in self.tokens.iter().enumerate().skip(rest) {
            if grammar.cost >= limit {
                return limit;
            }
            self.read += 1;
            grammar.read(token, &self.tokens[at + 1..]);
        }
        grammar.finish();
        grammar.cost
    }
}
