//! Output buffer of the encoders.
//!
//! A [`ByteWriter`] is the free space of the buffer, passed by value from one write to the next so
//! that the position stays in registers. When the space is exhausted, [`OutBuffer::write`] grows
//! the buffer and encodes the same delta again. Short texts are copied in strides of a fixed size.

use super::date;
use crate::key::{Key, special};

/// The number of bytes that are copied at once.
const STRIDE: usize = 32;

/// A buffer: the written bytes, followed by zeroes.
#[derive(Debug, Default)]
pub(super) struct OutBuffer {
    bytes: Vec<u8>,
    len: usize,
}

impl OutBuffer {
    /// Appends to `bytes`, with space for about `expected` more bytes.
    pub(super) fn appending_to(bytes: Vec<u8>, expected: usize) -> Self {
        let mut out = Self { len: bytes.len(), bytes };
        out.bytes.resize(out.len + expected + 2 * STRIDE, 0);
        out
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.truncate(self.len);
        self.bytes
    }

    pub(super) fn written(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Returns a writer for the free space.
    #[inline(always)]
    pub(super) fn writer(&mut self) -> ByteWriter<'_> {
        ByteWriter(&mut self.bytes[self.len..])
    }

    /// Updates the length from the remaining space.
    #[inline(always)]
    pub(super) fn set_remaining(&mut self, remaining: usize) {
        self.len = self.bytes.len() - remaining;
    }

    #[cold]
    #[inline(never)]
    pub(super) fn grow(&mut self) {
        self.bytes.resize(self.bytes.len() * 2 + 512, 0);
    }

    /// Runs `write`, growing the buffer until it has enough space.
    #[inline(always)]
    pub(super) fn write(
        &mut self,
        mut write: impl FnMut(ByteWriter<'_>) -> Option<ByteWriter<'_>>,
    ) {
        loop {
            if let Some(remaining) = write(self.writer()).map(|writer| writer.remaining()) {
                return self.set_remaining(remaining);
            }
            self.grow();
        }
    }
}

/// The free space of a buffer. Each write returns the rest, or `None` if the space is exhausted.
pub(super) struct ByteWriter<'d>(&'d mut [u8]);

impl<'d> ByteWriter<'d> {
    #[inline(always)]
    pub(super) fn remaining(&self) -> usize {
        self.0.len()
    }

    #[inline(always)]
    pub(super) fn fixed<const N: usize>(self, text: &[u8; N]) -> Option<Self> {
        let (target, rest) = self.0.split_first_chunk_mut::<N>()?;
        *target = *text;
        Some(ByteWriter(rest))
    }

    #[inline(always)]
    pub(super) fn byte(self, byte: u8) -> Option<Self> {
        self.fixed(&[byte])
    }

    /// Reserves `count` bytes to be filled later.
    #[inline(always)]
    pub(super) fn skip(self, count: usize) -> Option<(&'d mut [u8], Self)> {
        let (target, rest) = self.0.split_at_mut_checked(count)?;
        Some((target, ByteWriter(rest)))
    }

    #[inline(always)]
    fn stride<const N: usize>(self, text: &[u8; N], len: usize) -> Option<Self> {
        let all = self.0;
        *all.first_chunk_mut::<N>()? = *text;
        Some(ByteWriter(all.get_mut(len..)?))
    }

    #[inline(always)]
    pub(super) fn key(self, key: &Key) -> Option<Self> {
        if key.len() <= 24 {
            return self.stride(&key.start(), key.len());
        }
        self.byte(b'"')?.bytes(key.name().as_bytes())?.fixed(b"\":")
    }

    /// Copies bytes.
    #[inline(always)]
    pub(super) fn bytes(self, bytes: &[u8]) -> Option<Self> {
        let (target, rest) = self.0.split_at_mut_checked(bytes.len())?;
        target.copy_from_slice(bytes);
        Some(ByteWriter(rest))
    }

    /// Copies a range of a longer text.
    #[inline(always)]
    pub(super) fn piece(self, all: &[u8], start: usize, len: usize) -> Option<Self> {
        match all.get(start..).and_then(<[u8]>::first_chunk::<STRIDE>) {
            Some(text) if len <= STRIDE => self.stride(text, len),
            _ => self.bytes(all.get(start..start + len).unwrap_or_default()),
        }
    }

    /// Writes a JSON string.
    #[inline(always)]
    pub(super) fn string(self, text: &str) -> Option<Self> {
        let mut rest = text.as_bytes();
        let mut writer = self.byte(b'"')?;
        while let Some((chunk, more)) = rest.split_first_chunk::<8>() {
            if special(u64::from_le_bytes(*chunk)) != 0 {
                return writer.escaped(rest);
            }
            writer = writer.fixed(chunk)?;
            rest = more;
        }
        if rest.iter().any(|byte| matches!(byte, ..0x20 | b'"' | b'\\')) {
            return writer.escaped(rest);
        }
        for byte in rest {
            writer = writer.byte(*byte)?;
        }
        writer.byte(b'"')
    }

    /// Writes the rest of a string that needs escaping.
    #[cold]
    #[inline(never)]
    fn escaped(self, rest: &[u8]) -> Option<Self> {
        let mut writer = self;
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
                    writer =
                        writer.fixed(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(*byte)])?;
                    continue;
                }
                _ => {
                    writer = writer.byte(*byte)?;
                    continue;
                }
            };
            writer = writer.fixed(&[b'\\', letter])?;
        }
        writer.byte(b'"')
    }

    /// Writes a whole number.
    #[inline(always)]
    pub(super) fn integer(self, number: u64) -> Option<Self> {
        let mut digits = [b'0'; 24];
        let (mut at, mut left) = (20, number);
        loop {
            at -= 1;
            digits[at] += (left % 10) as u8;
            left /= 10;
            if left == 0 {
                break;
            }
        }
        self.bytes(&digits[at..20])
    }

    /// Writes a number as ECMAScript does: numbers that JSON cannot express become `null`.
    #[inline(always)]
    pub(super) fn number(self, number: f64) -> Option<Self> {
        let whole = number as i64;
        // Whole numbers below 2^53 print as their digits; minus zero prints as zero.
        if whole as f64 == number && whole.unsigned_abs() < 1 << 53 {
            let writer = if whole < 0 { self.byte(b'-')? } else { self };
            return writer.integer(whole.unsigned_abs());
        }
        if !number.is_finite() {
            return self.fixed(b"null");
        }
        let mut buffer = ryu_js::Buffer::new();
        self.bytes(buffer.format_finite(number).as_bytes())
    }

    /// Writes a date of the fixed form, in quotes.
    #[inline(always)]
    pub(super) fn date(self, millis: i64) -> Option<Self> {
        self.byte(b'"')?.fixed(&date::print(millis))?.byte(b'"')
    }
}
