//! Finds structs, enums, modules and `define_schema!` in the tokens of a source.
//!
//! All other tokens are skipped as token trees, so function bodies are never parsed. Nesting is
//! measured before items are passed to syn, which is recursive.

use super::cfg::{Configured, Doubt, attribute_tokens, configure};
use super::configure::{self, derives, mentions, on_models, on_shapes};
use super::{ReadContext, plain};
use crate::diag::Code;
use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use std::str::FromStr;
use syn::{Item, ItemEnum, ItemStruct, ItemType};

/// The maximum size of a source in bytes.
pub(super) const MAX_BYTES: usize = 16 << 20;

/// The maximum nesting depth of one item, in tokens that may each open a level.
const MAX_DEPTH: usize = 36;

/// An item found at one level of a source.
pub(super) enum Piece {
    /// A struct, an enum or a type alias.
    Item(Box<Item>),
    /// `define_schema! { … }` and the span of its name.
    Schema(TokenStream, Span),
    /// A module: its name, the value of `#[path]`, and its tokens if it is inline.
    Module(Ident, Option<String>, Option<TokenStream>),
    /// A `macro_rules!` that prints models or enums.
    Macro(Ident),
    /// A call of another macro: its name and its input.
    Call(Ident, TokenStream),
}

/// A piece, and the attributes around it that cannot be decided.
pub(super) struct Found {
    pub(super) piece: Piece,
    pub(super) doubts: Vec<Doubt>,
}

/// Tokenizes a source, unless it is too large or not Rust.
pub(super) fn tokens(text: &str, cx: &mut ReadContext) -> Option<TokenStream> {
    if text.len() > MAX_BYTES {
        let message = format!("the source has {} bytes; the limit is {MAX_BYTES}", text.len());
        cx.report(Code::SourceTooLarge, Span::call_site(), message)
            .help("move the models to a source of their own");
        return None;
    }
    match TokenStream::from_str(&text[prefix_length(text)..]) {
        Ok(tokens) => Some(tokens),
        Err(error) => {
            cx.report(Code::RustSyntax, error.span(), "invalid Rust")
                .help("check for an unclosed bracket, quote or comment");
            None
        }
    }
}

/// Returns the number of bytes before the first token: a byte order mark and a shebang line.
pub(super) fn prefix_length(text: &str) -> usize {
    let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let rest = &text[mark..];
    let shell = rest.starts_with("#!") && !rest[2..].trim_start().starts_with('[');
    mark + if shell { rest.find('\n').unwrap_or(rest.len()) } else { 0 }
}

/// Finds the items of one level that are compiled.
pub(super) fn pieces(tokens: TokenStream, cx: &mut ReadContext) -> Vec<Found> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let (mut pieces, mut at) = (Vec::new(), 0);
    let level = configure(inner_attributes(&tokens), on_models, cx);
    if level.removed {
        return pieces;
    }
    while at < tokens.len() {
        let start = at;
        let attributes = take_attributes(&tokens, &mut at);
        let item = at;
        skip_visibility(&tokens, &mut at);
        skip_path_of_macro(&tokens, &mut at);
        match piece(&tokens, [start, item, at], attributes, cx) {
            Some((found, end)) => {
                pieces.extend(found);
                at = end;
            }
            None => at += 1,
        }
    }
    for found in &mut pieces {
        found.doubts.extend(&level.doubts);
    }
    pieces
}

/// Returns the contents of `#![…]` at the start of a level.
fn inner_attributes(tokens: &[TokenTree]) -> Vec<TokenStream> {
    let mut attributes = Vec::new();
    for attribute in tokens.chunks(3) {
        match group_of(attribute.get(2), Delimiter::Bracket) {
            Some(group) if is_punct(attribute.first(), '#') && is_punct(attribute.get(1), '!') => {
                attributes.push(group.stream());
            }
            _ => break,
        }
    }
    attributes
}

