//! Reads one field's value, driven by its descriptor.

use crate::DecimalError;
use crate::decimal::is_decimal;
use crate::descriptor::{FieldDescriptor, FieldKind, Format};
use crate::value::OwnedValue;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error};
use std::fmt::Display;
use std::str::FromStr;

/// Reads the value of a declared field. Only optional fields can be `null`.
pub(super) struct ValueSeed {
    pub(super) field: &'static FieldDescriptor,
}

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = OwnedValue;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<OwnedValue, D::Error> {
        let field = self.field;
        match field.kind {
            FieldKind::String | FieldKind::Enum(_) => {
                match field.format {
                    None => read(field, deserializer, OwnedValue::Text),
                    Some(format) => read::<String, D>(field, deserializer, OwnedValue::Text)
                        .and_then(|stored| match stored {
                            OwnedValue::Text(text) => {
                                parse_exact(format, &text).map_err(D::Error::custom)
                            }
                            stored => Ok(stored),
                        }),
                }
            }
            FieldKind::Number => {
                let stored = read(field, deserializer, OwnedValue::Number)?;
                if let OwnedValue::Number(number) = stored {
                    in_range(field.format, number).map_err(D::Error::custom)?;
                }
                Ok(stored)
            }
            FieldKind::Boolean => read(field, deserializer, OwnedValue::Boolean),
            FieldKind::Date => read(field, deserializer, OwnedValue::Date),
            FieldKind::Json if field.raw => read(field, deserializer, OwnedValue::Raw),
            // In a required field, JSON's `null` is a value.
            FieldKind::Json => read(field, deserializer, OwnedValue::Json),
        }
    }
}

fn read<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    field: &FieldDescriptor,
    deserializer: D,
    store: fn(T) -> OwnedValue,
) -> Result<OwnedValue, D::Error> {
    if field.optional {
        return Option::deserialize(deserializer)
            .map(|value| value.map_or(OwnedValue::Null, store));
    }
    T::deserialize(deserializer).map(store)
}

/// Parses a string in a format.
pub(crate) fn parse_exact(format: Format, text: &str) -> Result<OwnedValue, String> {
    match format {
        Format::Int64 => parse::<i64>(text).map(|integer| OwnedValue::Integer(integer.into())),
        Format::Uint64 => parse::<u64>(text).map(|integer| OwnedValue::Integer(integer.into())),
        Format::Uuid => parse(text).map(OwnedValue::Uuid),
        Format::Decimal if !is_decimal(text) => Err(format!("{text:?}: {DecimalError}")),
        _ => Ok(OwnedValue::Text(text.to_owned())),
    }
}

fn parse<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("{text:?}: {error}"))
}

/// Checks that a number is in the range of its format.
pub(crate) fn in_range(format: Option<Format>, number: f64) -> Result<(), String> {
    let (min, max) = match format {
        Some(Format::Int8) => (f64::from(i8::MIN), f64::from(i8::MAX)),
        Some(Format::Int16) => (f64::from(i16::MIN), f64::from(i16::MAX)),
        Some(Format::Int32) => (f64::from(i32::MIN), f64::from(i32::MAX)),
        Some(Format::Uint8) => (0.0, f64::from(u8::MAX)),
        Some(Format::Uint16) => (0.0, f64::from(u16::MAX)),
        Some(Format::Uint32) => (0.0, f64::from(u32::MAX)),
        _ => return Ok(()),
    };
    if number.fract() == 0.0 && (min..=max).contains(&number) {
        return Ok(());
    }
    Err(format!("{number} is not a whole number from {min} to {max}"))
}
