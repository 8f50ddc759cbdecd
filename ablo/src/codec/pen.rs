//! Bytes on their way out.
//!
//! A [`Pen`] is the room that is left, handed from one writing to the next, so that the place where writing stands stays in
//! registers. Where the room ends, whoever holds the buffer makes it larger and writes the same delta again. Short texts
//! are copied in one stride of fixed size, of which only what counts is kept.

use super::date;
use super::scan::special;
use crate::__private::Key;

/// What is copied at once.
const STRIDE: usize = 32;

/// A buffer: what is written, and zeroes behind it.
#[derive(Debug, Default)]
pub(super) struct Out {
    bytes: Vec<u8>,
    len: usize,
}

impl Out {
    /// Takes a buffer to write behind what is in it.
    pub(super) fn behind(bytes: Vec<u8>, likely: usize) -> Self {
        let mut out = Self { len: bytes.len(), bytes };
        out.bytes.resize(out.len + likely + 2 * STRIDE, 0);
        out
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.truncate(self.len);
        self.bytes
    }

    pub(super) fn written(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// The room that is left.
    #[inline(always)]
    pub(super) fn pen(&mut self) -> Pen<'_> {
        Pen(&mut self.bytes[self.len..])
    }

    /// Counts what was written, by the room that is left now.
    #[inline(always)]
    pub(super) fn keep(&mut self, left: usize) {
        self.len = self.bytes.len() - left;
    }

    #[cold]
    #[inline(never)]
    pub(super) fn grow(&mut self) {
        self.bytes.resize(self.bytes.len() * 2 + 512, 0);
    }

    /// Writes, with as much room as it takes.
    #[inline(always)]
    pub(super) fn write(&mut self, mut write: impl FnMut(Pen<'_>) -> Option<Pen<'_>>) {
        loop {
            if let Some(left) = write(self.pen()).map(|pen| pen.left()) {
                return self.keep(left);
            }
            self.grow();
        }
    }
}

/// The room that is left. Whatever is written gives back the rest, or `None` where there was too little.
pub(super) struct Pen<'d>(&'d mut [u8]);

impl<'d> Pen<'d> {
    #[inline(always)]
    pub(super) fn left(&self) -> usize {
        self.0.len()
    }

    #[inline(always)]
    pub(super) fn fixed<const N: usize>(self, text: &[u8; N]) -> Option<Self> {
        let (place, rest) = self.0.split_first_chunk_mut::<N>()?;
        *place = *text;
        Some(Pen(rest))
    }

    #[inline(always)]
    pub(super) fn byte(self, byte: u8) -> Option<Self> {
        self.fixed(&[byte])
    }

    /// Leaves so much room to be filled later.
    #[inline(always)]
    pub(super) fn skip(self, count: usize) -> Option<(&'d mut [u8], Self)> {
        let (place, rest) = self.0.split_at_mut_checked(count)?;
        Some((place, Pen(rest)))
    }

    #[inline(always)]
    fn stride<const N: usize>(self, text: &[u8; N], len: usize) -> Option<Self> {
        let all = self.0;
        *all.first_chunk_mut::<N>()? = *text;
        Some(Pen(all.get_mut(len..)?))
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
        let (place, rest) = self.0.split_at_mut_checked(bytes.len())?;
        place.copy_from_slice(bytes);
        Some(Pen(rest))
    }

    /// Copies a piece of a longer text.
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
        let mut pen = self.byte(b'"')?;
        while let Some((chunk, more)) = rest.split_first_chunk::<8>() {
            if special(u64::from_le_bytes(*chunk)) != 0 {
                return pen.escaped(rest);
            }
            pen = pen.fixed(chunk)?;
            rest = more;
        }
        if rest.iter().any(|byte| matches!(byte, ..0x20 | b'"' | b'\\')) {
            return pen.escaped(rest);
        }
        for byte in rest {
            pen = pen.byte(*byte)?;
        }
        pen.byte(b'"')
    }

    /// Writes the rest of a string that has something to escape.
    #[cold]
    #[inline(never)]
    fn escaped(self, rest: &[u8]) -> Option<Self> {
        let mut pen = self;
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
                    pen = pen.fixed(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(*byte)])?;
                    continue;
                }
                _ => {
                    pen = pen.byte(*byte)?;
                    continue;
                }
            };
            pen = pen.fixed(&[b'\\', letter])?;
        }
        pen.byte(b'"')
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

    /// Writes a number as ECMAScript does. What JSON lacks is `null`, as it is there.
    #[inline(always)]
    pub(super) fn number(self, number: f64) -> Option<Self> {
        let whole = number as i64;
        // Below 2^53 a whole number is its digits, and minus zero is zero.
        if whole as f64 == number && whole.unsigned_abs() < 1 << 53 {
            let pen = if whole < 0 { self.byte(b'-')? } else { self };
            return pen.integer(whole.unsigned_abs());
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
