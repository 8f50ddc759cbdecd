//! The macros of ablo, re-exported by `ablo`. Do not depend on this crate directly.
//!
//! Parses the input, calls the other crates and reports errors: `ablo_schema::front::rust` reads
//! the input, the rules of every schema validate it, and the emitter of `ablo generate --target
//! rust` prints the expansion.

mod configuration;
mod expand;
mod recover;
mod report;
mod root;
mod spans;

use proc_macro::TokenStream;

/// Implements a model for a struct: see `ablo::AbloModel`.
#[proc_macro_derive(AbloModel, attributes(ablo))]
pub fn derive_model(input: TokenStream) -> TokenStream {
    expand::model(input.into()).into()
}

/// Implements an open enum: see `ablo::AbloEnum`.
#[proc_macro_derive(AbloEnum, attributes(ablo))]
pub fn derive_enum(input: TokenStream) -> TokenStream {
    expand::enumeration(input.into()).into()
}

/// Defines a schema: see `ablo::define_schema`.
#[proc_macro]
pub fn define_schema(input: TokenStream) -> TokenStream {
    configuration::schema(input.into()).into()
}

/// Expands a `define_schema!` with `#[cfg]` inside, after rustc has decided the predicates.
#[doc(hidden)]
#[proc_macro_derive(AbloConfiguredSchema, attributes(ablo))]
pub fn derive_configured_schema(input: TokenStream) -> TokenStream {
    configuration::decided(input.into()).into()
}
