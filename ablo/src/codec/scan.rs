//! The JSON grammar over bytes, eight at a time where that is faster.
//!
//! Every function takes the rest of the input and returns the rest after what it read, so that the
//! position stays in registers. The input is valid UTF-8. Slow paths are separate functions.

use super::error::{Fault, ReadResult, Reason, fault};
use crate::key::special;

/// The rest of the input.
pub(super) type Rest<'s> = &'s [u8];

/// The maximum nesting of uninterpreted JSON: one bit per level, in one word.
const MAX_DEPTH: u32 = 64;

/// Skips white space.
#[inline(always)]
pub(super) fn space(rest: Rest<'_>) -> Rest<'_> {
    // Compact JSON has none: one comparison decides.
    match rest {
        [0..=b' ', ..] => some_space(rest),
        _ => rest,
    }
}

#[inline(never)]
fn some_space(mut rest: Rest<'_>) -> Rest<'_> {
    while let [b' ' | b'\t' | b'\n' | b'\r', more @ ..] = rest {
        rest = more;
    }
    rest
}

/// Reads up to the closing quote of a string without escapes. Returns `None` for other strings, and
/// near the end of the input, where whole words cannot be read.
#[inline(always)]
pub(super) fn plain(start: Rest<'_>) -> Option<(usize, Rest<'_>)> {
    let mut rest = start;
    while let Some((chunk, more)) = rest.split_first_chunk::<8>() {
        let marks = special(u64::from_le_bytes(*chunk));
        if marks != 0 {
            let at = ((marks.trailing_zeros() / 8) & 7) as usize;
            if chunk[at] != b'"' {
                return None;
            }
            return Some((start.len() - rest.len() + at, &rest[at + 1..]));
        }
        rest = more;
    }
    None
}

/// Skips up to the closing quote, checking only the grammar.
pub(super) fn skip_string(start: Rest<'_>) -> ReadResult<Rest<'_>> {
    if let Some((_, rest)) = plain(start) {
        return Ok(rest);
    }
    let mut rest = start;
    loop {
        match rest {
            [b'"', more @ ..] => return Ok(more),
            [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', more @ ..] => {
                rest = more
            }
            [b'\\', b'u', more @ ..] => rest = hex(more)?.1,
            [b'\\', ..] => return fault(rest, Reason::Escape),
            [0..0x20, ..] => return fault(rest, Reason::Control),
            [_, more @ ..] => rest = more,
            [] => return fault(rest, Reason::End),
        }
    }
}

/// Reads the four hexadecimal digits of an escape.
fn hex(rest: Rest<'_>) -> ReadResult<(u32, Rest<'_>)> {
    let Some((digits, more)) = rest.split_first_chunk::<4>() else {
        return fault(rest, Reason::Escape);
    };
    let mut unit = 0;
    for digit in digits {
        let Some(digit) = char::from(*digit).to_digit(16) else {
            return fault(rest, Reason::Escape);
        };
        unit = unit * 16 + digit;
    }
    Ok((unit, more))
}

/// Reads a string with escapes after its opening quote and appends its value to `held`.
#[cold]
#[inline(never)]
pub(super) fn unescape<'s>(text: &str, start: Rest<'s>, held: &mut String) -> ReadResult<Rest<'s>> {
    let mut rest = start;
    // The start of the current run without escapes.
    let mut run = rest;
    loop {
        match rest {
            [b'"' | b'\\', ..] => {
                let from = text.len() - run.len();
                held.push_str(text.get(from..text.len() - rest.len()).unwrap_or_default());
                if let [b'"', more @ ..] = rest {
                    return Ok(more);
                }
                let (letter, more) = escape(rest)?;
                held.push(letter);
                rest = more;
                run = more;
            }
            [0..0x20, ..] => return fault(rest, Reason::Control),
            [_, more @ ..] => rest = more,
            [] => return fault(rest, Reason::End),
        }
    }
}

fn escape(rest: Rest<'_>) -> ReadResult<(char, Rest<'_>)> {
    let (letter, more) = match rest {
        [b'\\', letter @ (b'"' | b'\\' | b'/'), more @ ..] => (char::from(*letter), more),
        [b'\\', b'b', more @ ..] => ('\u{8}', more),
        [b'\\', b'f', more @ ..] => ('\u{c}', more),
        [b'\\', b'n', more @ ..] => ('\n', more),
        [b'\\', b'r', more @ ..] => ('\r', more),
        [b'\\', b't', more @ ..] => ('\t', more),
        [b'\\', b'u', more @ ..] => return unicode(rest, more),
        _ => return fault(rest, Reason::Escape),
    };
    Ok((letter, more))
}

fn unicode<'s>(rest: Rest<'s>, digits: Rest<'s>) -> ReadResult<(char, Rest<'s>)> {
    let (mut unit, mut more) = hex(digits)?;
    if (0xd800..0xdc00).contains(&unit) {
        let [b'\\', b'u', low @ ..] = more else { return fault(rest, Reason::Surrogate) };
        let (low, after) = hex(low)?;
        if !(0xdc00..0xe000).contains(&low) {
            return fault(rest, Reason::Surrogate);
        }
        unit = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        more = after;
    }
    // The only other values that are not characters are low surrogates.
    char::from_u32(unit).map_or_else(|| fault(rest, Reason::Surrogate), |letter| Ok((letter, more)))
}

