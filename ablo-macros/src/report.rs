//! Reports all diagnostics as compile errors, each on its tokens.

use ablo_schema::front::rust::ReadContext;
use ablo_schema::{Diagnostic, Severity};
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::quote_spanned;

/// Returns one `compile_error!` for each error. Warnings are left to `ablo check` and build
/// scripts, because rustc offers no way to emit them.
pub(crate) fn errors(cx: &mut ReadContext) -> TokenStream {
    cx.diagnostics.sort();
    let errors = cx.diagnostics.iter().filter(|one| one.severity == Severity::Error);
    errors.map(|diagnostic| error(diagnostic, cx)).collect()
}

fn error(diagnostic: &Diagnostic, cx: &ReadContext) -> TokenStream {
    let mut text = format!("{}\n  code: {}", diagnostic.message, diagnostic.code);
    if let Some(help) = &diagnostic.help {
        text.push_str("\n  help: ");
        text.push_str(help);
    }
    let (first, last) = cx.spans.spans(diagnostic.at);
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
