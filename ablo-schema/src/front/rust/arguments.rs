//! Looks up the arguments of an item by name; reports unknown and duplicate ones.

use super::attribute::{Argument, ArgumentKind, AttributeValue};
use super::vocabulary::owner_of;
use super::{ReadContext, plain};
use crate::diag::{Applicability, Code, Place, Spanned, Suggest};
use crate::raw::{CowStr, Maybe};
use proc_macro2::{Span, TokenTree};
use quote::ToTokens;
use std::collections::BTreeMap;
use syn::{Attribute, Lit, Path};

/// The arguments of one item, removed one by one as they are read.
pub(crate) struct Arguments {
    by_name: BTreeMap<&'static str, Vec<(usize, Argument)>>,
    has_unknown: bool,
}

const ATTRIBUTES: &str = "see the list of attributes in docs/guide/rust-models.md";

/// Arguments that may be repeated.
const REPEATABLE: [&str; 6] =
    ["has_many", "has_one", "belongs_to", "entity_role", "base", "auto_fill"];

impl Arguments {
    /// Sorts arguments by name. `owner` names the item in messages.
    pub(crate) fn new(
        arguments: Vec<Argument>,
        owner: &str,
        known: &[&'static str],
        cx: &mut ReadContext,
    ) -> Self {
        let mut by_name: BTreeMap<&'static str, Vec<(usize, Argument)>> = BTreeMap::new();
        let mut has_unknown = false;
        for (at, argument) in arguments.into_iter().enumerate() {
            if matches!(argument.kind, ArgumentKind::Literal(_)) {
                report_wrong_value(
                    cx,
                    owner,
                    argument.name.span(),
                    &argument.kind,
                    "write `name = value`",
                );
                has_unknown = true;
                continue;
            }
            let name = plain(&argument.name);
            let Some(slot) = known.iter().find(|known| **known == name) else {
                has_unknown = true;
                let at = cx.at(argument.name.span());
                let message = format!("unknown attribute `{name}` on {owner}");
                if let Some(owner) = owner_of(&name) {
                    let help = format!("use it on {owner}");
                    cx.diagnostics.push(Code::RustUnknownAttribute, at, message).help(help);
                    continue;
                }
                let fault = (Code::RustUnknownAttribute, at, message);
                cx.report_name(fault, &argument.name, known.iter().copied(), ATTRIBUTES);
                continue;
            };
            let all = by_name.entry(slot).or_default();
            if let Some((_, first)) = all.first().filter(|_| !REPEATABLE.contains(slot)) {
                let first = first.name.span();
                let first = cx.at(first);
                cx.report(
                    Code::RustRepeatedAttribute,
                    argument.name.span(),
                    format!("duplicate attribute `{name}`"),
                )
                .help("remove one of the two")
                .also(first, "first declared here");
                continue;
            }
            all.push((at, argument));
        }
        Self { by_name, has_unknown }
    }

    /// Returns whether there were unknown arguments: one of them may be a misspelled required one.
    pub(crate) fn has_unknown(&self) -> bool {
        self.has_unknown
    }

    /// Returns the span of an argument.
    pub(crate) fn span(&self, name: &str) -> Option<Span> {
        self.by_name.get(name).and_then(|all| all.first()).map(|(_, argument)| argument.name.span())
    }

    pub(crate) fn take(&mut self, name: &'static str) -> Option<Argument> {
        self.by_name
            .remove(name)
            .and_then(|all| all.into_iter().next())
            .map(|(_, argument)| argument)
    }

    pub(crate) fn take_all(&mut self, name: &'static str) -> Vec<Argument> {
        self.take_in_order([name])
    }

    /// Removes all arguments with one of these names, in source order.
    pub(crate) fn take_in_order<const N: usize>(
        &mut self,
        names: [&'static str; N],
    ) -> Vec<Argument> {
        let mut all: Vec<_> =
            names.iter().filter_map(|name| self.by_name.remove(name)).flatten().collect();
        all.sort_by_key(|(at, _)| *at);
        all.into_iter().map(|(_, argument)| argument).collect()
    }

    /// Reads a flag: `name`, `name = true` or `name = false`.
    pub(crate) fn flag(&mut self, name: &'static str, cx: &mut ReadContext) -> Maybe<bool> {
        let argument = self.take(name)?;
        let span = argument.name.span();
        match argument.kind {
            ArgumentKind::Flag => Some(cx.spanned(true, span)),
            ArgumentKind::Value(AttributeValue::Literal {
                minus: false,
                literal: Lit::Bool(flag),
            }) => Some(cx.spanned(flag.value, flag.span)),
            kind => {
                report_wrong_value(
                    cx,
                    name,
                    span,
                    &kind,
                    &format!("write `{name}` without a value"),
                );
                None
            }
        }
    }

    /// Reads `name = "text"` or `name = word`.
    pub(crate) fn text(
        &mut self,
        name: &'static str,
        example: &str,
        cx: &mut ReadContext,
    ) -> Maybe<CowStr<'static>> {
        let argument = self.take(name)?;
        text_value(argument, example, cx)
    }

    /// Reads one of a fixed set of words.
    pub(crate) fn word<T: Copy>(
        &mut self,
        name: &'static str,
        all: &[T],
        word: fn(T) -> &'static str,
        cx: &mut ReadContext,
    ) -> Maybe<T> {
        let words: Vec<&str> = all.iter().map(|one| word(*one)).collect();
        let example = words.first().copied().unwrap_or_default();
        let text = self.text(name, example, cx)?;
        if let Some(found) = all.iter().find(|one| word(**one) == text.value) {
            return Some(Spanned::new(*found, text.at));
        }
        let near = cx.suggest.nearest(&text.value, words.iter().copied());
        let help = Suggest::line(near, words.iter().copied());
        let diagnostic = cx.diagnostics.push(
            Code::RustAttributeValue,
            text.at,
            format!("unknown value `{}` for `{name}`", text.value),
        );
        diagnostic.help = help.or_else(|| Some(format!("choose from {}", words.join(", "))));
        if let Some(near) = near {
            diagnostic.fix(Applicability::MachineApplicable, Place::Span(text.at), near);
        }
        None
    }

    /// Reads an integer.
    pub(crate) fn number(
        &mut self,
        name: &'static str,
        example: &str,
        cx: &mut ReadContext,
    ) -> Maybe<f64> {
        let argument = self.take(name)?;
        let span = argument.name.span();
        if let ArgumentKind::Value(AttributeValue::Literal { minus, literal: Lit::Int(number) }) =
            &argument.kind
            && let Ok(number) = number.base10_parse::<u32>()
        {
            let number = f64::from(number);
            return Some(cx.spanned(if *minus { -number } else { number }, span));
        }
        report_wrong_value(cx, name, span, &argument.kind, &format!("write `{name} = {example}`"));
        None
    }

    /// Reads `name(word, …)`.
    pub(crate) fn words(
        &mut self,
        name: &'static str,
        example: &str,
        cx: &mut ReadContext,
    ) -> Maybe<Vec<Spanned<CowStr<'static>>>> {
        let argument = self.take(name)?;
        let span = argument.name.span();
        let is_word = |argument: &Argument| matches!(argument.kind, ArgumentKind::Flag);
        match argument.kind {
            ArgumentKind::List(words) if words.iter().all(is_word) => {
                let word = |word: &Argument| {
                    cx.spanned(CowStr::Owned(plain(&word.name)), word.name.span())
                };
                let words = words.iter().map(word).collect();
                Some(cx.spanned(words, span))
            }
            kind => {
                report_wrong_value(cx, name, span, &kind, &format!("write `{example}`"));
                None
            }
        }
    }

