//! `#[cfg]` inside of `define_schema!`.
//!
//! rustc decides no predicate in the input of a function-like macro, but does so in that of a
//! derive. So a schema with predicates expands to an enum with one variant for each of them, whose
//! derive sees which variants are left and expands the schema.

use crate::expand;
use crate::root::root;
use ablo_schema::front::rust::definition::Definition;
use ablo_schema::front::rust::{Cfg, ReadContext, predicates};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use std::collections::BTreeSet;
use syn::{Data, DeriveInput};

/// Expands `define_schema!`.
pub(crate) fn schema(tokens: TokenStream) -> TokenStream {
    let predicates = predicates(tokens.clone());
    if predicates.is_empty() {
        return expand::schema(tokens, ReadContext::default());
    }
    // The schema may be nothing but errors, which are reported when it is expanded.
    let root = Definition::parse(tokens.clone(), &mut ReadContext::default())
        .map_or_else(|| root(&[]), |definition| root(&definition.attributes));
    let root: TokenStream = match root {
        Ok(root) => root.parse().unwrap_or_default(),
        Err(error) => return error,
    };
    let variants = (0..predicates.len()).map(|at| format_ident!("P{at}"));
    let name = format_ident!("__{}Configuration", name(&tokens));
    quote! {
        #[derive(#root::__private::AbloConfiguredSchema)]
        #[ablo(#tokens)]
        #[allow(dead_code)]
        enum #name { #(#[cfg(#predicates)] #variants,)* }
    }
}

/// Returns the name of the schema, so that a module can define several.
fn name(tokens: &TokenStream) -> String {
    let mut words = tokens.clone().into_iter().map(|token| token.to_string());
    words.by_ref().find(|word| word == "schema");
    words.next().filter(|word| syn::parse_str::<syn::Ident>(word).is_ok()).unwrap_or_default()
}

/// Expands the schema in the attribute of the enum, of which the variants that hold are left.
pub(crate) fn decided(tokens: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(tokens) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let attribute = input.attrs.iter().find(|attribute| attribute.path().is_ident("ablo"));
    let (Data::Enum(data), Some(attribute)) = (&input.data, attribute) else {
        return TokenStream::new();
    };
    let syn::Meta::List(schema) = &attribute.meta else { return TokenStream::new() };
    let left: BTreeSet<String> =
        data.variants.iter().map(|variant| variant.ident.to_string()).collect();
    let all = predicates(schema.tokens.clone()).into_iter().enumerate();
    let decided = all.map(|(at, predicate)| (predicate, left.contains(&format!("P{at}"))));
    let cx = ReadContext::new(Cfg::of_predicates(decided));
    expand::schema(schema.tokens.clone(), cx)
}
