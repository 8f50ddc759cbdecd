//! Reads nodes as the expected type, or reports what they are instead.

use super::node::{Member, Node, NodeKind};
use crate::diag::{Code, Diagnostics, SpanId, Spanned, Suggest};
use crate::raw::{CowStr, Maybe, RawRole};
use std::fmt::Display;

/// State shared by all readers of a document: diagnostics and suggestions.
pub(super) struct ReadContext<'d> {
    pub(super) diagnostics: &'d mut Diagnostics,
    pub(super) suggest: Suggest,
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

    pub(super) fn unknown_member(&mut self, member: &Member<'_>, owner: &str, known: &[&str]) {
        let near = self.suggest.nearest(&member.name, known.iter().copied());
        let help = near.map_or_else(
            || "remove it, or move it to a field: fields keep unknown members".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!(
            "unknown member `{}` of {owner}; the hosted service would drop it",
            member.name
        );
        self.diagnostics.push(Code::JsonUnknownMember, member.name_span(), message).help(help);
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
        let help = self.suggest.help(&read.value, words.iter().copied());
        let message = match name.as_ref() {
            "type" | "kind" | "plane" => format!("unknown {name} `{}`", read.value),
            _ => format!("unknown value `{}` for `{name}`", read.value),
        };
        let diagnostic = self.diagnostics.push(Code::JsonUnknownValue, read.at, message);
        diagnostic.help = help;
        None
    }

    pub(super) fn roles<'a>(&mut self, node: Node<'a>, what: &str) -> Vec<RawRole<'a>> {
        let Some(items) = self.array(node, format_args!("`{what}`")) else { return Vec::new() };
        items.into_iter().filter_map(|item| self.role(item)).collect()
    }

    fn role<'a>(&mut self, node: Node<'a>) -> Option<RawRole<'a>> {
        let verbatim = node.to_value();
        let at = node.span();
        let members = self.object(node, "a role")?;
        let mut role = RawRole { kind: None, field: None, multi: false, verbatim };
        let (mut has_kind, mut has_source) = (false, false);
        for member in members {
            match member.name.as_ref() {
                "kind" => (has_kind, role.kind) = (true, self.string(member)),
                "source" => {
                    has_source = true;
                    self.role_source(member.value, &mut role);
                }
                _ => self.unknown_member(&member, "a role", &["kind", "source"]),
            }
        }
        if !has_kind {
            self.missing_member(
                at,
                "this role",
                "kind",
                "name the kind of its sync groups: `\"kind\": \"team\"`",
            );
        }
        if !has_source {
            self.missing_member(
                at,
                "this role",
                "source",
                "name the field that it reads: `\"source\": {\"field\": \"teamId\"}`",
            );
        }
        Some(role)
    }

    fn role_source<'a>(&mut self, node: Node<'a>, role: &mut RawRole<'a>) {
        let at = node.span();
        let Some(members) = self.object(node, "the `source` of a role") else { return };
        let mut has_field = false;
        for member in members {
            match member.name.as_ref() {
                "field" => (has_field, role.field) = (true, self.string(member)),
                "multi" => role.multi = self.boolean(&member).is_some_and(|multi| multi.value),
                _ => self.unknown_member(&member, "the `source` of a role", &["field", "multi"]),
            }
        }
        if !has_field {
            self.missing_member(
                at,
                "the `source` of this role",
                "field",
                "name the field with the group's id",
            );
        }
    }
}
