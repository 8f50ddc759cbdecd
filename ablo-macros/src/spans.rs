//! Where what is printed came from.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use std::collections::BTreeMap;

/// Where each identifier of the user's stands, so that what is printed can point there.
#[derive(Default)]
pub(crate) struct Spans(BTreeMap<String, Span>);

impl Spans {
    pub(crate) fn learn(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    self.0.entry(ident.to_string()).or_insert_with(|| ident.span());
                }
                TokenTree::Group(group) => self.learn(group.stream()),
                _ => {}
            }
        }
    }

    /// As [`Spans::learn`], for what is printed in capitals.
    pub(crate) fn learn_constants(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    self.0.entry(constant(&ident)).or_insert_with(|| ident.span());
                }
                TokenTree::Group(group) => self.learn_constants(group.stream()),
                _ => {}
            }
        }
    }

    /// Printed text as tokens; an identifier that the user wrote is where it was written.
    pub(crate) fn give_back(&self, printed: &str) -> TokenStream {
        match printed.parse::<TokenStream>() {
            Ok(tokens) => self.place(tokens),
            // The emitter prints Rust; were it not, rustc should say so at the macro.
            Err(error) => syn::Error::new(error.span(), error.to_string()).into_compile_error(),
        }
    }

    fn place(&self, tokens: TokenStream) -> TokenStream {
        let place = |token: TokenTree| match token {
            TokenTree::Ident(mut ident) => {
                if let Some(span) = self.0.get(&ident.to_string()) {
                    ident.set_span(*span);
                }
                TokenTree::Ident(ident)
            }
            TokenTree::Group(group) => {
                let mut placed =
                    proc_macro2::Group::new(group.delimiter(), self.place(group.stream()));
                placed.set_span(group.span());
                TokenTree::Group(placed)
            }
            token => token,
        };
        tokens.into_iter().map(place).collect()
    }
}

/// `desk_id` as the token of the field is called.
fn constant(ident: &Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_ascii_uppercase()
}
