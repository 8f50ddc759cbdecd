//! The grammar of a document: repairs punctuation, and counts what does not fit the members of
//! Schema JSON, so that a bracket can be put where the least is wrong.

use super::super::members::{DOCUMENT, FREE_PREFIX, Kind as ValueKind, Level};
use super::tokens::{Bracket, Kind, Token, is_any_quote, is_literal};
use super::{Change, Fault};
use std::ops::Range;

/// The costs of a fault of the grammar, of a member or value that Schema JSON does not have, and of
/// a line with an unexpected indentation.
pub(super) const FAULT: usize = 100;
const MISFIT: usize = 10;
const INDENT: usize = 1;

/// The values that a place is meant for.
#[derive(Clone, Copy, Debug)]
enum Expected {
    Any,
    Value(&'static ValueKind),
    Object(&'static Level),
    Text,
    /// A JSON Schema, an object of them, and a list of them.
    Shape,
    Shapes,
    ShapeList,
}

/// Returns the values of a member of a JSON Schema.
fn of_shape(name: &str) -> Expected {
    match name {
        "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => {
            Expected::Shapes
        }
        "items"
        | "additionalProperties"
        | "not"
        | "contains"
        | "propertyNames"
        | "if"
        | "then"
        | "else" => Expected::Shape,
        "anyOf" | "oneOf" | "allOf" | "prefixItems" => Expected::ShapeList,
        _ => Expected::Any,
    }
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    bracket: Bracket,
    /// The level of an object with known members, and those that it has.
    level: Option<(&'static Level, u32)>,
    /// The values of an object with any members, or the items.
    inner: Expected,
    /// Whether the object is a JSON Schema.
    is_shape: bool,
    /// The indentation of the line with the opening bracket, and of the lines inside.
    indent: Option<usize>,
    inside: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A value, after a colon or at the start.
    Value,
    /// A name or the end of the object.
    NameOrEnd,
    /// A name, after a comma.
    Name,
    Colon,
    /// An item or the end of the list.
    ItemOrEnd,
    /// An item, after a comma.
    Item,
    /// A comma or the closing bracket.
    End,
    /// Nothing: the document has ended.
    Done,
}

/// A reader of tokens. A clone continues from the same place.
#[derive(Clone, Debug)]
pub(super) struct Grammar<'t> {
    text: &'t str,
    stack: Vec<Frame>,
    state: State,
    expected: Expected,
    /// The range of the previous token.
    previous: Range<usize>,
    /// The indentation of the current line.
    line: Option<usize>,
    pub(super) cost: usize,
    /// The faults, if they are wanted.
    pub(super) faults: Option<Vec<Fault>>,
}

impl<'t> Grammar<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            stack: Vec::new(),
            state: State::Value,
            expected: Expected::Object(&DOCUMENT),
            previous: 0..0,
            line: Some(0),
            cost: 0,
            faults: None,
        }
    }

    /// The number of open brackets.
    pub(super) fn depth(&self) -> usize {
        self.stack.len()
    }

    /// The range of the previous token.
    fn previous(&self) -> Range<usize> {
        self.previous.clone()
    }

    /// Reads a token; `next` are those behind it.
    pub(super) fn read(&mut self, token: &Token, next: &[Token]) {
        if token.indent.is_some() {
            self.line = token.indent;
        }
        match token.kind {
            Kind::Comma => self.comma(token, next),
            Kind::Colon => self.colon(token),
            Kind::Close(bracket) => self.close(token, bracket),
            Kind::Open(_) | Kind::Text | Kind::Word => self.value(token),
        }
        self.previous = token.range.clone();
    }

    /// Ends the document.
    pub(super) fn finish(&mut self) {
        if self.state == State::Done {
            return;
        }
        let at = self.previous.end;
        let comma = matches!(self.state, State::Name | State::Item).then(|| self.previous());
        let mut rest = match self.state {
            State::Colon => ": null".to_owned(),
            State::Value => " null".to_owned(),
            _ => String::new(),
        };
        while let Some(frame) = self.stack.last() {
            rest.push_str(frame.bracket.close());
            self.cost += FAULT;
            self.pop();
        }
        let help = "close every object with `}`, every list with `]` and every text with `\"`";
        let mut changes: Vec<(Range<usize>, &str)> = vec![(at..at, &rest)];
        changes.extend(comma.map(|comma| (comma, "")));
        self.fault(self.previous(), "the document ends too early", help, &changes);
    }

    fn fault(
        &mut self,
        range: Range<usize>,
        message: &'static str,
        help: &'static str,
        changes: &[(Range<usize>, &str)],
    ) {
        self.cost += FAULT;
        if let Some(faults) = &mut self.faults {
            let mut fault = Fault::new(range, message, help);
            let change = |(range, text): &(Range<usize>, &str)| Change {
                range: range.clone(),
                text: (*text).to_owned(),
            };
            fault.changes = changes.iter().map(change).collect();
            faults.push(fault);
        }
    }

    fn remove(&mut self, range: Range<usize>, message: &'static str, help: &'static str) {
        self.fault(range.clone(), message, help, &[(range, "")]);
    }

    fn comma(&mut self, token: &Token, next: &[Token]) {
        let range = token.range.clone();
        let kind = |at: usize| next.get(at).map(|token| token.kind);
        let starts_value = matches!(kind(0), Some(Kind::Text | Kind::Word | Kind::Open(_)));
        match self.state {
            State::End if self.in_object() => self.state = State::Name,
            State::End => self.state = State::Item,
            State::Colon if starts_value && kind(1) != Some(Kind::Colon) => {
                let help = "write a colon between a name and its value";
                self.fault(range.clone(), "this comma is a colon", help, &[(range, ":")]);
                self.state = State::Value;
            }
            State::Colon if kind(0) == Some(Kind::Colon) => {
                self.remove(range, "this comma follows no value", "remove the comma");
            }
            State::Colon | State::Value if !starts_value || kind(1) == Some(Kind::Colon) => {
                self.no_value();
                self.state = State::Name;
            }
            State::Done => self.after_document(range),
            _ => self.remove(range, "this comma follows no value", "remove the comma"),
        }
    }

    fn colon(&mut self, token: &Token) {
        if self.state == State::Colon {
            self.state = State::Value;
        } else if self.state == State::Done {
            self.after_document(token.range.clone());
        } else {
            self.remove(token.range.clone(), "this colon follows no name", "remove the colon");
        }
    }

    fn no_value(&mut self) {
        self.fault(self.previous(), "this member has no value", "write its value", &[]);
    }

    fn after_document(&mut self, range: Range<usize>) {
        let (message, help) = ("there is text after the end of the document", "remove it");
        let is_first = self
            .faults
            .as_ref()
            .is_none_or(|faults| faults.last().is_none_or(|last| last.message != message));
        if is_first {
            self.remove(range, message, help);
        } else {
            self.cost += FAULT;
            let last = self.faults.as_mut().and_then(|faults| faults.last_mut());
            if let Some(change) = last.and_then(|last| last.changes.first_mut()) {
                change.range.end = range.end;
            }
        }
    }

    fn in_object(&self) -> bool {
        self.stack.last().is_some_and(|frame| frame.bracket == Bracket::Brace)
    }

    fn missing_close(&mut self, bracket: Bracket) {
        let at = self.previous.end;
        let (message, help) = match bracket {
            Bracket::Brace => ("a `}` is missing after this", "close the object with `}`"),
            Bracket::Square => ("a `]` is missing after this", "close the list with `]`"),
        };
        self.fault(self.previous(), message, help, &[(at..at, bracket.close())]);
    }

    fn close(&mut self, token: &Token, bracket: Bracket) {
        let range = token.range.clone();
        if self.state == State::Done {
            return self.after_document(range);
        }
        if self.stack.iter().all(|frame| frame.bracket != bracket) {
            let (message, help) = ("this closes no bracket", "remove it");
            return self.remove(range, message, help);
        }
        match self.state {
            State::Name | State::Item => {
                let message = "JSON has no comma after the last member or item";
                self.remove(self.previous(), message, "remove the comma");
            }
            State::Colon | State::Value => self.no_value(),
            _ => {}
        }
        while let Some(top) = self.stack.last().copied().filter(|top| top.bracket != bracket) {
            self.missing_close(top.bracket);
            self.pop();
        }
        if let (Some(top), Some(indent)) = (self.stack.last(), token.indent)
            && top.indent.is_some_and(|opened| opened != indent)
        {
            self.cost += INDENT;
        }
        self.pop();
    }

    fn pop(&mut self) {
        if let Some(Frame { level: Some((level, present)), .. }) = self.stack.pop() {
            let is_missing = |(at, known): &(usize, &super::super::members::Known)| {
                known.required.is_some() && present & (1 << at) == 0
            };
            self.cost += MISFIT * level.members.iter().enumerate().filter(is_missing).count();
        }
        self.state = if self.stack.is_empty() { State::Done } else { State::End };
    }

    /// Reads the first token of a value, or a name.
    fn value(&mut self, token: &Token) {
        let is_open = matches!(token.kind, Kind::Open(_));
        let at = self.previous.end;
        if self.state == State::Done {
            return self.after_document(token.range.clone());
        }
        if self.state == State::Colon {
            let (message, help) = ("a colon is missing before this", "add a colon before it");
            self.fault(token.range.clone(), message, help, &[(at..at, ":")]);
            self.state = State::Value;
        }
        if self.state == State::End && !(is_open && self.in_object()) {
            let (message, help) = ("a comma is missing before this", "add a comma before it");
            self.fault(token.range.clone(), message, help, &[(at..at, ",")]);
            self.state = if self.in_object() { State::Name } else { State::Item };
        }
        match (self.state, token.kind) {
            (State::End | State::Name | State::NameOrEnd, Kind::Open(_)) => {
                let help = "write a name before it, or remove it";
                self.remove(token.range.clone(), "this bracket has no name", help);
            }
            (State::Name | State::NameOrEnd, _) => self.name(token),
            (State::Item | State::ItemOrEnd, _) => {
                self.place(token);
                self.expected = self.stack.last().map_or(Expected::Any, |frame| frame.inner);
                self.begin(token);
            }
            _ => self.begin(token),
        }
    }

    /// Compares the indentation of a name or item with those before it.
    fn place(&mut self, token: &Token) {
        let (Some(frame), Some(indent)) = (self.stack.last_mut(), token.indent) else { return };
        let is_deeper = frame.indent.is_none_or(|outer| outer < indent);
        if !is_deeper || *frame.inside.get_or_insert(indent) != indent {
            self.cost += INDENT;
        }
    }

    fn name(&mut self, token: &Token) {
        self.place(token);
        let text = &self.text[token.range.clone()];
        if token.kind == Kind::Word {
            let quoted = format!("\"{text}\"");
            let range = token.range.clone();
            let (message, help) = ("this name has no quotes", "write names in double quotes");
            self.fault(range.clone(), message, help, &[(range, &quoted)]);
        }
        let name = text.trim_matches(is_any_quote);
        self.state = State::Colon;
        let Some(frame) = self.stack.last_mut() else { return };
        let Some((level, present)) = &mut frame.level else {
            self.expected = match frame.inner {
                Expected::Shape if frame.is_shape => of_shape(name),
                inner => inner,
            };
            return;
        };
        self.expected = Expected::Any;
        match level.position(name) {
            Some(at) => {
                self.expected = Expected::Value(&level.members[at].kind);
                if *present & (1 << at) != 0 {
                    self.cost += MISFIT;
                }
                *present |= 1 << at;
            }
            None if name.starts_with(FREE_PREFIX) => {}
            None => self.cost += MISFIT,
        }
    }

    fn begin(&mut self, token: &Token) {
        if !fits(self.expected, token, &self.text[token.range.clone()]) {
            self.cost += MISFIT;
        }
        match token.kind {
            Kind::Open(bracket) => {
                // A bracket that was typed twice.
                if self.state == State::ItemOrEnd && self.previous.end == token.range.start {
                    self.cost += INDENT;
                }
                self.open(bracket);
            }
            Kind::Word => {
                self.literal(token);
                self.state = State::End;
            }
            _ => self.state = State::End,
        }
        if self.stack.is_empty() {
            self.state = State::Done;
        }
    }

    fn open(&mut self, bracket: Bracket) {
        let (level, inner) = match (bracket, self.expected) {
            (Bracket::Brace, Expected::Object(level)) => (Some((level, 0)), Expected::Any),
            (Bracket::Brace, Expected::Value(ValueKind::Of(level))) => {
                (Some((*level, 0)), Expected::Any)
            }
            (Bracket::Brace, Expected::Value(ValueKind::MapOf(level)))
            | (Bracket::Square, Expected::Value(ValueKind::ListOf(level))) => {
                (None, Expected::Object(level))
            }
            (Bracket::Brace, Expected::Value(ValueKind::JsonSchema) | Expected::Shape)
            | (Bracket::Brace, Expected::Shapes)
            | (Bracket::Square, Expected::ShapeList) => (None, Expected::Shape),
            (Bracket::Square, Expected::Value(ValueKind::Texts | ValueKind::SomeOf(_))) => {
                (None, Expected::Text)
            }
            _ => (None, Expected::Any),
        };
        let is_shape =
            matches!(self.expected, Expected::Shape | Expected::Value(ValueKind::JsonSchema));
        let indent = self.line;
        self.stack.push(Frame { bracket, level, inner, is_shape, indent, inside: None });
        self.state = match bracket {
            Bracket::Brace => State::NameOrEnd,
            Bracket::Square => State::ItemOrEnd,
        };
    }

    /// Replaces a word that is no value of JSON.
    fn literal(&mut self, token: &Token) {
        let word = &self.text[token.range.clone()];
        if is_literal(word) {
            return;
        }
        let range = token.range.clone();
        let lower = word.to_lowercase();
        let near = ["true", "false", "null"]
            .into_iter()
            .find(|literal| strsim::damerau_levenshtein(&lower, literal) <= 1);
        let near =
            near.or(matches!(lower.as_str(), "none" | "nil" | "undefined").then_some("null"));
        if let Some(near) = near {
            let help = "write `true`, `false` or `null`";
            self.fault(range.clone(), "this is no value of JSON", help, &[(range, near)]);
        } else {
            let quoted = serde_json::Value::from(word).to_string();
            let help = "write texts in double quotes";
            self.fault(range.clone(), "this text has no quotes", help, &[(range, &quoted)]);
        }
    }
}