fn is_punct(token: Option<&TokenTree>, character: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

fn group_of(token: Option<&TokenTree>, delimiter: Delimiter) -> Option<&Group> {
    match token {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

fn take_attributes(tokens: &[TokenTree], at: &mut usize) -> Vec<TokenStream> {
    let mut attributes = Vec::new();
    while is_punct(tokens.get(*at), '#') {
        let Some(group) = group_of(tokens.get(*at + 1), Delimiter::Bracket) else { break };
        attributes.push(group.stream());
        *at += 2;
    }
    attributes
}

fn skip_visibility(tokens: &[TokenTree], at: &mut usize) {
    if matches!(tokens.get(*at), Some(TokenTree::Ident(word)) if word == "pub") {
        *at += 1;
        *at += usize::from(group_of(tokens.get(*at), Delimiter::Parenthesis).is_some());
    }
}

/// Moves from `ablo::define_schema!` to the last name.
fn skip_path_of_macro(tokens: &[TokenTree], at: &mut usize) {
    let is_name = |at: usize| matches!(tokens.get(at), Some(TokenTree::Ident(_)));
    let is_separator =
        |at: usize| is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':');
    let mut name = if is_separator(*at) { *at + 2 } else { *at };
    while is_name(name) && is_separator(name + 1) {
        name += 3;
    }
    if is_name(name) && is_punct(tokens.get(name + 1), '!') {
        *at = name;
    }
}

/// Returns the item here, unless it is not compiled, and its end. The positions are those of its
/// attributes, its visibility and its keyword.
fn piece(
    tokens: &[TokenTree],
    [start, item, at]: [usize; 3],
    attributes: Vec<TokenStream>,
    cx: &mut ReadContext,
) -> Option<(Option<Found>, usize)> {
    let TokenTree::Ident(word) = tokens.get(at)? else { return None };
    let name = match tokens.get(at + 1) {
        Some(TokenTree::Ident(name)) => Some(name.clone()),
        _ => None,
    };
    match word.to_string().as_str() {
        keyword @ ("struct" | "enum") => {
            let (name, is_enum) = (name?, keyword == "enum");
            let end = end_of_type(tokens, at + 2);
            let derived = |name| attributes.iter().any(|attribute| derives(attribute, name));
            let ours = derived("AbloModel") || derived("AbloEnum");
            let matters = if ours { on_models } else { on_shapes };
            let configured = configure(attributes, matters, cx);
            if configured.removed {
                return Some((None, end));
            }
            // An item without `cfg` is parsed as it is.
            let rest = tokens[if configured.changed { item } else { start }..end].iter().cloned();
            let Configured { attributes, mut doubts, changed, .. } = configured;
            let attributes = attributes.into_iter().filter(|_| changed);
            let item = attributes.flat_map(attribute_tokens).chain(rest).collect();
            let found = parse(item, is_enum, &name, ours, cx).map(|mut item| {
                doubts.extend(configure::item(&mut item, matters, cx).1);
                Found { piece: Piece::Item(Box::new(item)), doubts }
            });
            Some((found, end))
        }
        "mod" => {
            let name = name?;
            let body = group_of(tokens.get(at + 2), Delimiter::Brace).map(Group::stream);
            let Configured { attributes, doubts, removed, .. } =
                configure(attributes, on_models, cx);
            let piece = Piece::Module(name, path_of(&attributes), body);
            Some((Some(Found { piece, doubts }).filter(|_| !removed), at + 3))
        }
        "define_schema" if is_punct(tokens.get(at + 1), '!') => {
            let TokenTree::Group(group) = tokens.get(at + 2)? else { return None };
            let Configured { doubts, removed, .. } = configure(attributes, on_models, cx);
            let piece = Piece::Schema(group.stream(), word.span());
            Some((Some(Found { piece, doubts }).filter(|_| !removed), at + 3))
        }
        "type" => {
            let end = tokens.iter().skip(at).position(|token| is_punct(Some(token), ';'))?;
            let end = at + end + 1;
            let alias: TokenStream = tokens[at..end].iter().cloned().collect();
            let Configured { doubts, removed, .. } = configure(attributes, on_shapes, cx);
            let is_flat = !removed && too_deep(alias.clone()).is_none();
            let alias = is_flat.then(|| syn::parse2::<ItemType>(alias).ok()).flatten();
            let found = alias
                .map(|alias| Found { piece: Piece::Item(Box::new(Item::Type(alias))), doubts });
            Some((found, end))
        }
        "macro_rules" if is_punct(tokens.get(at + 1), '!') => {
            let (TokenTree::Ident(name), TokenTree::Group(rules)) =
                (tokens.get(at + 2)?, tokens.get(at + 3)?)
            else {
                return None;
            };
            let prints = ["AbloModel", "AbloEnum", "define_schema"]
                .iter()
                .any(|word| mentions(rules, word, MAX_DEPTH));
            let found = Found { piece: Piece::Macro(name.clone()), doubts: Vec::new() };
            Some((Some(found).filter(|_| prints), at + 4))
        }
        _ if is_punct(tokens.get(at + 1), '!') => {
            let TokenTree::Group(group) = tokens.get(at + 2)? else { return None };
            let Configured { doubts, removed, .. } = configure(attributes, on_models, cx);
            let piece = Piece::Call(word.clone(), group.stream());
            Some((Some(Found { piece, doubts }).filter(|_| !removed), at + 3))
        }
        _ => None,
    }
}

/// Parses a struct or an enum. Syntax errors in items that do not derive ablo's traits are left to
/// the compiler.
fn parse(
    tokens: TokenStream,
    is_enum: bool,
    name: &Ident,
    ours: bool,
    cx: &mut ReadContext,
) -> Option<Item> {
    if let Some(span) = too_deep(tokens.clone()) {
        if ours {
            report_too_deep(&format!("`{}`", plain(name)), span, cx);
        }
        return None;
    }
    let parsed = if is_enum {
        syn::parse2::<ItemEnum>(tokens).map(Item::Enum)
    } else {
        syn::parse2::<ItemStruct>(tokens).map(Item::Struct)
    };
    match parsed {
        Ok(item) => Some(item),
        Err(error) => {
            if ours {
                cx.syntax(error);
            }
            None
        }
    }
}

/// Reports that an item is nested too deeply.
pub(super) fn report_too_deep(subject: &str, span: Span, cx: &mut ReadContext) {
    let message = format!("{subject} is nested more than {MAX_DEPTH} levels deep");
    cx.report(Code::SourceTooLarge, span, message).help("move the inner part to a named type");
}

/// Returns the index after the braces or the `;` that end a type, ignoring those inside its generic
/// parameters.
fn end_of_type(tokens: &[TokenTree], from: usize) -> usize {
    let (mut angles, mut arrow) = (0_usize, false);
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && angles == 0 => {
                return at + 1;
            }
            TokenTree::Punct(punct) => {
                match punct.as_char() {
                    '<' => angles += 1,
                    '>' if !arrow => angles = angles.saturating_sub(1),
                    ';' => return at + 1,
                    _ => {}
                }
                arrow = matches!(punct.as_char(), '-' | '=');
            }
            _ => {}
        }
    }
    tokens.len()
}