    /// Reads `name(…)` with its own arguments.
    pub(crate) fn list(
        &mut self,
        name: &'static str,
        known: &[&'static str],
        example: &str,
        cx: &mut ReadContext,
    ) -> Option<(Arguments, Span)> {
        let argument = self.take(name)?;
        let span = argument.name.span();
        match argument.kind {
            ArgumentKind::List(arguments) => {
                Some((Arguments::new(arguments, &format!("`{name}`"), known, cx), span))
            }
            kind => {
                report_wrong_value(cx, name, span, &kind, &format!("write `{example}`"));
                None
            }
        }
    }
}

/// Reads the text of an argument.
pub(crate) fn text_value(
    argument: Argument,
    example: &str,
    cx: &mut ReadContext,
) -> Maybe<CowStr<'static>> {
    let Argument { name, kind } = argument;
    if let ArgumentKind::Value(value) = &kind
        && let Some(text) = value.text()
    {
        return Some(cx.text(text, value.span()));
    }
    report_wrong_value(
        cx,
        &plain(&name),
        name.span(),
        &kind,
        &format!("write `{} = {example}`", plain(&name)),
    );
    None
}

/// Checks `crate = "facade::ablo"`, which only the macros use.
pub(crate) fn check_crate_path(arguments: &mut Arguments, cx: &mut ReadContext) {
    if let Some(Argument { name, kind }) = arguments.take("crate")
        && crate_path(&kind).is_none()
    {
        let help = "write the path of the crate: `crate = \"facade::ablo\"`";
        report_wrong_value(cx, "crate", name.span(), &kind, help);
    }
}

