//! Dates in the form that JSON writers use: `2026-06-01T08:00:00.000Z`.
//!
//! Reads that form as three words; `jiff` parses everything else that RFC 3339 allows. Writes that
//! form for every date that it can express.

use std::ops::RangeInclusive;

/// The milliseconds since 1970 that the fixed form can express: the years 1 to 9998.
pub(super) const FIXED_RANGE: RangeInclusive<i64> = -62_135_596_800_000..=253_370_764_799_999;

/// The length of the fixed form in bytes.
pub(super) const LEN: usize = 24;

const ONES: u64 = 0x0101_0101_0101_0101;

/// Returns whether the bytes of `word` under the mask `digits` are digits and the others equal
/// `form`.
#[inline(always)]
const fn matches_form(word: u64, digits: u64, form: u64) -> bool {
    let high = word & (0xf0 * ONES);
    let carried = word.wrapping_add(0x06 * ONES) & (0xf0 * ONES);
    ((high ^ (0x30 * ONES)) | (carried ^ (0x30 * ONES))) & digits == 0 && word & !digits == form
}

/// Combines pairs of digits: the value of each pair is in the byte of its first digit.
#[inline(always)]
const fn pairs(word: u64) -> u64 {
    let digits = word & (0x0f * ONES);
    digits.wrapping_mul(10).wrapping_add(digits >> 8)
}

#[inline(always)]
const fn byte(word: u64, at: u32) -> u32 {
    (word >> (at * 8)) as u32 & 0xff
}

#[inline(always)]
fn word(bytes: &[u8; LEN], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

/// Returns milliseconds since 1970 if the text is a date in the fixed form.
#[inline(always)]
pub(super) fn parse_fixed(text: &[u8; LEN]) -> Option<i64> {
    let (a, b, c) = (word(text, 0), word(text, 8), word(text, 16));
    let ok = matches_form(a, 0x00ff_ff00_ffff_ffff, u64::from_le_bytes(*b"\0\0\0\0-\0\0-"))
        & matches_form(b, 0xffff_00ff_ff00_ffff, u64::from_le_bytes(*b"\0\0T\0\0:\0\0"))
        & matches_form(c, 0x00ff_ffff_00ff_ff00, u64::from_le_bytes(*b":\0\0.\0\0\0Z"));
    if !ok {
        return None;
    }
    let (a, b, c) = (pairs(a), pairs(b), pairs(c & 0x00ff_ffff_ffff_ffff));
    let (year, month, day) = (byte(a, 0) * 100 + byte(a, 2), byte(a, 5), byte(b, 0));
    let (hour, minute, second) = (byte(b, 3), byte(b, 6), byte(c, 1));
    let millis = byte(c, 4) * 10 + (byte(word(text, 16), 6) - u32::from(b'0'));
    let plausible =
        year.wrapping_sub(1) < 9998 && month.wrapping_sub(1) < 12 && day.wrapping_sub(1) < 31;
    // Every month has 28 days. Leap seconds are left to `jiff`.
    if !plausible
        || hour > 23
        || minute > 59
        || second > 59
        || (day > 28 && day > days_in_month(year, month))
    {
        return None;
    }
    let seconds = i64::from(hour * 3600 + minute * 60 + second);
    Some((days_since_epoch(year, month, day) * 86_400 + seconds) * 1000 + i64::from(millis))
}

const fn days_in_month(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the days from 1970 to a Gregorian date. Years start in March.
#[inline(always)]
const fn days_since_epoch(year: u32, month: u32, day: u32) -> i64 {
    let early = (month < 3) as u32;
    let (year, month) = (year - early, month + 12 * early - 3);
    let leaps = year / 4 - year / 100 + year / 400;
    (year * 365 + leaps + (month * 153 + 2) / 5 + day) as i64 - 719_469
}

/// Prints milliseconds of [`FIXED_RANGE`] in the fixed form.
#[inline(always)]
pub(super) fn print(millis: i64) -> [u8; LEN] {
    // Counted from year 0, so that the number is positive.
    let since = (millis + 719_528 * 86_400_000) as u64;
    let (days, time) = ((since / 86_400_000) as u32, (since % 86_400_000) as u32);
    let (year, month, day) = date_from_days(days);
    let (seconds, millis) = (time / 1000, time % 1000);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let mut put = |at: usize, number: u32| {
        text[at] += (number / 10) as u8;
        text[at + 1] += (number % 10) as u8;
    };
    put(0, year / 100);
    put(2, year % 100);
    put(5, month);
    put(8, day);
    put(11, seconds / 3600);
    put(14, seconds / 60 % 60);
    put(17, seconds % 60);
    put(20, millis / 10);
    text[22] += (millis % 10) as u8;
    text
}

/// Returns year, month and day of a day number. Day 0 is the first day of year 0.
#[inline(always)]
const fn date_from_days(days: u32) -> (u32, u32, u32) {
    // Years start in March. A cycle of 400 years has 146,097 days; the first starts one cycle
    // early.
    let days = days + 146_097 - 60;
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let early = month >= 10;
    (
        cycle * 400 + year + early as u32 - 400,
        if early { month - 9 } else { month + 3 },
        day - (153 * month + 2) / 5 + 1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<i64> {
        parse_fixed(text.as_bytes().first_chunk().filter(|_| text.len() == LEN)?)
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn reads_and_prints_like_jiff(millis in FIXED_RANGE) {
            let at = Timestamp::from(jiff::Timestamp::from_millisecond(millis).unwrap());
            let text = at.to_string();
            prop_assert_eq!(print(millis).to_vec(), text.as_bytes().to_vec());
            prop_assert_eq!(read(&text), Some(millis));
        }

        #[test]
        fn accepts_the_same_dates_as_jiff(
            text in concat!(
                "[0-2][0-9]{3}-[01][0-9]-[0-3][0-9]",
                "T[0-2][0-9]:[0-6][0-9]:[0-5][0-9]\\.[0-9]{3}[Zz]",
            )
        ) {
            match (read(&text), text.parse::<Timestamp>()) {
                (Some(millis), parsed) => {
                    prop_assert_eq!(parsed.unwrap().into_jiff().as_millisecond(), millis);
                }
                (None, Ok(parsed)) => {
                    prop_assert!(text.ends_with('z') || parsed.to_string().as_str() < "0001");
                }
                (None, Err(_)) => {}
            }
        }
    }

    #[test]
    fn reads_and_prints_both_ends_of_the_range() {
        assert_eq!(read("0001-01-01T00:00:00.000Z"), Some(*FIXED_RANGE.start()));
        assert_eq!(read("9998-12-31T23:59:59.999Z"), Some(*FIXED_RANGE.end()));
        assert_eq!(print(*FIXED_RANGE.start()), *b"0001-01-01T00:00:00.000Z");
        assert_eq!(print(*FIXED_RANGE.end()), *b"9998-12-31T23:59:59.999Z");
        assert_eq!(read("2026-02-29T00:00:00.000Z"), None);
        assert_eq!(read("2024-02-29T00:00:00.000Z"), Some(1_709_164_800_000));
        assert_eq!(read("0000-01-01T00:00:00.000Z"), None);
        for bad in
            ["2026-06-01T08:00:00.00:Z", "2026-06-01T08:00:00,000Z", "2026/06-01T08:00:00.000Z"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
