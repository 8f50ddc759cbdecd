//! Removes from structs, enums and lists what `#[cfg]` removes.

use super::cfg::{Configured, Doubt, configure};
use super::{ReadContext, plain};
use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::BTreeSet;
use syn::punctuated::Punctuated;
use syn::{Attribute, Fields, Item, Meta, Token};

/// The attributes that a schema depends on, in one kind of item.
pub(super) type Matters = fn(&TokenStream) -> bool;

/// Returns whether a model or an enum depends on an attribute.
pub(super) fn on_models(attribute: &TokenStream) -> bool {
    let mut tokens = attribute.clone().into_iter();
    let Some(TokenTree::Ident(word)) = tokens.next() else { return false };
    match word.to_string().as_str() {
        "ablo" | "deprecated" | "path" => true,
        "doc" => matches!(tokens.next(), Some(TokenTree::Punct(equals)) if equals.as_char() == '='),
        "derive" => ["AbloModel", "AbloEnum"].iter().any(|name| derives(attribute, name)),
        _ => false,
    }
}

/// Returns whether a type that is the shape of some JSON depends on an attribute, or an item of
/// `define_schema!`, where derives distinguish these from models.
pub(super) fn on_shapes(attribute: &TokenStream) -> bool {
    let Some(TokenTree::Ident(word)) = attribute.clone().into_iter().next() else { return false };
    let word = word.to_string();
    let derived =
        || ["Serialize", "Deserialize", "JsonSchema"].iter().any(|name| derives(attribute, name));
    on_models(attribute) || word == "serde" || word == "schemars" || (word == "derive" && derived())
}

/// Decides attributes in place. Returns whether their item is compiled, and what is in doubt.
pub(super) fn attributes(
    attributes: &mut Vec<Attribute>,
    matters: Matters,
    cx: &mut ReadContext,
) -> (bool, Vec<Doubt>) {
    let is_cfg = |attribute: &Attribute| {
        attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr")
    };
    if !attributes.iter().any(is_cfg) {
        return (true, Vec::new());
    }
    let tokens = attributes.iter().map(|attribute| attribute.meta.to_token_stream());
    let Configured { attributes: configured, doubts, removed, .. } =
        configure(tokens.collect::<Vec<_>>(), matters, cx);
    let Some(first) = attributes.first().cloned() else { return (!removed, doubts) };
    attributes.clear();
    for tokens in configured.into_iter().filter(|_| !removed) {
        match syn::parse2::<Meta>(tokens) {
            Ok(meta) => attributes.push(Attribute { meta, ..first.clone() }),
            Err(error) => cx.syntax(error),
        }
    }
    (!removed, doubts)
}

/// Decides the attributes of an item and of its fields or variants.
pub(super) fn item(item: &mut Item, matters: Matters, cx: &mut ReadContext) -> (bool, Vec<Doubt>) {
    let attrs = match item {
        Item::Struct(item) => &mut item.attrs,
        Item::Enum(item) => &mut item.attrs,
        Item::Use(item) => &mut item.attrs,
        Item::Type(item) => &mut item.attrs,
        _ => return (true, Vec::new()),
    };
    let (kept, mut doubts) = attributes(attrs, matters, cx);
    if !kept {
        return (false, doubts);
    }
    match item {
        Item::Struct(item) => fields(&mut item.fields, matters, &mut doubts, cx),
        Item::Enum(item) => {
            doubts.extend(retain(&mut item.variants, |it| &mut it.attrs, variant, matters, cx));
            for variant in &mut item.variants {
                fields(&mut variant.fields, matters, &mut doubts, cx);
            }
        }
        _ => {}
    }
    (true, doubts)
}

fn variant(variant: &syn::Variant) -> Option<&Ident> {
    Some(&variant.ident)
}

fn fields(all: &mut Fields, matters: Matters, doubts: &mut Vec<Doubt>, cx: &mut ReadContext) {
    let list = match all {
        Fields::Named(fields) => &mut fields.named,
        Fields::Unnamed(fields) => &mut fields.unnamed,
        Fields::Unit => return,
    };
    doubts.extend(retain(list, |it| &mut it.attrs, |it| it.ident.as_ref(), matters, cx));
}

/// Removes the elements that are not compiled. Of several elements in doubt with one name, one is
/// kept.
pub(super) fn retain<T>(
    list: &mut Punctuated<T, Token![,]>,
    attributes_of: fn(&mut T) -> &mut Vec<Attribute>,
    name: fn(&T) -> Option<&Ident>,
    matters: Matters,
    cx: &mut ReadContext,
) -> Vec<Doubt> {
    let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
    let mut kept = Punctuated::new();
    for mut element in std::mem::take(list) {
        let (compiled, doubts) = attributes(attributes_of(&mut element), matters, cx);
        if !compiled {
            continue;
        }
        let is_new = name(&element).is_none_or(|name| seen.insert(plain(name)));
        if is_new || doubts.is_empty() {
            kept.push(element);
        }
        all.extend(doubts);
    }
    *list = kept;
    all
}

/// Returns whether an attribute derives `name`, directly or in `cfg_attr`.
pub(super) fn derives(attribute: &TokenStream, name: &str) -> bool {
    let mut tokens = attribute.clone().into_iter();
    matches!(tokens.next(), Some(TokenTree::Ident(word)) if word == "derive" || word == "cfg_attr")
        && tokens.any(|token| matches!(token, TokenTree::Group(group) if mentions(&group, name, 1)))
}

/// Returns whether a group contains a word, down to a depth.
pub(super) fn mentions(group: &Group, name: &str, depth: usize) -> bool {
    group.stream().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == name,
        TokenTree::Group(group) => depth > 0 && mentions(&group, name, depth - 1),
        _ => false,
    })
}
