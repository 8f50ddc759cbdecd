//! Decides `#[cfg]` and `#[cfg_attr]` as the compiler does, as far as the configuration is known.
//!
//! A predicate is true, false or unknown. What is unknown is an error at the attribute if the
//! schema depends on it, so that ablo and the compiler never read two schemas from one source.

use super::ReadContext;
use crate::diag::{Code, SpanId};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use syn::Lit;

/// The maximum nesting depth of predicates and of `cfg_attr`.
const MAX_DEPTH: usize = 16;

/// The names of which cargo passes all values to a build script.
const FROM_CARGO: [&str; 14] = [
    "feature",
    "panic",
    "target_abi",
    "target_arch",
    "target_endian",
    "target_env",
    "target_family",
    "target_feature",
    "target_has_atomic",
    "target_os",
    "target_pointer_width",
    "target_vendor",
    "unix",
    "windows",
];

/// The names that hold only while a program is tested or documented.
const OF_TOOLS: [&str; 3] = ["doc", "doctest", "test"];

/// A name or a name with a value: `unix`, `feature = "server"`.
type Fact = (String, Option<String>);

/// The known part of the configuration that a source is compiled with.
///
/// ```
/// use ablo_schema::front::rust::Cfg;
/// let mut cfg = Cfg::default();
/// cfg.add("feature = \"server\"")?;
/// cfg.add("not(unix)")?;
/// assert_eq!(cfg.holds("all(feature = \"server\", not(unix))"), Some(true));
/// assert_eq!(cfg.holds("any(windows, feature = \"server\")"), Some(true));
/// assert_eq!(cfg.holds("windows"), None);
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cfg {
    facts: BTreeMap<Fact, bool>,
    /// The names of which every value that is not a fact is unset.
    complete: BTreeSet<String>,
    /// Whole predicates by their tokens.
    predicates: BTreeMap<String, bool>,
}

impl Cfg {
    /// Reads the variables `CARGO_CFG_*` of a build script, which describe the features and the
    /// target of the package.
    pub fn of_build_script(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut cfg = Self::default();
        for (variable, values) in variables {
            let Some(name) = variable.strip_prefix("CARGO_CFG_") else { continue };
            for value in values.split(',') {
                let name = name.to_ascii_lowercase();
                if value.is_empty() {
                    cfg.facts.insert((name.clone(), None), true);
                }
                cfg.facts.insert((name, Some(value.to_owned())), true);
            }
        }
        cfg.complete.extend(FROM_CARGO.map(str::to_owned));
        cfg
    }

    /// Creates a configuration from predicates that the compiler has decided.
    #[must_use]
    pub fn of_predicates(decided: impl IntoIterator<Item = (TokenStream, bool)>) -> Self {
        let predicates = decided.into_iter().map(|(tokens, holds)| (tokens.to_string(), holds));
        Self { predicates: predicates.collect(), ..Self::default() }
    }

    /// Declares that exactly these features are enabled.
    pub fn set_features(&mut self, features: impl IntoIterator<Item = String>) {
        let features = features.into_iter().map(|name| (("feature".to_owned(), Some(name)), true));
        self.facts.extend(features);
        self.complete.insert("feature".to_owned());
    }

