//! Errors of decoding.

use std::fmt;

/// A fault inside the decoder, small enough for registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The number of bytes that were left to read.
    pub(super) left: u32,
    pub(super) reason: Reason,
}

pub(super) type ReadResult<T> = Result<T, Fault>;

#[cold]
#[inline(never)]
pub(super) fn fault<T>(rest: &[u8], reason: Reason) -> ReadResult<T> {
    Err(Fault { left: rest.len() as u32, reason })
}

macro_rules! reasons {
    ($($name:ident $text:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Reason {
            $($name,)*
        }

        impl Reason {
            fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

reasons! {
    TooLong "the frame is 2 GiB or larger",
    End "unexpected end of input",
    Value "expected a JSON value",
    Literal "expected `true`, `false` or `null`",
    Comma "expected a comma or the end of the object or array",
    Colon "expected a colon",
    Name "expected a member name",
    Control "control character in a string",
    Escape "invalid escape",
    Surrogate "lone surrogate",
    BadNumber "invalid number",
    Range "number out of range of a double",
    TooDeep "nesting is deeper than 64 levels",
    Trailing "trailing characters",
    Object "expected an object",
    Text "expected a string",
    TextOrNull "expected a string or null",
    Number "expected a number",
    Boolean "expected `true` or `false`",
    Date "expected an RFC 3339 timestamp",
    RequiredNull "required field is null",
    Duplicate "duplicate member",
    Missing "missing member",
    Array "expected an array",
    Row "expected an object, a string that contains one, or null",
    SyncId "expected a whole number below 2^53",
    FrameType "expected a frame of type `delta`",
    BadJson "invalid JSON in a `json` field",
    Magic "not a batch of a supported version",
    Varint "invalid variable-length number",
    Size "length or count exceeds the input",
    Utf8 "invalid UTF-8",
    Reference "invalid reference",
    KindMismatch "value of a different kind than this schema declares",
    UnknownForm "unknown flag or form",
    Format "value does not match the format of the field",
    Model "model differs from the schema's model of this name",
    Schema "batch of a different schema without a dictionary",
    Budget "decoded text exceeds the limit for a batch of this size",
}

/// An error of decoding a frame: position, field and reason.
///
/// ```
/// # mod generated { include!("../../tests/weather.in"); }
/// use ablo::Deltas;
/// let text = r#"{"id":1,"actionType":"U","modelName":"Station","modelId":"s_1",
///   "data":{"altitude":"high"}}"#;
/// let error = Deltas::read(&generated::SCHEMA, text).unwrap_err();
/// assert_eq!(error.to_string(), "`Station.altitude` at byte 85: expected a number");
/// assert_eq!(error.offset(), 85);
/// assert_eq!((error.model(), error.field()), (Some("Station"), Some("altitude")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    pub(super) at: usize,
    pub(super) model: Option<&'static str>,
    pub(super) field: Option<&'static str>,
    pub(super) reason: Reason,
}

impl DecodeError {
    /// Returns the byte offset of the fault in the input, or 0 if it has no position.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Returns the typename of the model whose row is faulty.
    #[must_use]
    pub fn model(&self) -> Option<&'static str> {
        self.model
    }

    /// Returns the name of the faulty member.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        self.field
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.model, self.field) {
            (Some(model), Some(field)) => write!(f, "`{model}.{field}` ")?,
            (Some(name), None) | (None, Some(name)) => write!(f, "`{name}` ")?,
            (None, None) => {}
        }
        write!(f, "at byte {}: {}", self.at, self.reason.text())
    }
}

impl std::error::Error for DecodeError {}