fn crate_path(kind: &ArgumentKind) -> Option<Path> {
    match kind {
        ArgumentKind::Value(AttributeValue::Path(path)) => Some(path.clone()),
        ArgumentKind::Value(AttributeValue::Literal { minus: false, literal: Lit::Str(text) }) => {
            text.parse_with(Path::parse_mod_style).ok()
        }
        _ => None,
    }
}

/// Returns the path of the crate `ablo`, if `#[ablo(crate = "…")]` says it.
#[must_use]
pub fn crate_path_of(attributes: &[Attribute]) -> Option<Path> {
    let mentions = |attribute: &&Attribute| {
        let mut tokens = attribute.meta.to_token_stream().into_iter().skip(1);
        let inside = match tokens.next() {
            Some(TokenTree::Group(group)) => group.stream(),
            _ => return false,
        };
        attribute.path().is_ident("ablo")
            && inside.into_iter().any(|token| token.to_string() == "crate")
    };
    let attributes: Vec<Attribute> = attributes.iter().filter(mentions).cloned().collect();
    // The readers report errors.
    super::attribute::read(&attributes, &mut ReadContext::default())
        .iter()
        .find(|argument| argument.name == "crate")
        .and_then(|argument| crate_path(&argument.kind))
}

/// Reports an argument of the wrong form.
pub(crate) fn report_wrong_value(
    cx: &mut ReadContext,
    name: &str,
    span: Span,
    kind: &ArgumentKind,
    help: &str,
) {
    let message = match kind {
        ArgumentKind::Flag => format!("`{name}` needs a value"),
        ArgumentKind::Value(_) => format!("invalid value for `{name}`"),
        ArgumentKind::List(_) => format!("`{name}` does not take a list"),
        ArgumentKind::Type(_) => format!("`{name}` does not take a type"),
        ArgumentKind::Literal(_) => "expected a name, found a literal".to_owned(),
    };
    let span = match kind {
        ArgumentKind::Value(value) => value.span(),
        _ => span,
    };
    cx.report(Code::RustAttributeValue, span, message).help(help);
}

/// Returns a required value, or reports that it is missing.
pub(crate) fn required<T>(
    value: Option<T>,
    present: bool,
    owner: &str,
    name: &str,
    span: Span,
    cx: &mut ReadContext,
) -> Option<T> {
    if value.is_none() && !present {
        cx.report(Code::RustAttributeValue, span, format!("missing `{name}` in {owner}"))
            .help(format!("add `{name} = …`"));
    }
    value
}
