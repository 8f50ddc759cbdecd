//! Variable-length integers (LEB128). Signed numbers are zigzag-encoded first.

use super::super::byte_writer::ByteWriter;
use super::super::error::{ReadResult, Reason, fault};
use super::super::scan::Rest;

#[inline(always)]
pub(super) const fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

#[inline(always)]
pub(super) const fn unzigzag(folded: u64) -> i64 {
    (folded >> 1) as i64 ^ -((folded & 1) as i64)
}

/// Reads a number. Only the shortest form is valid.
#[inline(always)]
pub(super) fn varint(rest: Rest<'_>) -> ReadResult<(u64, Rest<'_>)> {
    match rest {
        [byte, more @ ..] if *byte < 0x80 => Ok((u64::from(*byte), more)),
        _ => long(rest),
    }
}

#[inline(never)]
fn long(start: Rest<'_>) -> ReadResult<(u64, Rest<'_>)> {
    let (mut number, mut shift, mut rest) = (0_u64, 0, start);
    loop {
        let [byte, more @ ..] = rest else { return fault(rest, Reason::End) };
        rest = more;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 || (*byte == 0 && shift > 0) {
            return fault(start, Reason::Varint);
        }
        number |= bits << shift;
        if *byte < 0x80 {
            return Ok((number, rest));
        }
        shift += 7;
        if shift > 63 {
            return fault(start, Reason::Varint);
        }
    }
}

/// Reads `N` bytes.
#[inline(always)]
pub(super) fn bytes<const N: usize>(rest: Rest<'_>) -> ReadResult<(&[u8; N], Rest<'_>)> {
    match rest.split_first_chunk::<N>() {
        Some(split) => Ok(split),
        None => fault(rest, Reason::End),
    }
}

impl ByteWriter<'_> {
    /// Writes a number.
    #[inline(always)]
    pub(in crate::codec) fn varint(self, number: u64) -> Option<Self> {
        if number < 0x80 { self.byte(number as u8) } else { self.long_varint(number) }
    }

    #[inline(always)]
    fn long_varint(self, number: u64) -> Option<Self> {
        let (mut writer, mut left) = (self, number);
        while left >= 0x80 {
            writer = writer.byte(left as u8 | 0x80)?;
            left >>= 7;
        }
        writer.byte(left as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn round_trips_every_number(number: u64, shift in 0..64_u32) {
            let number = number >> shift;
            let mut out = crate::codec::byte_writer::OutBuffer::default();
            out.write(|writer| writer.varint(number));
            let written = out.finish();
            prop_assert_eq!(varint(&written).unwrap(), (number, &[][..]));
            prop_assert_eq!(unzigzag(zigzag(number as i64)), number as i64);
        }
    }

    #[test]
    fn rejects_overlong_forms_and_numbers_over_64_bits() {
        assert!(varint(&[0x80, 0]).is_err());
        assert!(varint(&[0xff; 10]).is_err());
        assert!(varint(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).is_err());
        assert!(varint(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]).is_ok());
        assert!(varint(&[0x80]).is_err());
    }
}
