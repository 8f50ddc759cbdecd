//! `#[ablo(…)]` as a tree: words, words with a value, words with a list.
//!
//! Nothing here knows which words there are.

use super::Reader;
use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, Lit, Path, Token, Type, parenthesized, token};

/// One word and what is said of it.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) said: Said,
}

/// What is said of a word.
pub(crate) enum Said {
    /// Nothing: the word alone.
    Flag,
    /// `= value`
    Is(Given),
    /// `(…)`
    List(Vec<Argument>),
    /// `: Type`
    Of(Box<Type>),
    /// A literal in place of a word, as in `decimal(12, 2)`: the name is empty.
    Literal(Lit),
}

/// A value.
#[derive(Debug)]
pub(crate) enum Given {
    /// A literal, negated or not.
    Literal { minus: bool, literal: Lit },
    /// A name, `lazy` or `crate::Station`.
    Path(Path),
}

impl Given {
    /// The only word of a path.
    pub(crate) fn word(&self) -> Option<&Ident> {
        match self {
            Given::Path(path) => path.get_ident(),
            Given::Literal { .. } => None,
        }
    }

    /// A string, or a word in its place.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Given::Literal { minus: false, literal: Lit::Str(text) } => Some(text.value()),
            _ => self.word().map(super::plain),
        }
    }

    pub(crate) fn span(&self) -> Span {
        match self {
            Given::Literal { literal, .. } => literal.span(),
            Given::Path(path) => {
                path.segments.first().map_or_else(Span::call_site, |first| first.ident.span())
            }
        }
    }
}

impl ToTokens for Given {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Given::Literal { literal, .. } => literal.to_tokens(tokens),
            Given::Path(path) => path.to_tokens(tokens),
        }
    }
}

impl Parse for Given {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let minus = input.parse::<Option<Token![-]>>()?.is_some();
        if minus || input.peek(Lit) {
            return Ok(Given::Literal { minus, literal: input.parse()? });
        }
        Path::parse_mod_style(input).map(Given::Path)
    }
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(Lit) {
            let literal: Lit = input.parse()?;
            return Ok(Self {
                name: Ident::new("_", literal.span()),
                said: Said::Literal(literal),
            });
        }
        let name = Ident::parse_any(input)?;
        let said = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Said::Is(input.parse()?)
        } else if input.peek(Token![:]) {
            input.parse::<Token![:]>()?;
            Said::Of(Box::new(input.parse()?))
        } else if input.peek(token::Paren) {
            let inside;
            parenthesized!(inside in input);
            Said::List(list(&inside)?)
        } else {
            Said::Flag
        };
        Ok(Self { name, said })
    }
}

fn list(input: ParseStream<'_>) -> syn::Result<Vec<Argument>> {
    Ok(Punctuated::<Argument, Token![,]>::parse_terminated(input)?.into_iter().collect())
}

/// Every argument of every `#[ablo(…)]` of an item.
pub(crate) fn read(attributes: &[Attribute], reader: &mut Reader) -> Vec<Argument> {
    let mut all = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("ablo")) {
        match attribute.parse_args_with(list) {
            Ok(arguments) => all.extend(arguments),
            Err(error) => reader.syntax(error),
        }
    }
    all
}

/// The doc comment of an item, as people read it.
pub(crate) fn doc(attributes: &[Attribute]) -> Option<(String, Span)> {
    let mut lines: Vec<String> = Vec::new();
    let mut span = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        let syn::Meta::NameValue(said) = &attribute.meta else { continue };
        let syn::Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) = &said.value else {
            continue;
        };
        span.get_or_insert(text.span());
        let text = text.value();
        // Lines of a block comment begin with `*`, as most people write them.
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

/// Rust's own `#[deprecated]`, and its note.
pub(crate) fn deprecated(attributes: &[Attribute]) -> Option<(Option<String>, Span)> {
    let attribute = attributes.iter().find(|attribute| attribute.path().is_ident("deprecated"))?;
    let span =
        attribute.path().segments.first().map_or_else(Span::call_site, |first| first.ident.span());
    let text = |value: &syn::Expr| match value {
        syn::Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    };
    let note = match &attribute.meta {
        syn::Meta::NameValue(said) => text(&said.value),
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
