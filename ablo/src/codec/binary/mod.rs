//! The binary form of deltas: row-wise, described by the schema, byte for byte in docs/reference/delta-format.md.
//!
//! A batch is a head, where numbers, forms and lengths stand, and a tail, where all text stands in the order in which the
//! head asks for it: the tail is checked once, and every text is a place in it.

use crate::SchemaDescriptor;

mod dictionary;
mod read;
mod row;
mod unknown;
mod uuid;
mod varint;
mod write;

/// The first byte of every batch; no JSON text and no UTF-8 text begins with it.
const MAGIC: u8 = 0xab;

/// The second byte.
const VERSION: u8 = 1;

/// How a batch names models and fields.
///
/// ```
/// # mod generated { include!("../../../tests/weather.in"); }
/// use ablo::{Deltas, Naming};
/// let text = r#"{"id":1,"actionType":"U","modelName":"Station","modelId":"s_1","data":{"altitude":37.5}}"#;
/// let deltas = Deltas::read(&generated::SCHEMA, text)?;
/// let same = deltas.to_binary(Naming::SameSchema);
/// let described = deltas.to_binary(Naming::Described);
/// assert!(same.len() < text.len());
/// assert_eq!(Deltas::read_binary(&generated::SCHEMA, &described)?.to_json(), text);
/// # Ok::<(), ablo::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// By their positions: for a peer that announced the same `contentHash`.
    SameSchema,
    /// By a dictionary in the batch: for any peer.
    Described,
}

/// Flags of a batch.
mod flag {
    /// The frame was a list.
    pub(super) const LIST: u8 = 1;
    /// A dictionary stands where the schema's hash would.
    pub(super) const DESCRIBED: u8 = 2;
    /// Versions follow.
    pub(super) const VERSIONS: u8 = 4;
    /// Members that nobody knew follow.
    pub(super) const EXTRAS: u8 = 8;
    pub(super) const ALL: u8 = 15;
}

/// What the 16 bits before a delta say. A member that did not change is that of the delta before.
mod mark {
    /// Two bits: what the data is.
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
    /// `createdBy` is what `actor` is.
    pub(super) const CREATOR_ACTS: u16 = 1 << 14;
    pub(super) const UNUSED: u16 = 1 << 15;
    /// Any of what is written only where it changed.
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

/// What the data of a delta is, in the two lowest bits before it.
mod data {
    pub(super) const ABSENT: u16 = 0;
    pub(super) const NULL: u16 = 1;
    pub(super) const ROW: u16 = 2;
    pub(super) const RAW: u16 = 3;
}

/// What a field of a row is: two bits each.
mod state {
    pub(super) const ABSENT: u64 = 0;
    pub(super) const NULL: u64 = 1;
    /// The form that is usual for the kind.
    pub(super) const A: u64 = 2;
    /// The other form.
    pub(super) const B: u64 = 3;
}

/// How texts of the envelope are told apart from their lack.
mod code {
    pub(super) const ABSENT: u64 = 0;
    pub(super) const NULL: u64 = 1;
    /// A text that is new to the batch; its length follows.
    pub(super) const NEW: u64 = 2;
    /// What is above refers to the texts that were new, in their order.
    pub(super) const KNOWN: u64 = 3;
}

/// The first 16 bytes of the hash that tells schemas apart; a schema that is none has no hash.
fn schema_tag(schema: &'static SchemaDescriptor) -> Option<[u8; 16]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
    let mut tag = [0; 16];
    for (byte, pair) in tag.iter_mut().zip(schema.hashes().ok()?.content.as_bytes().chunks_exact(2))
    {
        *byte = digit(pair[0]) << 4 | digit(pair[1]);
    }
    Some(tag)
}
