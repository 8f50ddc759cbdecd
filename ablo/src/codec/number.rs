//! JSON numbers: the exact grammar, correctly rounded.
//!
//! Short decimals are one multiplication or division of two exact doubles (Clinger's fast path).
//! The standard library parses all others.

use super::error::{ReadResult, Reason, fault};
use super::scan::{Rest, digits, mismatch, skip_number};

/// The powers of ten that a double holds exactly.
const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

const MAX_EXACT_INTEGER: u64 = 1 << 53;

/// Reads a number.
#[inline(always)]
pub(super) fn number(start: Rest<'_>) -> ReadResult<(f64, Rest<'_>)> {
    let (negative, unsigned) = match start {
        [b'-', more @ ..] => (true, more),
        _ => (false, start),
    };
    let (mut mantissa, mut rest) = digits(unsigned, 0);
    let mut count = unsigned.len() - rest.len();
    if count == 0 || (count > 1 && unsigned[0] == b'0') {
        return fault(start, Reason::BadNumber);
    }
    let mut scale = 0;
    if let [b'.', fraction @ ..] = rest {
        let (all, more) = digits(fraction, mantissa);
        scale = fraction.len() - more.len();
        if scale == 0 {
            return fault(start, Reason::BadNumber);
        }
        (mantissa, rest) = (all, more);
        count += scale;
    }
    if matches!(rest, [b'e' | b'E', ..]) || count > 19 || mantissa > MAX_EXACT_INTEGER || scale > 22
    {
        return number_slow(start);
    }
    let value = if scale == 0 { mantissa as f64 } else { mantissa as f64 / POWERS_OF_TEN[scale] };
    Ok((if negative { -value } else { value }, rest))
}

#[cold]
#[inline(never)]
fn number_slow(start: Rest<'_>) -> ReadResult<(f64, Rest<'_>)> {
    let rest = skip_number(start)?;
    let text = std::str::from_utf8(&start[..start.len() - rest.len()]).unwrap_or_default();
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok((value, rest)),
        _ => fault(start, Reason::Range),
    }
}

/// Reads a sync id: a whole number below 2^53. Negative numbers count as 0.
#[inline(always)]
pub(super) fn sync_id(start: Rest<'_>) -> ReadResult<(u64, Rest<'_>)> {
    let (id, rest) = digits(start, 0);
    let count = start.len() - rest.len();
    let plain = count == 1 || (1..=15).contains(&count) && start[0] != b'0';
    if plain && !matches!(rest, [b'.' | b'e' | b'E', ..]) {
        return Ok((id, rest));
    }
    sync_id_slow(start)
}

#[cold]
#[inline(never)]
fn sync_id_slow(start: Rest<'_>) -> ReadResult<(u64, Rest<'_>)> {
    if !matches!(start, [b'-' | b'0'..=b'9', ..]) {
        return mismatch(start, Reason::SyncId);
    }
    let (value, rest) = number_slow(start)?;
    // Only negative whole numbers become 0; the cast is exact below 2^53.
    if value.fract() != 0.0 || value >= MAX_EXACT_INTEGER as f64 {
        fault(start, Reason::SyncId)
    } else {
        Ok((value as u64, rest))
    }
}
