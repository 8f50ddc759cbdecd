//! What is expanded of an item with faults: as much of the usual as keeps what uses it from adding faults of its own.
//!
//! A field whose type cannot be read is not there, and an item with parameters has nothing: what its parameters are to
//! ablo nobody knows.

use crate::expand::text;
use crate::spans::Spans;
use ablo_codegen::emit::rust::expand::{Field, Model, print_model};
use ablo_schema::front::rust::rescue::rescue;
use proc_macro2::{Group, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Data, DeriveInput};

/// The table of a model with faults.
pub(crate) fn rescued_model(input: &DeriveInput, errors: &TokenStream) -> TokenStream {
    let Data::Struct(data) = &input.data else { return TokenStream::new() };
    if errors.is_empty() || !input.generics.params.is_empty() {
        return TokenStream::new();
    }
    let rescued = rescue(&input.ident, &input.attrs, &data.fields);
    let Some(schema) = rescued.schema else { return TokenStream::new() };
    let fields: Vec<Field> = rescued
        .fields
        .iter()
        .map(|field| Field { name: field.ident.to_string(), value: text(&field.value) })
        .collect();
    let names = Model {
        visibility: &text(&input.vis),
        name: &input.ident.to_string(),
        fields: &fields,
        targets: &[],
    };
    let mut spans = Spans::default();
    spans.learn(input.to_token_stream());
    with_unread_fields(spans.give_back(&print_model(&schema, 0, &names)))
}

/// The call of `model!`, told that the struct may have more fields than the table.
fn with_unread_fields(call: TokenStream) -> TokenStream {
    let told = |token: TokenTree| match token {
        TokenTree::Group(group) => {
            let inside = group.stream();
            let mut told =
                Group::new(group.delimiter(), quote!(#inside unread = ::core::unreachable!();));
            told.set_span(group.span());
            TokenTree::Group(told)
        }
        token => token,
    };
    call.into_iter().map(told).collect()
}

/// The implementations of an enum with faults.
pub(crate) fn rescued_enum(input: &DeriveInput) -> TokenStream {
    let name = &input.ident;
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

        ::ablo::__private::open_enum_traits! { #name [] }
    }
}
