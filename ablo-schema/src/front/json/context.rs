//! Reads nodes as the expected type, or reports what they are instead.

use super::members::{FREE_PREFIX, Kind, Level, ROLE, SOURCE};
use super::node::{Member, Node, NodeKind};
use crate::diag::{Applicability, Code, Diagnostics, Place, Severity, SpanId, Spanned, Suggest};
use crate::raw::{CowStr, Maybe, RawRole};
use std::fmt::Display;

/// State shared by all readers of a document: diagnostics and suggestions.
pub(super) struct ReadContext<'d> {
    pub(super) diagnostics: &'d mut Diagnostics,
    pub(super) suggest: Suggest,
    /// The severity of unknown members.
    pub(super) unknown: Severity,
}

impl<'d> ReadContext<'d> {
    pub(super) fn new(diagnostics: &'d mut Diagnostics, unknown: Severity) -> Self {
        Self { diagnostics, suggest: Suggest::default(), unknown }
    }
}

impl ReadContext<'_> {
    pub(super) fn wrong_type(&mut self, node: &Node<'_>, what: impl Display, wanted: &str) {
        let message = format!("{what} must be {wanted}, not {}", node.describe());
        self.diagnostics
            .push(Code::JsonWrongType, node.span(), message)
            .help(format!("use {wanted}"));
    }

    pub(super) fn missing_member(
        &mut self,
        at: SpanId,
        owner: impl Display,
        name: &str,
        help: &str,
    ) {
        self.diagnostics
            .push(Code::JsonMissingMember, at, format!("missing member `{name}` of {owner}"))
            .help(help);
    }

    /// Reads an object of a level, and reports the members that it lacks and those that the level
    /// does not have.
    pub(super) fn members<'a>(
        &mut self,
        node: Node<'a>,
        level: &Level,
        owner: impl Display,
    ) -> Option<Vec<Member<'a>>> {
        let at = node.span();
        let mut members = self.object(node, &owner)?;
        let mut present = 0_u32;
        let mut known = 0;
        let mut before = None;
        for member in &members {
            if let Some(index) = level.position_after(before, &member.name) {
                before = Some(index);
                present |= 1 << index;
                known += 1;
            }
        }
        if known < members.len() {
            let expected = level.expected(&members);
            for member in &mut members {
                self.check_known(member, level, &owner, expected, present).inspect(|index| {
                    present |= 1 << index;
                });
            }
        }
        if !level.lacks(present) {
            return Some(members);
        }
        for (index, known) in level.members.iter().enumerate() {
            if let Some(help) = known.required
                && present & (1 << index) == 0
            {
                self.missing_member(at, &owner, known.name, help);
                if let Some((applicability, value)) = known.usual() {
                    let member = format!("\"{}\": {value}", known.name);
                    self.fix(applicability, Place::EndOf(at), member);
                }
            }
        }
        Some(members)
    }

    /// Reports an unknown member.
    ///
    /// One that stands for a member that is missing is read as it, so that it is not reported
    /// again. Returns the position of that member in the level.
    fn check_known(
        &mut self,
        member: &mut Member<'_>,
        level: &Level,
        owner: &impl Display,
        expected: u32,
        present: u32,
    ) -> Option<usize> {
        if level.position(&member.name).is_some() || member.name.starts_with(FREE_PREFIX) {
            return None;
        }
        let near = level.called(&member.name).or_else(|| {
            // Of two names that are equally near, one that is missing and fits the value.
            let mut names: Vec<(bool, &str)> = level
                .members
                .iter()
                .enumerate()
                .map(|(at, known)| {
                    let is_likely = present & (1 << at) == 0 && known.kind.fits(&member.value);
                    (!is_likely, known.name)
                })
                .collect();
            names.sort_by_key(|(is_unlikely, _)| *is_unlikely);
            self.suggest.nearest(&member.name, names.into_iter().map(|(_, name)| name))
        });
        let help = near.map_or_else(
            || format!("remove it, or let its name begin with `{FREE_PREFIX}`"),
            |near| format!("did you mean `{near}`?"),
        );
        let near = near.and_then(|near| level.position(near));
        let free = near.filter(|index| present & (1 << index) == 0);
        let is_required = free.is_some_and(|index| level.members[index].required.is_some());
        let severity = if is_required { Severity::Error } else { self.unknown };
        let message = format!("unknown member `{}` of {owner}", member.name);
        self.diagnostics
            .push_as(severity, Code::JsonUnknownMember, member.name_span(), message)
            .help(help);
        let fits = |index: &usize| level.members[*index].kind.fits(&member.value);
        if let Some(index) = near {
            let applicability = match free.filter(fits) {
                Some(_) => Applicability::MachineApplicable,
                None => Applicability::MaybeIncorrect,
            };
            let name = format!("\"{}\"", level.members[index].name);
            self.fix(applicability, Place::Span(member.name_span()), name);
        }
        let is_expected = |index: &usize| expected & (1 << index) != 0;
        // Any value fits a default, and a member that goes with another word is of no use here.
        let is_evident = |index: &usize| {
            let known = &level.members[*index];
            fits(index) && known.goes_with.is_none() && !matches!(known.kind, Kind::Any)
        };
        let index = free.filter(|index| is_expected(index) || is_evident(index))?;
        if severity != Severity::Error {
            return None;
        }
        member.name = level.members[index].name.into();
        Some(index)
    }

    /// Adds a fix to the last diagnostic.
    pub(super) fn fix(&mut self, applicability: Applicability, place: Place, text: String) {
        if let Some(last) = self.diagnostics.last_mut() {
            last.fix(applicability, place, text);
        }
    }

    /// Reports a member that has no effect beside the word of another one.
    pub(super) fn without_effect(&mut self, at: SpanId, name: &str, word: (&str, &str)) {
        let message = format!("member `{name}` has no effect unless `{}` is `{}`", word.0, word.1);
        self.diagnostics
            .push_as(self.unknown, Code::JsonUnknownMember, at, message)
            .help(format!("remove it, or write `\"{}\": \"{}\"`", word.0, word.1));
    }

    pub(super) fn string<'a>(&mut self, member: Member<'a>) -> Maybe<CowStr<'a>> {
        let what = format_args!("`{}`", member.name);
        match member.value.kind {
            NodeKind::String(text) => {
                Some(Spanned::new(text, super::node::value_span(member.value.id)))
            }
            _ => {
                self.wrong_type(&member.value, what, "a string");
                None
            }
        }
    }

    pub(super) fn boolean(&mut self, member: &Member<'_>) -> Maybe<bool> {
        match member.value.kind {
            NodeKind::Bool(flag) => Some(Spanned::new(flag, member.value.span())),
            _ => {
                self.wrong_type(&member.value, format_args!("`{}`", member.name), "a boolean");
                None
            }
        }
    }

    pub(super) fn number(&mut self, member: &Member<'_>) -> Maybe<f64> {
        match member.value.kind {
            NodeKind::Number(number) => Some(Spanned::new(number, member.value.span())),
            _ => {
                self.wrong_type(&member.value, format_args!("`{}`", member.name), "a number");
                None
            }
        }
    }

    pub(super) fn object<'a>(
        &mut self,
        node: Node<'a>,
        what: impl Display,
    ) -> Option<Vec<Member<'a>>> {
        match node.kind {
            NodeKind::Object(members) => Some(members),
            _ => {
                self.wrong_type(&node, what, "an object");
                None
            }
        }
    }

    pub(super) fn array<'a>(
        &mut self,
        node: Node<'a>,
        what: impl Display,
    ) -> Option<Vec<Node<'a>>> {
        match node.kind {
            NodeKind::Array(items) => Some(items),
            _ => {
                self.wrong_type(&node, what, "an array");
                None
            }
        }
    }

    pub(super) fn strings<'a>(&mut self, member: Member<'a>) -> Maybe<Vec<Spanned<CowStr<'a>>>> {
        let at = member.value.span();
        let name = member.name;
        let items = self.array(member.value, format_args!("`{name}`"))?;
        let mut strings = Vec::with_capacity(items.len());
        for item in items {
            let at = item.span();
            match item.kind {
                NodeKind::String(text) => strings.push(Spanned::new(text, at)),
                _ => self.wrong_type(&item, format_args!("an item of `{name}`"), "a string"),
            }
        }
        Some(Spanned::new(strings, at))
    }

    /// Reads one of a fixed set of words.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        member: Member<'_>,
        all: &[T],
        word: fn(T) -> &'static str,
    ) -> Maybe<T> {
        let name = member.name.clone();
        let read = self.string(member)?;
        if let Some(found) = all.iter().find(|one| word(**one) == read.value) {
            return Some(Spanned::new(*found, read.at));
        }
        let words: Vec<&str> = all.iter().map(|one| word(*one)).collect();
        let near = self.suggest.nearest(&read.value, words.iter().copied());
        let help = self.suggest.help(&read.value, words.iter().copied());
        let message = match name.as_ref() {
            "type" | "kind" | "plane" => format!("unknown {name} `{}`", read.value),
            _ => format!("unknown value `{}` for `{name}`", read.value),
        };
        let diagnostic = self.diagnostics.push(Code::JsonUnknownValue, read.at, message);
        diagnostic.help = help;
        if let Some(near) = near {
            let place = Place::Span(read.at);
            diagnostic.fix(Applicability::MachineApplicable, place, format!("\"{near}\""));
        }
        None
    }

    pub(super) fn roles<'a>(&mut self, node: Node<'a>, what: &str) -> Vec<RawRole<'a>> {
        let Some(items) = self.array(node, format_args!("`{what}`")) else { return Vec::new() };
        items.into_iter().filter_map(|item| self.role(item)).collect()
    }

    fn role<'a>(&mut self, node: Node<'a>) -> Option<RawRole<'a>> {
        let verbatim = node.to_value();
        let mut role = RawRole { kind: None, field: None, multi: false, verbatim };
        for member in self.members(node, &ROLE, "a role")? {
            match member.name.as_ref() {
                "kind" => role.kind = self.string(member),
                "source" => self.role_source(member.value, &mut role),
                _ => {}
            }
        }
        Some(role)
    }

    fn role_source<'a>(&mut self, node: Node<'a>, role: &mut RawRole<'a>) {
        let members = self.members(node, &SOURCE, "the `source` of a role");
        for member in members.unwrap_or_default() {
            match member.name.as_ref() {
                "field" => role.field = self.string(member),
                "multi" => role.multi = self.boolean(&member).is_some_and(|multi| multi.value),
                _ => {}
            }
        }
    }
}