/// Reads a literal whose first letter has matched.
#[inline(always)]
pub(super) fn literal<'s>(rest: Rest<'s>, literal: &[u8]) -> ReadResult<Rest<'s>> {
    match rest.strip_prefix(literal) {
        Some(more) => Ok(more),
        None => fault(rest, Reason::Literal),
    }
}

/// Reads a colon and the white space around it.
#[inline(always)]
pub(super) fn colon(rest: Rest<'_>) -> ReadResult<Rest<'_>> {
    match space(rest) {
        [b':', more @ ..] => Ok(space(more)),
        other => fault(other, Reason::Colon),
    }
}

/// Skips any value, checking only the grammar.
pub(super) fn skip(start: Rest<'_>) -> ReadResult<Rest<'_>> {
    let mut rest = start;
    // The open containers, the innermost in the lowest bit; a set bit is an object.
    let (mut open, mut depth) = (0_u64, 0);
    loop {
        rest = match space(rest) {
            [b'"', more @ ..] => skip_string(more)?,
            [bracket @ (b'{' | b'['), more @ ..] => {
                if depth == MAX_DEPTH {
                    return fault(rest, Reason::TooDeep);
                }
                let object = *bracket == b'{';
                match (space(more), object) {
                    ([b'}', more @ ..], true) | ([b']', more @ ..], false) => more,
                    (more, _) => {
                        depth += 1;
                        open = open << 1 | u64::from(object);
                        rest = if object { skip_name(more)? } else { more };
                        continue;
                    }
                }
            }
            other => skip_scalar(other)?,
        };
        match close(rest, &mut open, &mut depth)? {
            (more, true) => return Ok(more),
            (more, false) => rest = more,
        }
    }
}

/// Skips the ends of containers after a value. Returns whether the outermost value is complete.
#[inline(always)]
fn close<'s>(mut rest: Rest<'s>, open: &mut u64, depth: &mut u32) -> ReadResult<(Rest<'s>, bool)> {
    while *depth > 0 {
        rest = match (space(rest), *open & 1 == 1) {
            ([b',', more @ ..], true) => return Ok((skip_name(space(more))?, false)),
            ([b',', more @ ..], false) => return Ok((more, false)),
            ([b'}', more @ ..], true) | ([b']', more @ ..], false) => more,
            (other, _) => {
                return fault(other, if other.is_empty() { Reason::End } else { Reason::Comma });
            }
        };
        *open >>= 1;
        *depth -= 1;
    }
    Ok((rest, true))
}

fn skip_name(rest: Rest<'_>) -> ReadResult<Rest<'_>> {
    match rest {
        [b'"', more @ ..] => colon(skip_string(more)?),
        _ => fault(rest, Reason::Name),
    }
}

fn skip_scalar(rest: Rest<'_>) -> ReadResult<Rest<'_>> {
    match rest {
        [b't', ..] => literal(rest, b"true"),
        [b'f', ..] => literal(rest, b"false"),
        [b'n', ..] => literal(rest, b"null"),
        [b'-' | b'0'..=b'9', ..] => skip_number(rest),
        [] => fault(rest, Reason::End),
        _ => fault(rest, Reason::Value),
    }
}

/// Reads digits into a number. The number is only valid for at most 19 digits.
#[inline(always)]
pub(super) fn digits(mut rest: Rest<'_>, mut number: u64) -> (u64, Rest<'_>) {
    while let [digit @ b'0'..=b'9', more @ ..] = rest {
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        rest = more;
    }
    (number, rest)
}

/// Skips a number, checking only the grammar.
pub(super) fn skip_number(start: Rest<'_>) -> ReadResult<Rest<'_>> {
    let unsigned = start.strip_prefix(b"-").unwrap_or(start);
    let mut rest = match unsigned {
        [b'0', more @ ..] => more,
        _ => skip_digits(unsigned)?,
    };
    if let [b'.', more @ ..] = rest {
        rest = skip_digits(more)?;
    }
    if let [b'e' | b'E', more @ ..] = rest {
        let signed = match more {
            [b'+' | b'-', more @ ..] => more,
            _ => more,
        };
        rest = skip_digits(signed)?;
    }
    match rest {
        // Only `0` can be followed by a digit here.
        [b'0'..=b'9', ..] => fault(start, Reason::BadNumber),
        _ => Ok(rest),
    }
}

/// Skips one or more digits.
fn skip_digits(start: Rest<'_>) -> ReadResult<Rest<'_>> {
    let (_, rest) = digits(start, 0);
    if rest.len() == start.len() { fault(start, Reason::BadNumber) } else { Ok(rest) }
}

/// Returns the fault of a value that does not have the expected type, or of its JSON if that is
/// invalid.
#[cold]
#[inline(never)]
pub(super) fn mismatch<T>(rest: Rest<'_>, expected: Reason) -> ReadResult<T> {
    match skip(rest) {
        Err(Fault { left, reason }) if reason != Reason::TooDeep => Err(Fault { left, reason }),
        _ => fault(rest, expected),
    }
}
