//! Converts lower-case UUIDs between 36 characters and 16 bytes, eight digits at a time.

const ONES: u64 = 0x0101_0101_0101_0101;

/// The length of the text.
pub(super) const LEN: usize = 36;

/// The positions of each word's digits: two runs of four, without the hyphens.
const RUNS: [(usize, usize); 4] = [(0, 4), (9, 14), (19, 24), (28, 32)];

/// Packs eight digits, the first in the lowest byte, into four bytes in text order.
#[inline(always)]
const fn pack_word(word: u64) -> Option<[u8; 4]> {
    // Letters have bit 0x40, digits bit 0x10. The result is verified by converting it back.
    let letters = (word >> 6) & ONES;
    let digits = (word & (0x0f * ONES)) + letters * 9;
    if digits & (0xf0 * ONES) != 0 || unpack_digits(digits) != word {
        return None;
    }
    let pairs = ((digits << 4) | (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let pairs = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    Some((((pairs | pairs >> 16) & 0xffff_ffff) as u32).to_le_bytes())
}

/// Converts values below 16, one per byte, to hexadecimal digits.
#[inline(always)]
const fn unpack_digits(digits: u64) -> u64 {
    let letters = ((digits + 0x06 * ONES) >> 4) & ONES;
    digits + 0x30 * ONES + letters * (b'a' - b'0' - 10) as u64
}

#[inline(always)]
fn unpack_word(bytes: [u8; 4]) -> [u8; 8] {
    let bytes = u64::from(u32::from_le_bytes(bytes));
    let spread = (bytes | bytes << 16) & 0x0000_ffff_0000_ffff;
    let spread = (spread | spread << 8) & 0x00ff_00ff_00ff_00ff;
    unpack_digits(((spread >> 4) & (0x0f * ONES)) | ((spread & 0x000f_000f_000f_000f) << 8))
        .to_le_bytes()
}

/// Packs the text of a UUID. Returns `None` for any other text.
#[inline]
pub(super) fn pack(text: &[u8]) -> Option<[u8; 16]> {
    let text: &[u8; LEN] = text.try_into().ok()?;
    if text[8] != b'-' || text[13] != b'-' || text[18] != b'-' || text[23] != b'-' {
        return None;
    }
    let mut packed = [0; 16];
    for (word, (low, high)) in packed.chunks_exact_mut(4).zip(RUNS) {
        let mut digits = [0; 8];
        digits[..4].copy_from_slice(&text[low..low + 4]);
        digits[4..].copy_from_slice(&text[high..high + 4]);
        word.copy_from_slice(&pack_word(u64::from_le_bytes(digits))?);
    }
    Some(packed)
}

/// Returns the text of a packed UUID.
#[inline]
pub(super) fn unpack(packed: &[u8; 16]) -> [u8; LEN] {
    let mut text = [b'-'; LEN];
    for (word, (low, high)) in packed.chunks_exact(4).zip(RUNS) {
        let digits = unpack_word([word[0], word[1], word[2], word[3]]);
        text[low..low + 4].copy_from_slice(&digits[..4]);
        text[high..high + 4].copy_from_slice(&digits[4..]);
    }
    text
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
        fn round_trips_every_uuid(bytes: [u8; 16], at in 0..36_usize, wrong: u8) {
            let text = unpack(&bytes);
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            prop_assert_eq!(std::str::from_utf8(&text).unwrap().replace('-', ""), hex);
            prop_assert_eq!(pack(&text), Some(bytes));
            let mut other = text;
            other[at] = wrong;
            let legal = match text[at] {
                b'-' => wrong == b'-',
                _ => matches!(wrong, b'0'..=b'9' | b'a'..=b'f'),
            };
            prop_assert_eq!(pack(&other).is_some(), legal);
            if let Some(packed) = pack(&other) {
                prop_assert_eq!(unpack(&packed), other);
            }
        }
    }
}
