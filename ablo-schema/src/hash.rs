//! The two hashes of a schema.
//!
//! `schemaHash` is the hash of the hosted service: 32 bits, for the handshake only, because
//! collisions can be found within minutes. `contentHash` is ours: BLAKE3 with 256 bits over the
//! same sorted text, for the schema and for each model.

use crate::canonical::{print_model_sorted, print_sorted};
use crate::schema::{Model, ModelKey, Schema};
use std::fmt;

/// The hashes of one schema.
///
/// ```
/// let read = ablo_schema::front::json::read(r#"{"v":3,"models":{},"identityRoles":[]}"#);
/// let hashes = ablo_schema::Hashes::of(&read.schema.unwrap());
/// assert_eq!(hashes.schema.to_string(), "2825b171");
/// assert_eq!(hashes.content.to_string().len(), 64);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hashes {
    /// The handshake hash.
    pub schema: SchemaHash,
    /// The hash of the whole schema.
    pub content: ContentHash,
}

impl Hashes {
    /// Computes both hashes.
    #[must_use]
    pub fn of(schema: &Schema) -> Self {
        let text = print_sorted(schema);
        Self {
            schema: SchemaHash(fnv1a_utf16(&text)),
            content: ContentHash(blake3::hash(text.as_bytes())),
        }
    }
}

/// Returns the content hash of each model, in schema order.
#[must_use]
pub fn of_models(schema: &Schema) -> Vec<(ModelKey, ContentHash)> {
    let mut text = String::new();
    let mut hash = |model: &Model| {
        text.clear();
        print_model_sorted(model, &mut text);
        (model.key.clone(), ContentHash(blake3::hash(text.as_bytes())))
    };
    schema.models.iter().map(&mut hash).collect()
}

/// The handshake hash: displays as 8 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaHash(u32);

impl fmt::Display for SchemaHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// A BLAKE3 hash: displays as 64 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentHash(blake3::Hash);

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_hex())
    }
}

/// 32-bit FNV-1a over UTF-16 code units instead of bytes.
fn fnv1a_utf16(text: &str) -> u32 {
    let step = |state: u32, unit: u32| (state ^ unit).wrapping_mul(0x0100_0193);
    let of_bytes = |state, bytes: &[u8]| {
        bytes.iter().fold(state, |state: u32, byte| step(state, u32::from(*byte)))
    };
    let (mut state, mut rest) = (0x811c_9dc5, text);
    loop {
        let ascii = ascii_prefix(rest.as_bytes());
        // Lists of a fixed length are unrolled.
        let (words, last) = rest.as_bytes()[..ascii].as_chunks::<8>();
        state = words.iter().fold(state, |state, word| of_bytes(state, word));
        state = of_bytes(state, last);
        let mut others = rest[ascii..].chars();
        let Some(other) = others.next() else { return state };
        let mut units = [0; 2];
        let units = other.encode_utf16(&mut units).iter();
        state = units.fold(state, |state, unit| step(state, u32::from(*unit)));
        rest = others.as_str();
    }
}

/// Returns the number of ASCII bytes at the start. Checks eight at a time.
fn ascii_prefix(bytes: &[u8]) -> usize {
    let words = bytes.as_chunks::<8>().0.iter();
    let words = words.take_while(|word| u64::from_le_bytes(**word) & 0x8080_8080_8080_8080 == 0);
    let known = words.count() * 8;
    known + bytes[known..].iter().take_while(|byte| byte.is_ascii()).count()
}