/// Returns the value of `#[path = "…"]`.
fn path_of(attributes: &[TokenStream]) -> Option<String> {
    attributes.iter().find_map(|attribute| {
        let mut tokens = attribute.clone().into_iter();
        match (tokens.next(), tokens.next(), tokens.next()) {
            (Some(TokenTree::Ident(word)), Some(equals), Some(TokenTree::Literal(text)))
                if word == "path" && is_punct(Some(&equals), '=') =>
            {
                match syn::Lit::new(text) {
                    syn::Lit::Str(text) => Some(text.value()),
                    _ => None,
                }
            }
            _ => None,
        }
    })
}

/// Returns the span of tokens that are nested too deeply for a recursive parser.
pub(super) fn too_deep(tokens: TokenStream) -> Option<Span> {
    deeper(tokens, 0)
}

/// Counts what may open a level: every token between two commas except attributes, and every
/// bracket.
fn deeper(tokens: TokenStream, above: usize) -> Option<Span> {
    let (mut depth, mut hash, mut closed) = (above, false, false);
    for token in tokens {
        // After its braces, an item ends where the next one starts.
        if std::mem::take(&mut closed) && begins_item(&token) {
            depth = above;
        }
        let is_hash = is_punct(Some(&token), '#');
        match &token {
            TokenTree::Punct(punct) if matches!(punct.as_char(), ',' | ';') => depth = above,
            // Paths do not nest.
            TokenTree::Punct(punct) if punct.as_char() == ':' => {}
            TokenTree::Group(group) => {
                let attribute = hash && group.delimiter() == Delimiter::Bracket;
                depth += usize::from(!attribute);
                closed = group.delimiter() == Delimiter::Brace;
                let inner = if attribute { above + 1 } else { depth };
                if inner > MAX_DEPTH {
                    return Some(token.span());
                }
                if let Some(span) = deeper(group.stream(), inner) {
                    return Some(span);
                }
            }
            _ => depth += usize::from(!is_hash),
        }
        if depth > MAX_DEPTH {
            return Some(token.span());
        }
        hash = is_hash;
    }
    None
}

fn begins_item(token: &TokenTree) -> bool {
    match token {
        TokenTree::Ident(word) => {
            ["pub", "struct", "enum", "use"].iter().any(|begins| word == begins)
        }
        other => is_punct(Some(other), '#'),
    }
}
