//! Reading one field's value as its descriptor says.

use crate::__private::Stored;
use crate::DecimalError;
use crate::decimal::is_decimal;
use crate::descriptor::{FieldDescriptor, FieldKind, Format};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error};
use std::fmt::Display;
use std::str::FromStr;

/// Reads the value of a declared field; `null` only where the field is optional.
pub(super) struct ValueSeed {
    pub(super) field: &'static FieldDescriptor,
}

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Stored;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Stored, D::Error> {
        let field = self.field;
        match field.kind {
            FieldKind::String | FieldKind::Enum(_) => match field.format {
                None => read(field, deserializer, Stored::Text),
                Some(format) => {
                    read::<String, D>(field, deserializer, Stored::Text).and_then(|stored| {
                        match stored {
                            Stored::Text(text) => exact(format, &text).map_err(D::Error::custom),
                            stored => Ok(stored),
                        }
                    })
                }
            },
            FieldKind::Number => {
                let stored = read(field, deserializer, Stored::Number)?;
                if let Stored::Number(number) = stored {
                    in_range(field.format, number).map_err(D::Error::custom)?;
                }
                Ok(stored)
            }
            FieldKind::Boolean => read(field, deserializer, Stored::Boolean),
            FieldKind::Date => read(field, deserializer, Stored::Date),
            FieldKind::Json if field.raw => read(field, deserializer, Stored::Raw),
            // JSON's own `null` is a value where the field must have one.
            FieldKind::Json => read(field, deserializer, Stored::Json),
        }
    }
}

fn read<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    field: &FieldDescriptor,
    deserializer: D,
    store: fn(T) -> Stored,
) -> Result<Stored, D::Error> {
    if field.optional {
        return Option::deserialize(deserializer).map(|value| value.map_or(Stored::Null, store));
    }
    T::deserialize(deserializer).map(store)
}

/// The exact value of a string of digits.
pub(crate) fn exact(format: Format, text: &str) -> Result<Stored, String> {
    match format {
        Format::Int64 => parsed::<i64>(text).map(|integer| Stored::Integer(integer.into())),
        Format::Uint64 => parsed::<u64>(text).map(|integer| Stored::Integer(integer.into())),
        Format::Uuid => parsed(text).map(Stored::Uuid),
        Format::Decimal if !is_decimal(text) => Err(format!("{text:?}: {DecimalError}")),
        _ => Ok(Stored::Text(text.to_owned())),
    }
}

fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("{text:?}: {error}"))
}

/// Whether a number is one of its format's.
pub(crate) fn in_range(format: Option<Format>, number: f64) -> Result<(), String> {
    let (least, most) = match format {
        Some(Format::Int8) => (f64::from(i8::MIN), f64::from(i8::MAX)),
        Some(Format::Int16) => (f64::from(i16::MIN), f64::from(i16::MAX)),
        Some(Format::Int32) => (f64::from(i32::MIN), f64::from(i32::MAX)),
        Some(Format::Uint8) => (0.0, f64::from(u8::MAX)),
        Some(Format::Uint16) => (0.0, f64::from(u16::MAX)),
        Some(Format::Uint32) => (0.0, f64::from(u32::MAX)),
        _ => return Ok(()),
    };
    if number.fract() == 0.0 && (least..=most).contains(&number) {
        return Ok(());
    }
    Err(format!("{number} is not a whole number from {least} to {most}"))
}
