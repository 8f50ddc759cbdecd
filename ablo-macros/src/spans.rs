//! Restores the user's spans in printed code.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::BTreeMap;

/// The span of each identifier of the user, so that errors in printed code point there.
#[derive(Default)]
pub(crate) struct Spans(BTreeMap<String, Span>);

impl Spans {
    pub(crate) fn record(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    self.0.entry(ident.to_string()).or_insert_with(|| ident.span());
                }
                TokenTree::Group(group) => self.record(group.stream()),
                _ => {}
            }
        }
    }

    /// Like [`Spans::record`], for identifiers that are printed in capitals.
    pub(crate) fn record_constants(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    self.0.entry(constant(&ident)).or_insert_with(|| ident.span());
                }
                TokenTree::Group(group) => self.record_constants(group.stream()),
                _ => {}
            }
        }
    }

    /// Parses printed code and gives each identifier of the user its original span.
    pub(crate) fn respan(&self, printed: &str) -> TokenStream {
        match printed.parse::<TokenStream>() {
            Ok(tokens) => self.respan_tokens(tokens),
            // The emitter prints valid Rust. If not, rustc reports it at the macro.
            Err(error) => syn::Error::new(error.span(), error.to_string()).into_compile_error(),
        }
    }

    fn respan_tokens(&self, tokens: TokenStream) -> TokenStream {
        let respan = |token: TokenTree| match token {
            TokenTree::Ident(mut ident) => {
                if let Some(span) = self.0.get(&ident.to_string()) {
                    ident.set_span(*span);
                }
                TokenTree::Ident(ident)
            }
            TokenTree::Group(group) => {
                let mut respanned =
                    proc_macro2::Group::new(group.delimiter(), self.respan_tokens(group.stream()));
                respanned.set_span(group.span());
                TokenTree::Group(respanned)
            }
            token => token,
        };
        tokens.into_iter().map(respan).collect()
    }
}

/// Returns the name of a field's constant: `DESK_ID` for `desk_id`.
fn constant(ident: &Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_ascii_uppercase()
}

/// Returns tokens as source text.
pub(crate) fn text(tokens: &impl ToTokens) -> String {
    tokens.to_token_stream().to_string()
}