    /// Declares a fact as `--cfg` of the compiler does (`unix`, `target_os = "linux"`), or that one
    /// does not hold (`not(unix)`). Other values of the same name do not hold.
    ///
    /// # Errors
    /// Returns a message if the text is neither.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        let expected = "expected a name, `name=\"value\"`, or `not(…)` with one of them";
        let tokens = TokenStream::from_str(text).map_err(|_| expected.to_owned())?;
        let (fact, holds) = match call(&tokens) {
            Some((word, inside)) if word == "not" => (atom(&inside), false),
            _ => (atom(&tokens), true),
        };
        let fact = fact.ok_or(expected)?;
        if holds && fact.1.is_some() {
            self.complete.insert(fact.0.clone());
        }
        self.facts.insert(fact, holds);
        Ok(())
    }

    /// Returns whether a predicate holds, or `None` if that is unknown.
    #[must_use]
    pub fn holds(&self, predicate: &str) -> Option<bool> {
        self.decide(&TokenStream::from_str(predicate).ok()?, 0)
    }

    fn decide(&self, predicate: &TokenStream, depth: usize) -> Option<bool> {
        if depth > MAX_DEPTH {
            return None;
        }
        if !self.predicates.is_empty()
            && let Some(holds) = self.predicates.get(&predicate.to_string())
        {
            return Some(*holds);
        }
        if let Some(fact) = atom(predicate) {
            return self.fact(&fact);
        }
        let (word, inside) = call(predicate)?;
        let parts = commas(inside);
        let mut parts = parts.iter().map(|part| self.decide(part, depth + 1));
        match word.as_str() {
            "not" => parts.next()?.map(|holds| !holds),
            "all" => all(parts),
            "any" => all(parts.map(|part| part.map(|holds| !holds))).map(|holds| !holds),
            _ => None,
        }
    }

    fn fact(&self, fact: &Fact) -> Option<bool> {
        let known = self.facts.get(fact).copied();
        known.or_else(|| match fact {
            (name, None) if name == "true" => Some(true),
            (name, None) if name == "false" => Some(false),
            (name, _) if self.complete.contains(name) => Some(false),
            (name, None) if OF_TOOLS.contains(&name.as_str()) => Some(false),
            _ => None,
        })
    }
}

/// Returns whether all hold: one that does not decides, whatever is unknown.
fn all(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(true);
    for part in parts {
        match part {
            Some(false) => return Some(false),
            Some(true) => {}
            None => result = None,
        }
    }
    result
}

