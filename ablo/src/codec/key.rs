//! Member names, made ready at compile time to be compared and copied eight bytes at a time.

use super::scan::special;
use std::fmt;

/// A member name as it stands in compact JSON: quoted, with the colon behind it.
#[derive(Clone, Copy)]
pub struct Key {
    /// The first 24 bytes, little endian, filled up with zeroes.
    words: [u64; 3],
    /// The bytes that count in the last word.
    mask: u64,
    /// How long quotes, name and colon are.
    len: usize,
    name: &'static str,
}

impl Key {
    /// Takes a name that needs no escapes, as names of fields never do.
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

    /// The same from the text that the macro has put together, `"name":` and 24 zeroes: a loop would take the compiler
    /// milliseconds for each field of a user's crate.
    #[must_use]
    #[rustfmt::skip]
    pub const fn padded(name: &'static str, text: &'static str) -> Self {
        let len = name.len() + 3;
        let mask = if len.is_multiple_of(8) || len > 24 { u64::MAX } else { (1 << (len % 8 * 8)) - 1 };
        let words = match text.as_bytes().first_chunk::<24>() {
            Some(&[b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15, b16, b17, b18, b19, b20, b21, b22, b23]) => [
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

    /// What `"name":` takes.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The first 24 bytes of `"name":`.
    #[inline(always)]
    pub(super) fn start(&self) -> [u8; 24] {
        let mut start = [0; 24];
        start[..8].copy_from_slice(&self.words[0].to_le_bytes());
        start[8..16].copy_from_slice(&self.words[1].to_le_bytes());
        start[16..].copy_from_slice(&self.words[2].to_le_bytes());
        start
    }

    /// What stands behind `"name":` if that is what is next.
    #[inline(always)]
    pub(super) fn strip<'s>(&self, rest: &'s [u8]) -> Option<&'s [u8]> {
        let Some(next) = rest.first_chunk::<24>() else { return self.strip_slowly(rest) };
        let [a, b, c] = words(next);
        let same = match self.len {
            0..=8 => a & self.mask == self.words[0],
            9..=16 => a == self.words[0] && b & self.mask == self.words[1],
            17..=24 => a == self.words[0] && b == self.words[1] && c & self.mask == self.words[2],
            _ => return self.strip_slowly(rest),
        };
        if same { rest.get(self.len..) } else { None }
    }

    #[cold]
    fn strip_slowly<'s>(&self, rest: &'s [u8]) -> Option<&'s [u8]> {
        rest.strip_prefix(b"\"")?.strip_prefix(self.name.as_bytes())?.strip_prefix(b"\":")
    }

    /// Whether the next eight bytes can begin this name: what a search asks of many names first.
    #[inline(always)]
    pub(super) fn begins(&self, next: u64) -> bool {
        if self.len < 8 { next & self.mask == self.words[0] } else { next == self.words[0] }
    }
}

/// A number below 128 for the name that is next, from its first 16 bytes at most.
#[inline(always)]
pub(super) fn hash(rest: &[u8]) -> usize {
    let Some(next) = rest.first_chunk::<25>().and_then(|next| next.last_chunk::<24>()) else {
        return 0;
    };
    let [a, b, _] = words(next);
    // The bytes below the quote; all of them where there is none, without a branch that would be guessed wrong.
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
            [$((Key::new($name), Key::padded($name, concat!("\"", $name, "\":", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")))),*]
        };
    }

    #[test]
    fn padded_keys_are_keys() {
        for (one, other) in both!("a" "abcd" "abcde" "abcdef" "abcdefghijklm" "abcdefghijklmnopqrstu" "abcdefghijklmnopqrstuv" "abcdefghijklmnopqrstuvwxyz")
        {
            assert_eq!(
                (one.words, one.mask, one.len, one.name),
                (other.words, other.mask, other.len, other.name)
            );
        }
    }
}