/// Whether a value that begins with a token can stand at a place.
fn fits(expected: Expected, token: &Token, text: &str) -> bool {
    let is_boolean = token.kind == Kind::Word && matches!(text, "true" | "false");
    let kind = match expected {
        Expected::Any => return true,
        Expected::Object(_) => return token.kind == Kind::Open(Bracket::Brace),
        Expected::Text => return token.kind == Kind::Text,
        Expected::Shape => return is_boolean || token.kind == Kind::Open(Bracket::Brace),
        Expected::Shapes => return token.kind == Kind::Open(Bracket::Brace),
        Expected::ShapeList => return token.kind == Kind::Open(Bracket::Square),
        Expected::Value(kind) => kind,
    };
    match kind {
        ValueKind::Any => true,
        ValueKind::Boolean => is_boolean,
        ValueKind::BooleanOrText => is_boolean || token.kind == Kind::Text,
        ValueKind::Text | ValueKind::OneOf(_) | ValueKind::TextSuchAs(_) => {
            token.kind == Kind::Text
        }
        ValueKind::Version | ValueKind::Whole { .. } => token.kind == Kind::Word && !is_boolean,
        ValueKind::Texts | ValueKind::SomeOf(_) | ValueKind::ListOf(_) => {
            token.kind == Kind::Open(Bracket::Square)
        }
        ValueKind::JsonSchema | ValueKind::Of(_) | ValueKind::MapOf(_) => {
            token.kind == Kind::Open(Bracket::Brace)
        }
    }
}
