//! Why a frame could not be read.

use std::fmt;

/// What is wrong, small enough to travel in registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// How many bytes were left to read.
    pub(super) left: u32,
    pub(super) what: What,
}

pub(super) type Step<T> = Result<T, Fault>;

#[cold]
#[inline(never)]
pub(super) fn fault<T>(rest: &[u8], what: What) -> Step<T> {
    Err(Fault { left: rest.len() as u32, what })
}

macro_rules! whats {
    ($($name:ident $text:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum What {
            $($name,)*
        }

        impl What {
            fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

whats! {
    TooLong "2 GiB or more in one frame",
    End "the text ends here",
    Value "no JSON value",
    Literal "neither `true`, `false` nor `null`",
    Comma "neither a comma nor the end of the object or array",
    Colon "no colon",
    Name "no member name",
    Control "a control character in a string",
    Escape "no escape that JSON knows",
    Surrogate "half of a surrogate pair",
    Digits "no number that JSON knows",
    Range "a number that no double holds",
    Deep "more than 64 objects and arrays inside each other",
    More "more text behind the value",
    Object "not an object",
    Text "not a string",
    TextOrNull "neither a string nor null",
    Number "not a number",
    Boolean "neither `true` nor `false`",
    Date "not an RFC 3339 timestamp",
    Null "a required field is null",
    Twice "the member is there twice",
    Missing "the member is missing",
    Array "not an array",
    Row "neither an object, a string that holds one, nor null",
    SyncId "not a whole number below 2^53",
    Kind "not a frame of type `delta`",
    BadJson "not the JSON that the field holds",
    Magic "not a batch of this version",
    Varint "a number of more than 64 bits",
    Size "a length or a count beyond the end",
    Utf8 "not UTF-8",
    Reference "a reference to nothing",
    OtherKind "a value of another kind than this schema has here",
    Form "a form that this version does not know",
    Model "not the model that the schema has under this name",
    Schema "a batch of another schema, without a description",
    Budget "more to unfold than a batch of this size may hold",
}

/// A frame that could not be read: where, which field, what.
///
/// ```
/// # mod generated { include!("../../tests/weather.in"); }
/// use ablo::Deltas;
/// let text = r#"{"id":1,"actionType":"U","modelName":"Station","modelId":"s_1","data":{"altitude":"high"}}"#;
/// let error = Deltas::read(&generated::SCHEMA, text).unwrap_err();
/// assert_eq!(error.to_string(), "`Station.altitude` at byte 82: not a number");
/// assert_eq!((error.offset(), error.model(), error.field()), (82, Some("Station"), Some("altitude")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    pub(super) at: usize,
    pub(super) model: Option<&'static str>,
    pub(super) field: Option<&'static str>,
    pub(super) what: What,
}

impl DecodeError {
    /// How many bytes of the input stand before the fault; 0 where the fault is in no one place.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.at
    }

    /// The typename of the model whose row it is in.
    #[must_use]
    pub fn model(&self) -> Option<&'static str> {
        self.model
    }

    /// The member that it is in.
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
        write!(f, "at byte {}: {}", self.at, self.what.text())
    }
}

impl std::error::Error for DecodeError {}
