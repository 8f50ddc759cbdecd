//! Parses `#[ablo(…)]` into a tree of arguments, doc comments and `#[deprecated]`.
//!
//! This module does not know which arguments exist.

use super::ReadContext;
use crate::diag::Code;
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, Lit, Path, Token, Type, parenthesized, token};

/// One argument of `#[ablo(…)]`.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) kind: ArgumentKind,
}

/// The form of an argument.
pub(crate) enum ArgumentKind {
    /// The name alone.
    Flag,
    /// `= value`
    Value(AttributeValue),
    /// `(…)`
    List(Vec<Argument>),
    /// `: Type`
    Type(Box<Type>),
    /// A literal without a name, as in `decimal(12, 2)`; the name is `_`.
    Literal(Lit),
}

/// A value.
#[derive(Debug)]
pub(crate) enum AttributeValue {
    /// A literal, negated or not.
    Literal { minus: bool, literal: Lit },
    /// A path: `lazy` or `crate::Station`.
    Path(Path),
}

impl AttributeValue {
    /// Returns the path if it is a single identifier.
    pub(crate) fn word(&self) -> Option<&Ident> {
        match self {
            AttributeValue::Path(path) => path.get_ident(),
            AttributeValue::Literal { .. } => None,
        }
    }

    /// Returns the value of a string literal or a single identifier.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            AttributeValue::Literal { minus: false, literal: Lit::Str(text) } => Some(text.value()),
            _ => self.word().map(super::plain),
        }
    }

    pub(crate) fn span(&self) -> Span {
        match self {
            AttributeValue::Literal { literal, .. } => literal.span(),
            AttributeValue::Path(path) => {
                path.segments.first().map_or_else(Span::call_site, |first| first.ident.span())
            }
        }
    }
}

impl ToTokens for AttributeValue {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            AttributeValue::Literal { literal, .. } => literal.to_tokens(tokens),
            AttributeValue::Path(path) => path.to_tokens(tokens),
        }
    }
}

impl Parse for AttributeValue {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let minus = input.parse::<Option<Token![-]>>()?.is_some();
        if minus || input.peek(Lit) {
            return Ok(AttributeValue::Literal { minus, literal: input.parse()? });
        }
        Path::parse_mod_style(input).map(AttributeValue::Path)
    }
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(Lit) {
            let literal: Lit = input.parse()?;
            return Ok(Self {
                name: Ident::new("_", literal.span()),
                kind: ArgumentKind::Literal(literal),
            });
        }
        let name = Ident::parse_any(input)?;
        let kind = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            ArgumentKind::Value(input.parse()?)
        } else if input.peek(Token![:]) {
            input.parse::<Token![:]>()?;
            ArgumentKind::Type(Box::new(input.parse()?))
        } else if input.peek(token::Paren) {
            let inside;
            parenthesized!(inside in input);
            ArgumentKind::List(list(&inside)?)
        } else {
            ArgumentKind::Flag
        };
        Ok(Self { name, kind })
    }
}

fn list(input: ParseStream<'_>) -> syn::Result<Vec<Argument>> {
    Ok(Punctuated::<Argument, Token![,]>::parse_terminated(input)?.into_iter().collect())
}

/// Reads all arguments of all `#[ablo(…)]` attributes of an item.
pub(crate) fn read(attributes: &[Attribute], cx: &mut ReadContext) -> Vec<Argument> {
    let mut all = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("ablo")) {
        match attribute.parse_args_with(list) {
            Ok(arguments) => all.extend(arguments),
            Err(error) => cx.syntax(error),
        }
    }
    all
}

/// Warns of `#[serde(…)]`, which does not change how ablo reads an item. `name` is the argument of
/// `#[ablo(…)]` that names it.
pub(crate) fn warn_of_serde(attributes: &[Attribute], name: &str, cx: &mut ReadContext) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        let syn::Meta::List(list) = &attribute.meta else { continue };
        let word = match list.tokens.clone().into_iter().next() {
            Some(TokenTree::Ident(word)) => word.to_string(),
            _ => continue,
        };
        let help = match word.as_str() {
            "skip" | "skip_serializing" | "skip_deserializing" | "flatten" => {
                "every field is a column and a member on the wire; keep other values in a struct \
                 of their own"
                    .to_owned()
            }
            "default" => "write `#[ablo(default = …)]` for a default of the row".to_owned(),
            _ => format!("write `#[ablo({name} = \"…\")]` for a name on the wire"),
        };
        let message = format!("`#[serde({word})]` has no effect on what ablo reads and writes");
        cx.report_tokens(Code::RustSerdeIgnored, &attribute.meta, message).help(help);
    }
}

/// Returns the text of an item's doc comment.
pub(crate) fn doc(attributes: &[Attribute]) -> Option<(String, Span)> {
    let mut lines: Vec<String> = Vec::new();
    let mut span = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        let syn::Meta::NameValue(pair) = &attribute.meta else { continue };
        let syn::Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) = &pair.value else {
            continue;
        };
        span.get_or_insert(text.span());
        let text = text.value();
        // Lines of a block comment usually begin with `*`.
        let starred = text
            .lines()
            .skip(1)
            .all(|line| line.trim_start().starts_with('*') || line.trim().is_empty());
        for (at, line) in text.split('\n').enumerate() {
            let line =
                if at > 0 && starred { line.trim_start().trim_start_matches('*') } else { line };
            lines.push(line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned());
        }
    }
    let text = lines.join("\n").trim().to_owned();
    span.filter(|_| !text.is_empty()).map(|span| (text, span))
}

/// Returns the note of Rust's own `#[deprecated]`.
pub(crate) fn deprecated(attributes: &[Attribute]) -> Option<(Option<String>, Span)> {
    let attribute = attributes.iter().find(|attribute| attribute.path().is_ident("deprecated"))?;
    let span =
        attribute.path().segments.first().map_or_else(Span::call_site, |first| first.ident.span());
    let text = |value: &syn::Expr| match value {
        syn::Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    };
    let note = match &attribute.meta {
        syn::Meta::NameValue(pair) => text(&pair.value),
        syn::Meta::List(_) => {
            let all = attribute
                .parse_args_with(Punctuated::<syn::MetaNameValue, Token![,]>::parse_terminated);
            all.ok().and_then(|all| {
                all.iter().find(|one| one.path.is_ident("note")).and_then(|one| text(&one.value))
            })
        }
        syn::Meta::Path(_) => None,
    };
    Some((note, span))
}
