//! Enums: variants and their values.

use super::attribute::read;
use super::slots::Slots;
use super::words::{CASINGS, Casing};
use super::{Reader, plain};
use crate::diag::{Code, Spanned};
use crate::raw::Text;
use syn::{Attribute, Fields, Generics, Ident, Variant};

/// An enum that derives `AbloEnum`, or stands in `define_schema!`.
#[derive(Debug)]
pub struct RustEnum {
    /// Its name.
    pub ident: Ident,
    /// Its variants, but for the one that keeps other values.
    pub variants: Vec<Ident>,
    /// What each is on the wire.
    pub(crate) values: Vec<Spanned<Text<'static>>>,
    /// The variant that keeps values that are not listed.
    pub other: Option<Ident>,
}

impl RustEnum {
    /// The values on the wire, in the order of the variants.
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

/// Reads an enum. In a derive one variant must keep other values: the macro cannot add it.
pub(crate) fn read_enum<'v>(
    ident: &Ident,
    generics: &Generics,
    attributes: &[Attribute],
    variants: impl IntoIterator<Item = &'v Variant>,
    needs_other: bool,
    reader: &mut Reader,
) -> RustEnum {
    if !generics.params.is_empty() {
        reader
            .say_at(
                Code::RustGeneric,
                generics,
                format!("`{ident}` has parameters; its values are texts"),
            )
            .help("remove them");
    }
    let arguments = read(attributes, reader);
    let mut slots = Slots::new(arguments, "an enum", &["rename_all"], reader);
    let casing = slots
        .word("rename_all", &CASINGS, |word| word, reader)
        .map_or(Casing("snake_case"), |word| Casing(word.value));
    let mut read =
        RustEnum { ident: ident.clone(), variants: Vec::new(), values: Vec::new(), other: None };
    for variant in variants {
        read_variant(variant, casing, &mut read, reader);
    }
    if needs_other && read.other.is_none() {
        reader
            .say(
                Code::RustEnumWithoutOther,
                ident.span(),
                format!("`{ident}` has no place for values that newer writers know"),
            )
            .help("add a last variant: `#[ablo(other)] Other(ablo::UnknownValue)`");
    }
    check(&read, reader);
    read
}

fn read_variant(variant: &Variant, casing: Casing, read: &mut RustEnum, reader: &mut Reader) {
    let arguments = super::attribute::read(&variant.attrs, reader);
    let mut slots = Slots::new(arguments, "a variant", &["value", "other"], reader);
    let value = slots.text("value", "\"in progress\"", reader);
    if slots.flag("other", reader).is_some_and(|flag| flag.value) {
        if value.is_some() {
            reader
                .say(
                    Code::RustAttributeValue,
                    variant.ident.span(),
                    "the variant for other values has none of its own",
                )
                .help("remove `value`, or `other`");
        }
        if let Fields::Unnamed(fields) = &variant.fields
            && let Some(field) = fields.unnamed.first()
            && super::types::path(&field.ty).is_some_and(|path| path.is_ident("String"))
        {
            let message =
                format!("`{}` keeps any text, and a text may be a listed value", variant.ident);
            reader.say_at(Code::RustVariantWithFields, &field.ty, message).help(format!(
                "write `{}(ablo::UnknownValue)`, which only reading makes",
                variant.ident
            ));
        }
        let holds_one =
            matches!(&variant.fields, Fields::Unnamed(fields) if fields.unnamed.len() == 1);
        if !holds_one {
            reader
                .say(
                    Code::RustVariantWithFields,
                    variant.ident.span(),
                    format!("`{}` must hold the other value and nothing else", variant.ident),
                )
                .help(format!("write `{}(ablo::UnknownValue)`", variant.ident));
        }
        if let Some(first) = &read.other {
            let first = reader.at(first.span());
            reader
                .say(
                    Code::RustRepeatedAttribute,
                    variant.ident.span(),
                    "two variants keep other values",
                )
                .help("remove one of them")
                .also(first, "the other one");
        }
        read.other = Some(variant.ident.clone());
        return;
    }
    if !matches!(variant.fields, Fields::Unit) {
        reader
            .say_at(
                Code::RustVariantWithFields,
                &variant.fields,
                format!("`{}` holds something; a value of an enum is a text", variant.ident),
            )
            .help("remove what it holds; the variant that keeps other values is marked `#[ablo(other)]`");
    }
    let value = value.unwrap_or_else(|| {
        let name = casing.value(&plain(&variant.ident));
        reader.text(name, variant.ident.span())
    });
    read.variants.push(variant.ident.clone());
    read.values.push(value);
}

/// A derive sees no field that would hold the values, so the rules on values are asked here too.
fn check(read: &RustEnum, reader: &mut Reader) {
    if read.values.is_empty() {
        let message = format!("the enum `{}` has no values", read.ident);
        reader
            .say(Code::EnumNoValues, read.ident.span(), message)
            .help("add a variant for each value");
    }
    for (at, value) in read.values.iter().enumerate() {
        if let Some(first) = read.values[..at].iter().find(|first| first.value == value.value) {
            let message =
                format!("the enum `{}` has the value `{}` twice", read.ident, value.value);
            reader
                .diagnostics
                .push(Code::EnumRepeatedValue, value.at, message)
                .help("give one of them another `#[ablo(value = \"…\")]`")
                .also(first.at, "also here");
        }
        if value.value.contains('\0') {
            reader
                .diagnostics
                .push(Code::EnumNulInValue, value.at, "the value holds a NUL character")
                .help("no database keeps NUL in text; remove it");
        }
    }
}
