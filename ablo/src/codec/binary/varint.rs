//! Whole numbers of as many bytes as they need: seven bits a byte, the lowest first, the highest bit of each but the last
//! set. Signed numbers are folded first, so that those near zero are short.

use super::super::error::{Step, What, fault};
use super::super::pen::Pen;
use super::super::scan::Rest;

#[inline(always)]
pub(super) const fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

#[inline(always)]
pub(super) const fn unzigzag(folded: u64) -> i64 {
    (folded >> 1) as i64 ^ -((folded & 1) as i64)
}

/// Reads a number. The shortest form is the only one.
#[inline(always)]
pub(super) fn varint(rest: Rest<'_>) -> Step<(u64, Rest<'_>)> {
    match rest {
        [byte, more @ ..] if *byte < 0x80 => Ok((u64::from(*byte), more)),
        _ => long(rest),
    }
}

#[inline(never)]
fn long(start: Rest<'_>) -> Step<(u64, Rest<'_>)> {
    let (mut number, mut shift, mut rest) = (0_u64, 0, start);
    loop {
        let [byte, more @ ..] = rest else { return fault(rest, What::End) };
        rest = more;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 || (*byte == 0 && shift > 0) {
            return fault(start, What::Varint);
        }
        number |= bits << shift;
        if *byte < 0x80 {
            return Ok((number, rest));
        }
        shift += 7;
        if shift > 63 {
            return fault(start, What::Varint);
        }
    }
}

/// Reads so many bytes.
#[inline(always)]
pub(super) fn bytes<const N: usize>(rest: Rest<'_>) -> Step<(&[u8; N], Rest<'_>)> {
    match rest.split_first_chunk::<N>() {
        Some(split) => Ok(split),
        None => fault(rest, What::End),
    }
}

impl Pen<'_> {
    /// Writes a number.
    #[inline(always)]
    pub(in crate::codec) fn varint(self, number: u64) -> Option<Self> {
        if number < 0x80 { self.byte(number as u8) } else { self.long_varint(number) }
    }

    #[inline(always)]
    fn long_varint(self, number: u64) -> Option<Self> {
        let (mut pen, mut left) = (self, number);
        while left >= 0x80 {
            pen = pen.byte(left as u8 | 0x80)?;
            left >>= 7;
        }
        pen.byte(left as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_number_comes_back(number: u64, shift in 0..64_u32) {
            let number = number >> shift;
            let mut out = crate::codec::pen::Out::default();
            out.write(|pen| pen.varint(number));
            let written = out.finish();
            prop_assert_eq!(varint(&written).unwrap(), (number, &[][..]));
            prop_assert_eq!(unzigzag(zigzag(number as i64)), number as i64);
        }
    }

    #[test]
    fn longer_forms_and_wider_numbers_are_refused() {
        assert!(varint(&[0x80, 0]).is_err());
        assert!(varint(&[0xff; 10]).is_err());
        assert!(varint(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).is_err());
        assert!(varint(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]).is_ok());
        assert!(varint(&[0x80]).is_err());
    }
}
