//! The macros of ablo. `ablo` re-exports them; nobody depends on this crate alone.
//!
//! A shell: parse, call, report. What Rust says is read by `ablo_schema::front::rust`, checked by the rules that check every
//! schema, and printed by the emitter behind `ablo generate --target rust`.

mod expand;
mod report;
mod rescue;
mod spans;

use proc_macro::TokenStream;

/// Makes a struct a model: see `ablo::AbloModel`.
#[proc_macro_derive(AbloModel, attributes(ablo))]
pub fn derive_model(input: TokenStream) -> TokenStream {
    expand::model(input.into()).into()
}

/// Makes an enum an open enum: see `ablo::AbloEnum`.
#[proc_macro_derive(AbloEnum, attributes(ablo))]
pub fn derive_enum(input: TokenStream) -> TokenStream {
    expand::enumeration(input.into()).into()
}

/// Defines a schema: see `ablo::define_schema`.
#[proc_macro]
pub fn define_schema(input: TokenStream) -> TokenStream {
    expand::schema(input.into()).into()
}
