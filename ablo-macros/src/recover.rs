//! Error recovery: a partial expansion of an invalid item, so that one mistake yields one error.
//!
//! Fields whose type cannot be read are omitted. A generic item expands to nothing, because its
//! parameters have no meaning to ablo.

use crate::spans::{Spans, text};
use ablo_codegen::emit::rust::expand::{Field, Model, print_model};
use ablo_schema::front::rust::recover::recover;
use proc_macro2::{Group, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Data, DeriveInput};

/// Expands the descriptor of an invalid model.
pub(crate) fn recovered_model(
    input: &DeriveInput,
    root: &str,
    errors: &TokenStream,
) -> TokenStream {
    let Data::Struct(data) = &input.data else { return TokenStream::new() };
    if errors.is_empty() || !input.generics.params.is_empty() {
        return TokenStream::new();
    }
    let recovered = recover(&input.ident, &input.attrs, &data.fields);
    let Some(schema) = recovered.schema else { return TokenStream::new() };
    let fields: Vec<Field> = recovered
        .fields
        .iter()
        .map(|field| Field { name: field.ident.to_string(), value: text(&field.value) })
        .collect();
    let names = Model {
        root,
        visibility: &text(&input.vis),
        name: &input.ident.to_string(),
        fields: &fields,
        targets: &[],
    };
    let mut spans = Spans::default();
    spans.record(input.to_token_stream());
    with_unread_fields(spans.respan(&print_model(&schema, 0, &names)))
}

/// Adds `unread` to the call of `model!`: the struct may have more fields than the descriptor.
fn with_unread_fields(call: TokenStream) -> TokenStream {
    let patched = |token: TokenTree| match token {
        TokenTree::Group(group) => {
            let inside = group.stream();
            let mut patched =
                Group::new(group.delimiter(), quote!(#inside unread = ::core::unreachable!();));
            patched.set_span(group.span());
            TokenTree::Group(patched)
        }
        token => token,
    };
    call.into_iter().map(patched).collect()
}

/// Expands the implementations of an invalid enum.
pub(crate) fn recovered_enum(input: &DeriveInput, root: &str) -> TokenStream {
    let name = &input.ident;
    let root: TokenStream = root.parse().unwrap_or_default();
    if !matches!(input.data, Data::Enum(_)) || !input.generics.params.is_empty() {
        return TokenStream::new();
    }
    quote! {
        #[allow(dead_code, missing_docs, unreachable_pub)]
        impl #name {
            pub fn as_str(&self) -> &str {
                ""
            }
        }

        const _: () = {
            impl ::core::convert::From<&str> for #name {
                fn from(_: &str) -> Self {
                    ::core::unreachable!()
                }
            }
        };

        #root::__private::open_enum_traits! { #name [] }
    }
}
