//! Diagnostics as errors of rustc, each on its tokens, all at once.

use ablo_schema::front::rust::Reader;
use ablo_schema::{Diagnostic, Severity};
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::quote_spanned;

/// One `compile_error!` for each error; warnings are for `ablo check` and build scripts, since rustc has no way to say them.
pub(crate) fn errors(reader: &mut Reader) -> TokenStream {
    reader.diagnostics.sort();
    let errors = reader.diagnostics.iter().filter(|one| one.code.severity() == Severity::Error);
    errors.map(|diagnostic| error(diagnostic, reader)).collect()
}

fn error(diagnostic: &Diagnostic, reader: &Reader) -> TokenStream {
    let mut text = format!("{}\n  code: {}", diagnostic.message, diagnostic.code);
    if let Some(help) = &diagnostic.help {
        text.push_str("\n  help: ");
        text.push_str(help);
    }
    let (first, last) = reader.places.spans(diagnostic.at);
    spanned(&text, first, last)
}

/// rustc underlines from the first token of the macro call to the last.
fn spanned(text: &str, first: Span, last: Span) -> TokenStream {
    let head = quote_spanned!(first=> ::core::compile_error!);
    let mut group =
        proc_macro2::Group::new(proc_macro2::Delimiter::Brace, quote_spanned!(last=> #text));
    group.set_span(last);
    head.into_iter().chain([TokenTree::Group(group)]).collect()
}