/// Reads `name` or `name = "value"`.
fn atom(tokens: &TokenStream) -> Option<Fact> {
    let mut tokens = tokens.clone().into_iter();
    let Some(TokenTree::Ident(name)) = tokens.next() else { return None };
    let name = super::plain(&name);
    match (tokens.next(), tokens.next(), tokens.next()) {
        (None, ..) => Some((name, None)),
        (Some(TokenTree::Punct(equals)), Some(TokenTree::Literal(value)), None)
            if equals.as_char() == '=' =>
        {
            match Lit::new(value) {
                Lit::Str(value) => Some((name, Some(value.value()))),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Reads `word(…)`.
fn call(tokens: &TokenStream) -> Option<(String, TokenStream)> {
    let mut tokens = tokens.clone().into_iter();
    match (tokens.next(), tokens.next(), tokens.next()) {
        (Some(TokenTree::Ident(word)), Some(TokenTree::Group(group)), None)
            if group.delimiter() == Delimiter::Parenthesis =>
        {
            Some((word.to_string(), group.stream()))
        }
        _ => None,
    }
}

/// Splits tokens at commas.
fn commas(tokens: TokenStream) -> Vec<TokenStream> {
    let mut parts: Vec<TokenStream> = Vec::new();
    let mut part = Vec::new();
    for token in tokens {
        match &token {
            TokenTree::Punct(comma) if comma.as_char() == ',' => {
                parts.push(part.drain(..).collect());
            }
            _ => part.push(token),
        }
    }
    if !part.is_empty() {
        parts.push(part.into_iter().collect());
    }
    parts
}

/// An attribute that cannot be decided and that the schema depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Doubt {
    /// The attribute.
    pub(super) at: SpanId,
}

/// The attributes of an item, without `cfg` and `cfg_attr`.
#[derive(Default)]
pub(super) struct Configured {
    pub(super) attributes: Vec<TokenStream>,
    pub(super) doubts: Vec<Doubt>,
    /// The item is not compiled.
    pub(super) removed: bool,
    /// Whether there was a `cfg` or a `cfg_attr`.
    pub(super) changed: bool,
}

/// Decides the attributes of an item, each without `#[…]`. `matters` returns whether the schema
/// depends on an attribute.
pub(super) fn configure(
    attributes: impl IntoIterator<Item = TokenStream>,
    matters: fn(&TokenStream) -> bool,
    cx: &mut ReadContext,
) -> Configured {
    let mut configured = Configured::default();
    for attribute in attributes {
        configured.add(attribute, matters, 0, cx);
    }
    if configured.removed {
        configured.doubts.clear();
    }
    configured
}

impl Configured {
    fn add(
        &mut self,
        attribute: TokenStream,
        matters: fn(&TokenStream) -> bool,
        depth: usize,
        cx: &mut ReadContext,
    ) {
        let (word, inside) = match call(&attribute) {
            Some((word, inside)) if word == "cfg" || word == "cfg_attr" => (word, inside),
            _ => {
                self.attributes.push(attribute);
                return;
            }
        };
        self.changed = true;
        let mut parts = commas(inside).into_iter();
        let Some(predicate) = parts.next() else { return };
        let holds = if depth > MAX_DEPTH { None } else { cx.cfg.decide(&predicate, 0) };
        if word == "cfg" {
            self.removed |= holds == Some(false);
        } else if holds == Some(false) {
            return;
        }
        if holds.is_none() && (word == "cfg" || parts.clone().any(|part| depends(&part, matters))) {
            self.doubts.push(Doubt { at: cx.at_tokens(&attribute) });
        }
        // An item in doubt is read as if it held, so that its uses add no errors.
        if word == "cfg_attr" && depth <= MAX_DEPTH {
            parts.for_each(|part| self.add(part, matters, depth + 1, cx));
        }
    }
}

/// Returns whether the schema depends on an attribute in a `cfg_attr`.
fn depends(attribute: &TokenStream, matters: fn(&TokenStream) -> bool) -> bool {
    let first = attribute.clone().into_iter().next();
    let is = |word: &str| matches!(&first, Some(TokenTree::Ident(ident)) if ident == word);
    is("cfg") || is("cfg_attr") || matters(attribute)
}

impl ReadContext {
    /// Reports doubts, each once.
    pub(super) fn report_doubts(&mut self, doubts: &[Doubt]) {
        for doubt in doubts {
            if self.reported_doubts.insert(doubt.at) {
                let message = "the schema depends on a configuration that is not known here";
                self.diagnostics.push(Code::RustUnknownCfg, doubt.at, message).help(
                    "on the command line, pass `--features` or `--cfg`; in a build script, add \
                     `Generator::cfg` for what is neither a feature nor the target",
                );
            }
        }
    }
}

/// Returns the predicates of all `cfg` and `cfg_attr` attributes in a macro's input, in order.
pub fn predicates(tokens: TokenStream) -> Vec<TokenStream> {
    let mut found = Vec::new();
    collect(tokens, &mut found, 0);
    found
}

fn collect(tokens: TokenStream, found: &mut Vec<TokenStream>, depth: usize) {
    /// Deeper nesting is refused when the schema is read.
    const MAX: usize = 64;
    if depth > MAX {
        return;
    }
    let mut hash = false;
    for token in tokens {
        if let TokenTree::Group(group) = &token {
            let attribute = hash && group.delimiter() == Delimiter::Bracket;
            if !(attribute && collect_attribute(&group.stream(), found)) {
                collect(group.stream(), found, depth + 1);
            }
        }
        hash = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
    }
}

/// Collects the predicates of one attribute, and returns whether it is a `cfg` or a `cfg_attr`.
fn collect_attribute(attribute: &TokenStream, found: &mut Vec<TokenStream>) -> bool {
    let Some((word, inside)) = call(attribute) else { return false };
    let mut parts = commas(inside).into_iter();
    if word == "cfg" || word == "cfg_attr" {
        found.extend(parts.next());
        for part in parts {
            collect_attribute(&part, found);
        }
        return true;
    }
    false
}

/// Writes an attribute's tokens as `#[…]`.
pub(super) fn attribute_tokens(attribute: TokenStream) -> [TokenTree; 2] {
    let span = attribute.clone().into_iter().next().map(|first| first.span());
    let mut hash = TokenTree::Punct(proc_macro2::Punct::new('#', proc_macro2::Spacing::Alone));
    let mut group = TokenTree::Group(Group::new(Delimiter::Bracket, attribute));
    if let Some(span) = span {
        hash.set_span(span);
        group.set_span(span);
    }
    [hash, group]
}
