//! Looks at eight bytes of a text at a time.
//!
//! Bytes are found in a word by arithmetic: the highest bit of the first byte that is looked for is
//! set in the result, and no bit of those before it.

const ONES: u64 = u64::from_le_bytes([1; 8]);
/// The highest bit of each byte, which is set in bytes that are not ASCII.
pub const HIGH: u64 = ONES << 7;

/// Finds the ASCII bytes below a limit of at most 128.
#[must_use]
pub const fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * limit as u64) & !word & HIGH
}

/// Finds a byte.
#[must_use]
pub const fn equal(word: u64, byte: u8) -> u64 {
    let differences = word ^ (ONES * byte as u64);
    differences.wrapping_sub(ONES) & !differences & HIGH
}

/// Returns whether no byte of a text is one of those that `find` finds.
#[inline]
pub fn none(text: &str, find: impl Fn(u64) -> u64) -> bool {
    let bytes = text.as_bytes();
    let is_free = |word: &[u8; 8]| find(u64::from_le_bytes(*word)) == 0;
    // The last eight bytes overlap those before them.
    if let Some(last) = bytes.last_chunk() {
        return bytes.as_chunks().0.iter().all(is_free) && is_free(last);
    }
    bytes.iter().all(|byte| find(u64::from_le_bytes([*byte; 8])) == 0)
}
