//! Bytes on their way out.
//!
//! The buffer is longer than what is written, so that short texts are copied in one stride of fixed size and only what
//! counts of it is kept.

use super::date;
use super::scan::special;
use crate::__private::Key;

/// What is copied at once.
const STRIDE: usize = 32;

/// A growing text.
#[derive(Debug, Default)]
pub(super) struct Out {
    bytes: Vec<u8>,
    len: usize,
}

impl Out {
    /// Takes a buffer to write behind what is in it.
    pub(super) fn behind(bytes: Vec<u8>) -> Self {
        Self { len: bytes.len(), bytes }
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.truncate(self.len);
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn written(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Makes sure that there is room for so many bytes and one stride.
    #[inline(always)]
    pub(super) fn room(&mut self, more: usize) {
        if self.bytes.len() - self.len < more + STRIDE {
            self.grow(more + STRIDE);
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, more: usize) {
        self.bytes.resize((self.bytes.len() * 2).max(self.len + more).max(256), 0);
    }

    #[inline(always)]
    pub(super) fn fixed<const N: usize>(&mut self, text: &[u8; N]) {
        self.room(N);
        self.bytes[self.len..self.len + N].copy_from_slice(text);
        self.len += N;
    }

    #[inline(always)]
    pub(super) fn byte(&mut self, byte: u8) {
        self.fixed(&[byte]);
    }

    /// Takes the last byte back.
    #[inline(always)]
    pub(super) fn back(&mut self) {
        self.len -= 1;
    }

    #[inline(always)]
    pub(super) fn key(&mut self, key: &Key) {
        self.room(24);
        self.bytes[self.len..self.len + 24].copy_from_slice(&key.start());
        if key.len() <= 24 {
            self.len += key.len();
        } else {
            self.byte(b'"');
            self.bytes(key.name().as_bytes());
            self.fixed(b"\":");
        }
    }

    /// Copies bytes.
    #[inline(always)]
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.room(bytes.len());
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Copies a piece of a longer text.
    #[inline(always)]
    pub(super) fn piece(&mut self, all: &[u8], start: usize, len: usize) {
        self.room(len);
        match (all.get(start..start + STRIDE), len <= STRIDE) {
            (Some(stride), true) => {
                self.bytes[self.len..self.len + STRIDE].copy_from_slice(stride);
                self.len += len;
            }
            _ => self.bytes(all.get(start..start + len).unwrap_or_default()),
        }
    }

    /// Writes so many zeroes, to be patched.
    #[inline(always)]
    pub(super) fn zeroes(&mut self, count: usize) {
        self.room(count);
        self.bytes[self.len..self.len + count].fill(0);
        self.len += count;
    }

    /// Puts the lowest bytes of a word where zeroes are.
    #[inline(always)]
    pub(super) fn patch(&mut self, place: usize, word: u64, bytes: usize) {
        for (byte, value) in self.bytes[place..place + bytes].iter_mut().zip(word.to_le_bytes()) {
            *byte = value;
        }
    }

    /// Writes a JSON string.
    #[inline(always)]
    pub(super) fn string(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        self.room(rest.len() + 2);
        self.byte(b'"');
        while let Some((chunk, more)) = rest.split_first_chunk::<8>() {
            if special(u64::from_le_bytes(*chunk)) != 0 {
                return self.escaped(rest);
            }
            self.bytes[self.len..self.len + 8].copy_from_slice(chunk);
            self.len += 8;
            rest = more;
        }
        if rest.iter().any(|byte| matches!(byte, ..0x20 | b'"' | b'\\')) {
            return self.escaped(rest);
        }
        for byte in rest {
            self.bytes[self.len] = *byte;
            self.len += 1;
        }
        self.byte(b'"');
    }

    /// Writes the rest of a string that has something to escape.
    #[cold]
    #[inline(never)]
    fn escaped(&mut self, rest: &[u8]) {
        for byte in rest {
            let letter = match byte {
                b'"' | b'\\' => *byte,
                8 => b'b',
                12 => b'f',
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                ..0x20 => {
                    let digit = |value: u8| b"0123456789abcdef"[usize::from(value & 15)];
                    self.fixed(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(*byte)]);
                    continue;
                }
                _ => {
                    self.byte(*byte);
                    continue;
                }
            };
            self.fixed(&[b'\\', letter]);
        }
        self.byte(b'"');
    }

    /// Writes a whole number.
    #[inline(always)]
    pub(super) fn integer(&mut self, mut number: u64) {
        let mut digits = [b'0'; 20];
        let mut at = 20;
        loop {
            at -= 1;
            digits[at] += (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.bytes(&digits[at..]);
    }

    /// Writes a number as ECMAScript does. What JSON lacks is `null`, as it is there.
    #[inline(always)]
    pub(super) fn number(&mut self, number: f64) {
        let whole = number as i64;
        // Below 2^53 a whole number is its digits, and minus zero is zero.
        if whole as f64 == number && whole.unsigned_abs() < 1 << 53 {
            if whole < 0 {
                self.byte(b'-');
            }
            return self.integer(whole.unsigned_abs());
        }
        if !number.is_finite() {
            return self.fixed(b"null");
        }
        let mut buffer = ryu_js::Buffer::new();
        self.bytes(buffer.format_finite(number).as_bytes());
    }

    /// Writes a date of the fixed form, in quotes.
    #[inline(always)]
    pub(super) fn date(&mut self, millis: i64) {
        self.room(date::LEN + 2);
        self.byte(b'"');
        self.fixed(&date::print(millis));
        self.byte(b'"');
    }
}
