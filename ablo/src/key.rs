//! Member names prepared at compile time for comparison and copying eight bytes at a time.

use std::fmt;

const ONES: u64 = 0x0101_0101_0101_0101;

/// A member name as in compact JSON: quoted, followed by a colon.
#[derive(Clone, Copy)]
pub struct Key {
    /// The first 24 bytes, little endian, padded with zeroes.
    words: [u64; 3],
    /// The mask of the used bytes in the last word.
    mask: u64,
    /// The length of the quotes, the name and the colon.
    len: usize,
    name: &'static str,
}

impl Key {
    /// Creates a key. The name must not need escaping, which is true for every field name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        let len = bytes.len() + 3;
        let mut words = [0; 3];
        let mut at = 0;
        while at < len && at < 24 {
            let byte = match at {
                0 => b'"',
                _ if at <= bytes.len() => bytes[at - 1],
                _ if at == len - 1 => b':',
                _ => b'"',
            };
            words[at / 8] |= (byte as u64) << (at % 8 * 8);
            at += 1;
        }
        let mask =
            if len.is_multiple_of(8) || len > 24 { u64::MAX } else { (1 << (len % 8 * 8)) - 1 };
        Self { words, mask, len, name }
    }

    /// Creates a key from text that the macro has concatenated: `"name":` and 24 zeroes. A loop
    /// would cost milliseconds of compile time per field in a user's crate.
    #[must_use]
    #[rustfmt::skip]
    pub const fn padded(name: &'static str, text: &'static str) -> Self {
        let len = name.len() + 3;
        let mask =
            if len.is_multiple_of(8) || len > 24 { u64::MAX } else { (1 << (len % 8 * 8)) - 1 };
        let words = match text.as_bytes().first_chunk::<24>() {
            Some(&[
                b0, b1, b2, b3, b4, b5, b6, b7,
                b8, b9, b10, b11, b12, b13, b14, b15,
                b16, b17, b18, b19, b20, b21, b22, b23,
            ]) => [
                u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7]),
                u64::from_le_bytes([b8, b9, b10, b11, b12, b13, b14, b15]),
                u64::from_le_bytes([b16, b17, b18, b19, b20, b21, b22, b23]),
            ],
            None => [0; 3],
        };
        Self { words, mask, len, name }
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the length of `"name":`.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Returns the first 24 bytes of `"name":`.
    #[inline(always)]
    pub(crate) fn start(&self) -> [u8; 24] {
        let mut start = [0; 24];
        start[..8].copy_from_slice(&self.words[0].to_le_bytes());
        start[8..16].copy_from_slice(&self.words[1].to_le_bytes());
        start[16..].copy_from_slice(&self.words[2].to_le_bytes());
        start
    }

    /// Returns the input after `"name":`, or `None` if it does not begin with it.
    #[inline(always)]
    pub(crate) fn strip<'s>(&self, rest: &'s [u8]) -> Option<&'s [u8]> {
        let Some(next) = rest.first_chunk::<24>() else { return self.strip_slow(rest) };
        let [a, b, c] = words(next);
        let same = match self.len {
            0..=8 => a & self.mask == self.words[0],
            9..=16 => a == self.words[0] && b & self.mask == self.words[1],
            17..=24 => a == self.words[0] && b == self.words[1] && c & self.mask == self.words[2],
            _ => return self.strip_slow(rest),
        };
        if same { rest.get(self.len..) } else { None }
    }

    #[cold]
    fn strip_slow<'s>(&self, rest: &'s [u8]) -> Option<&'s [u8]> {
        rest.strip_prefix(b"\"")?.strip_prefix(self.name.as_bytes())?.strip_prefix(b"\":")
    }

    /// Returns whether `next` can be the first eight bytes of this name: the quick check of a
    /// search.
    #[inline(always)]
    pub(crate) fn begins(&self, next: u64) -> bool {
        if self.len < 8 { next & self.mask == self.words[0] } else { next == self.words[0] }
    }
}

/// Marks the bytes that end a plain run of a string: quotes, backslashes and control characters.
/// Only the lowest mark is exact.
#[inline(always)]
pub(crate) const fn special(word: u64) -> u64 {
    // Flipping the second bit turns a quote into a space and keeps control characters below it: one
    // comparison finds both.
    let quote_or_control = (word ^ (0x02 * ONES)).wrapping_sub(0x21 * ONES);
    let backslash = (word ^ (0x5c * ONES)).wrapping_sub(ONES);
    (quote_or_control | backslash) & !word & (0x80 * ONES)
}

/// Hashes the next name to a number below 128, by at most its first 16 bytes.
#[inline(always)]
pub(crate) fn hash(rest: &[u8]) -> usize {
    let Some(next) = rest.first_chunk::<25>().and_then(|next| next.last_chunk::<24>()) else {
        return 0;
    };
    let [a, b, _] = words(next);
    // The bytes before the quote, or all of them without one. Branch-free: a branch would be
    // unpredictable.
    let below = |word: u64| {
        let marks = special(word);
        (((marks & marks.wrapping_neg()) >> 7).wrapping_sub(1), u64::from(marks == 0))
    };
    let ((in_a, long), (in_b, _)) = (below(a), below(b));
    let mixed = (a & in_a) ^ (b & in_b & long.wrapping_neg()).rotate_left(23);
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 57) as usize
}

#[inline(always)]
fn words(bytes: &[u8; 24]) -> [u64; 3] {
    let word = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[at..at + 8]);
        u64::from_le_bytes(word)
    };
    [word(0), word(8), word(16)]
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.name, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Key;

    macro_rules! both {
        ($($name:literal)*) => {
            [$((
                Key::new($name),
                Key::padded(
                    $name,
                    concat!(
                        "\"", $name, "\":",
                        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                    ),
                ),
            )),*]
        };
    }

    #[test]
    fn padded_equals_new() {
        for (one, other) in both!(
            "a" "abcd" "abcde" "abcdef" "abcdefghijklm"
            "abcdefghijklmnopqrstu" "abcdefghijklmnopqrstuv" "abcdefghijklmnopqrstuvwxyz"
        ) {
            assert_eq!(
                (one.words, one.mask, one.len, one.name),
                (other.words, other.mask, other.len, other.name)
            );
        }
    }
}
