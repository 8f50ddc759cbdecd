//! The binary form of deltas, specified in docs/reference/delta-format.md.
//!
//! A batch has a head with numbers, forms and lengths, and a tail with all texts in the order in
//! which the head refers to them. The tail is validated once, and every text is a span of it.

use crate::SchemaDescriptor;

mod dictionary;
mod read;
mod read_parts;
mod row;
mod unknown;
mod uuid;
mod varint;
mod write;

/// The first byte of every batch. No UTF-8 text, and therefore no JSON, begins with it.
const MAGIC: u8 = 0xab;

/// The second byte of every batch.
const VERSION: u8 = 1;

/// How a batch names models and fields.
///
/// ```
/// # mod generated { include!("../../../tests/weather.in"); }
/// use ablo::{Deltas, Naming};
/// let text = concat!(
///     r#"{"id":1,"actionType":"U","modelName":"Station","modelId":"s_1","#,
///     r#""data":{"altitude":37.5}}"#,
/// );
/// let deltas = Deltas::read(&generated::SCHEMA, text)?;
/// let same = deltas.to_binary(Naming::SameSchema);
/// let described = deltas.to_binary(Naming::Described);
/// assert!(same.len() < text.len());
/// assert_eq!(Deltas::read_binary(&generated::SCHEMA, &described)?.to_json(), text);
/// # Ok::<(), ablo::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// By position, for a peer that announced the same `contentHash`.
    SameSchema,
    /// By a dictionary in the batch, for any peer.
    Described,
}

/// Flags of a batch.
mod flag {
    /// The frame is a list.
    pub(super) const LIST: u8 = 1;
    /// The batch has a dictionary in place of the schema's hash.
    pub(super) const DESCRIBED: u8 = 2;
    /// The batch has `newVersions`.
    pub(super) const VERSIONS: u8 = 4;
    /// The batch has unknown members.
    pub(super) const EXTRAS: u8 = 8;
    pub(super) const ALL: u8 = 15;
}

/// The 16 bits before a delta. A member whose bit is clear equals that of the previous delta.
mod mark {
    /// Two bits: the form of the data.
    pub(super) const DATA: u16 = 3;
    pub(super) const EXTRAS: u16 = 1 << 2;
    pub(super) const PREVIOUS: u16 = 1 << 3;
    pub(super) const ACTION: u16 = 1 << 4;
    pub(super) const MODEL: u16 = 1 << 5;
    pub(super) const GROUPS: u16 = 1 << 6;
    pub(super) const ACTOR: u16 = 1 << 7;
    pub(super) const ON_BEHALF_OF: u16 = 1 << 8;
    pub(super) const CAPABILITY: u16 = 1 << 9;
    pub(super) const CONFIRMATION: u16 = 1 << 10;
    pub(super) const CAUSED_BY: u16 = 1 << 11;
    pub(super) const CREATED_BY: u16 = 1 << 12;
    /// The row's `id` is the delta's `modelId`.
    pub(super) const SAME_ID: u16 = 1 << 13;
    /// `createdBy` equals `actor`.
    pub(super) const CREATED_BY_ACTOR: u16 = 1 << 14;
    pub(super) const UNUSED: u16 = 1 << 15;
    /// All members that are written only if they changed.
    pub(super) const CHANGED: u16 = PREVIOUS
        | ACTION
        | MODEL
        | GROUPS
        | ACTOR
        | ON_BEHALF_OF
        | CAPABILITY
        | CONFIRMATION
        | CAUSED_BY
        | CREATED_BY;
}

/// The form of a delta's data, in the two lowest bits before it.
mod data {
    pub(super) const ABSENT: u16 = 0;
    pub(super) const NULL: u16 = 1;
    pub(super) const ROW: u16 = 2;
    pub(super) const RAW: u16 = 3;
}

/// The states of a row's fields, two bits each.
mod state {
    pub(super) const ABSENT: u64 = 0;
    pub(super) const NULL: u64 = 1;
    /// The usual form of the kind.
    pub(super) const A: u64 = 2;
    /// The alternative form of the kind.
    pub(super) const B: u64 = 3;
}

/// Codes of texts in the envelope.
mod code {
    pub(super) const ABSENT: u64 = 0;
    pub(super) const NULL: u64 = 1;
    /// A text that is new in the batch; its length follows.
    pub(super) const NEW: u64 = 2;
    /// This code and higher ones refer to earlier new texts, in their order.
    pub(super) const KNOWN: u64 = 3;
}

/// Returns the first 16 bytes of the content hash, or `None` if the schema is invalid.
fn schema_tag(schema: &'static SchemaDescriptor) -> Option<[u8; 16]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
    let mut tag = [0; 16];
    for (byte, pair) in tag.iter_mut().zip(schema.hashes().ok()?.content.as_bytes().chunks_exact(2))
    {
        *byte = digit(pair[0]) << 4 | digit(pair[1]);
    }
    Some(tag)
}
