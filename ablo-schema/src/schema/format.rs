//! Formats: the exact values of a `number` or a `string` field.
//!
//! Numbers that do not fit a double are strings of digits in JSON, so that parsers do not round
//! them.

/// The exact values of a `number` or a `string` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A `number`: 8 bits, signed.
    Int8,
    /// A `number`: 16 bits, signed.
    Int16,
    /// A `number`: 32 bits, signed.
    Int32,
    /// A `number`: 8 bits.
    Uint8,
    /// A `number`: 16 bits.
    Uint16,
    /// A `number`: 32 bits.
    Uint32,
    /// A `number`: IEEE 754 single precision.
    Float,
    /// A `string` of digits: 64 bits, signed.
    Int64,
    /// A `string` of digits: 64 bits.
    Uint64,
    /// A `string`: an exact decimal number.
    Decimal {
        /// Precision and scale; unlimited without them.
        digits: Option<(u16, u16)>,
    },
    /// A `string`: a UUID.
    Uuid,
}

impl Format {
    /// All formats; the decimal without precision and scale.
    pub const ALL: [Format; 11] = [
        Format::Int8,
        Format::Int16,
        Format::Int32,
        Format::Uint8,
        Format::Uint16,
        Format::Uint32,
        Format::Float,
        Format::Int64,
        Format::Uint64,
        Format::Decimal { digits: None },
        Format::Uuid,
    ];

    /// Returns the spelling in Schema JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Int8 => "int8",
            Format::Int16 => "int16",
            Format::Int32 => "int32",
            Format::Uint8 => "uint8",
            Format::Uint16 => "uint16",
            Format::Uint32 => "uint32",
            Format::Float => "float",
            Format::Int64 => "int64",
            Format::Uint64 => "uint64",
            Format::Decimal { .. } => "decimal",
            Format::Uuid => "uuid",
        }
    }

    /// Returns the format with this spelling.
    ///
    /// ```
    /// use ablo_schema::schema::Format;
    /// assert_eq!(Format::find("uint16"), Some(Format::Uint16));
    /// assert_eq!(Format::find("email"), None);
    /// ```
    #[must_use]
    pub fn find(word: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.as_str() == word)
    }

    /// Returns whether the values are JSON numbers rather than strings.
    #[must_use]
    pub fn is_number(self) -> bool {
        !matches!(self, Format::Int64 | Format::Uint64 | Format::Decimal { .. } | Format::Uuid)
    }

    /// Returns the minimum and maximum of an integer format.
    ///
    /// ```
    /// use ablo_schema::schema::Format;
    /// assert_eq!(Format::Int8.bounds(), Some((-128, 127)));
    /// assert_eq!(Format::Float.bounds(), None);
    /// ```
    #[must_use]
    pub fn bounds(self) -> Option<(i128, i128)> {
        match self {
            Format::Int8 => Some((i8::MIN.into(), i8::MAX.into())),
            Format::Int16 => Some((i16::MIN.into(), i16::MAX.into())),
            Format::Int32 => Some((i32::MIN.into(), i32::MAX.into())),
            Format::Int64 => Some((i64::MIN.into(), i64::MAX.into())),
            Format::Uint8 => Some((0, u8::MAX.into())),
            Format::Uint16 => Some((0, u16::MAX.into())),
            Format::Uint32 => Some((0, u32::MAX.into())),
            Format::Uint64 => Some((0, u64::MAX.into())),
            Format::Float | Format::Decimal { .. } | Format::Uuid => None,
        }
    }
}
