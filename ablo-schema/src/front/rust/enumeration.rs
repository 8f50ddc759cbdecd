//! Reads enums: variants and their values.

use super::arguments::{Arguments, check_crate_path};
use super::attribute::{read, warn_of_serde};
use super::casing::{CASINGS, Casing};
use super::vocabulary::{ENUM_ARGUMENTS, VARIANT_ARGUMENTS};
use super::{ReadContext, plain};
use crate::diag::{Code, Spanned};
use crate::raw::CowStr;
use syn::{Attribute, Fields, Generics, Ident, Variant};

/// An enum that derives `AbloEnum` or is declared in `define_schema!`.
#[derive(Debug)]
pub struct RustEnum {
    /// Its name.
    pub ident: Ident,
    /// The variants, except the one marked `other`.
    pub variants: Vec<Ident>,
    /// The value of each variant on the wire.
    pub(crate) values: Vec<Spanned<CowStr<'static>>>,
    /// The variant marked `other`, which holds unknown values.
    pub other: Option<Ident>,
}

impl RustEnum {
    /// Iterates over the values on the wire, in the order of the variants.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|value| value.value.as_ref())
    }

    pub(crate) fn copy(&self) -> Self {
        let Self { ident, variants, values, other } = self;
        Self {
            ident: ident.clone(),
            variants: variants.clone(),
            values: values.clone(),
            other: other.clone(),
        }
    }
}

/// Reads an enum. A derive needs a variant marked `other`, because the macro cannot add one.
pub(crate) fn read_enum<'v>(
    ident: &Ident,
    generics: &Generics,
    attributes: &[Attribute],
    variants: impl IntoIterator<Item = &'v Variant>,
    needs_other: bool,
    cx: &mut ReadContext,
) -> RustEnum {
    if !generics.params.is_empty() {
        cx.report_tokens(
            Code::RustGeneric,
            generics,
            format!("`{ident}` is generic; an enum is exactly one type"),
        )
        .help("remove the generic parameters");
    }
    warn_of_serde(attributes, "rename_all", cx);
    let arguments = read(attributes, cx);
    let mut arguments = Arguments::new(arguments, "an enum", &ENUM_ARGUMENTS, cx);
    check_crate_path(&mut arguments, cx);
    let casing = arguments
        .word("rename_all", &CASINGS, |word| word, cx)
        .map_or(Casing("snake_case"), |word| Casing(word.value));
    let mut read =
        RustEnum { ident: ident.clone(), variants: Vec::new(), values: Vec::new(), other: None };
    for variant in variants {
        read_variant(variant, casing, &mut read, cx);
    }
    if needs_other && read.other.is_none() {
        cx.report(
            Code::RustEnumWithoutOther,
            ident.span(),
            format!("`{ident}` has no variant for unknown values"),
        )
        .help("add a last variant: `#[ablo(other)] Other(ablo::UnknownValue)`");
    }
    check(&read, cx);
    read
}

fn read_variant(variant: &Variant, casing: Casing, read: &mut RustEnum, cx: &mut ReadContext) {
    warn_of_serde(&variant.attrs, "value", cx);
    let arguments = super::attribute::read(&variant.attrs, cx);
    let mut arguments = Arguments::new(arguments, "a variant", &VARIANT_ARGUMENTS, cx);
    let value = arguments.text("value", "\"in progress\"", cx);
    if arguments.flag("other", cx).is_some_and(|flag| flag.value) {
        if value.is_some() {
            cx.report(
                Code::RustAttributeValue,
                variant.ident.span(),
                "the variant marked `other` cannot have a value",
            )
            .help("remove `value` or `other`");
        }
        if let Fields::Unnamed(fields) = &variant.fields
            && let Some(field) = fields.unnamed.first()
            && super::types::path(&field.ty).is_some_and(|path| path.is_ident("String"))
        {
            let message =
                format!("`{}` holds a `String`, which may be a listed value", variant.ident);
            cx.report_tokens(Code::RustVariantWithFields, &field.ty, message).help(format!(
                "write `{}(ablo::UnknownValue)`, which only deserialization creates",
                variant.ident
            ));
        }
        let holds_one =
            matches!(&variant.fields, Fields::Unnamed(fields) if fields.unnamed.len() == 1);
        if !holds_one {
            cx.report(
                Code::RustVariantWithFields,
                variant.ident.span(),
                format!("`{}` must hold exactly the unknown value", variant.ident),
            )
            .help(format!("write `{}(ablo::UnknownValue)`", variant.ident));
        }
        if let Some(first) = &read.other {
            let first = cx.at(first.span());
            cx.report(
                Code::RustRepeatedAttribute,
                variant.ident.span(),
                "two variants are marked `other`",
            )
            .help("remove one of the two")
            .also(first, "first marked here");
        }
        read.other = Some(variant.ident.clone());
        return;
    }
    if !matches!(variant.fields, Fields::Unit) {
        cx.report_tokens(
            Code::RustVariantWithFields,
            &variant.fields,
            format!("variant `{}` has fields; enum values are strings", variant.ident),
        )
        .help("remove the fields; only the variant marked `#[ablo(other)]` has one");
    }
    let value = value.unwrap_or_else(|| {
        let name = casing.value(&plain(&variant.ident));
        cx.text(name, variant.ident.span())
    });
    read.variants.push(variant.ident.clone());
    read.values.push(value);
}

/// A derive has no field with these values, so the rules on values are checked here too.
fn check(read: &RustEnum, cx: &mut ReadContext) {
    if read.values.is_empty() {
        let message = format!("enum `{}` has no values", read.ident);
        cx.report(Code::EnumNoValues, read.ident.span(), message)
            .help("add a variant for each value");
    }
    for (at, value) in read.values.iter().enumerate() {
        if let Some(first) = read.values[..at].iter().find(|first| first.value == value.value) {
            let message = format!("enum `{}` has the value `{}` twice", read.ident, value.value);
            cx.diagnostics
                .push(Code::EnumRepeatedValue, value.at, message)
                .help("give one of them another `#[ablo(value = \"…\")]`")
                .also(first.at, "first used here");
        }
        if value.value.contains('\0') {
            cx.diagnostics
                .push(Code::EnumNulInValue, value.at, "the value contains a NUL character")
                .help("databases cannot store NUL in text; remove it");
        }
    }
}
