//! The grammar of JSON over bytes, eight at a time where it pays.
//!
//! Every function takes what is left of the text and gives back what is left behind it, so that the place where reading
//! stands stays in registers. The text is UTF-8 already; what is cold is apart.

use super::error::{Fault, Step, What, fault};

/// What is left to read.
pub(super) type Rest<'s> = &'s [u8];

/// How deep objects and arrays may be inside each other where nobody interprets them: one bit each, in one word.
const DEPTH: u32 = 64;

const ONES: u64 = 0x0101_0101_0101_0101;

/// Marks the bytes that end a plain run of a string: quotes, backslashes, control characters. The lowest mark is exact.
#[inline(always)]
pub(super) const fn special(word: u64) -> u64 {
    // With its second bit turned, a quote is a space and a control character stays one: one comparison finds both.
    let quote_or_control = (word ^ (0x02 * ONES)).wrapping_sub(0x21 * ONES);
    let backslash = (word ^ (0x5c * ONES)).wrapping_sub(ONES);
    (quote_or_control | backslash) & !word & (0x80 * ONES)
}

/// Moves past white space.
#[inline(always)]
pub(super) fn space(rest: Rest<'_>) -> Rest<'_> {
    // Compact JSON has none: one comparison says so.
    match rest {
        [..=b' ', ..] => some_space(rest),
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

/// Reads up to the closing quote, if nothing but plain text stands before it; `None` where that is not so, or too near
/// the end of the text to be read in words.
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

/// Reads up to the closing quote by the grammar alone: what an escape stands for is not looked at.
pub(super) fn skip_string(start: Rest<'_>) -> Step<Rest<'_>> {
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
            [b'\\', ..] => return fault(rest, What::Escape),
            [..0x20, ..] => return fault(rest, What::Control),
            [_, more @ ..] => rest = more,
            [] => return fault(rest, What::End),
        }
    }
}

/// Reads the four digits of an escape.
fn hex(rest: Rest<'_>) -> Step<(u32, Rest<'_>)> {
    let Some((digits, more)) = rest.split_first_chunk::<4>() else {
        return fault(rest, What::Escape);
    };
    let mut unit = 0;
    for digit in digits {
        let Some(digit) = char::from(*digit).to_digit(16) else { return fault(rest, What::Escape) };
        unit = unit * 16 + digit;
    }
    Ok((unit, more))
}

/// Reads a string with escapes, after its opening quote, and appends what it stands for.
#[cold]
#[inline(never)]
pub(super) fn unescape<'s>(text: &str, start: Rest<'s>, held: &mut String) -> Step<Rest<'s>> {
    let mut rest = start;
    // Where a run without escapes began.
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
            [..0x20, ..] => return fault(rest, What::Control),
            [_, more @ ..] => rest = more,
            [] => return fault(rest, What::End),
        }
    }
}

fn escape(rest: Rest<'_>) -> Step<(char, Rest<'_>)> {
    let (letter, more) = match rest {
        [b'\\', letter @ (b'"' | b'\\' | b'/'), more @ ..] => (char::from(*letter), more),
        [b'\\', b'b', more @ ..] => ('\u{8}', more),
        [b'\\', b'f', more @ ..] => ('\u{c}', more),
        [b'\\', b'n', more @ ..] => ('\n', more),
        [b'\\', b'r', more @ ..] => ('\r', more),
        [b'\\', b't', more @ ..] => ('\t', more),
        [b'\\', b'u', more @ ..] => return unicode(rest, more),
        _ => return fault(rest, What::Escape),
    };
    Ok((letter, more))
}

fn unicode<'s>(rest: Rest<'s>, digits: Rest<'s>) -> Step<(char, Rest<'s>)> {
    let (mut unit, mut more) = hex(digits)?;
    if (0xd800..0xdc00).contains(&unit) {
        let [b'\\', b'u', low @ ..] = more else { return fault(rest, What::Surrogate) };
        let (low, after) = hex(low)?;
        if !(0xdc00..0xe000).contains(&low) {
            return fault(rest, What::Surrogate);
        }
        unit = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        more = after;
    }
    // What is left that is no character is the second half of a pair.
    char::from_u32(unit).map_or_else(|| fault(rest, What::Surrogate), |letter| Ok((letter, more)))
}

/// Reads a literal whose first letter has been seen.
#[inline(always)]
pub(super) fn literal<'s>(rest: Rest<'s>, literal: &[u8]) -> Step<Rest<'s>> {
    match rest.strip_prefix(literal) {
        Some(more) => Ok(more),
        None => fault(rest, What::Literal),
    }
}

/// Reads a colon and the space around it.
#[inline(always)]
pub(super) fn colon(rest: Rest<'_>) -> Step<Rest<'_>> {
    match space(rest) {
        [b':', more @ ..] => Ok(space(more)),
        other => fault(other, What::Colon),
    }
}

/// Moves past any value, by the grammar alone.
pub(super) fn skip(start: Rest<'_>) -> Step<Rest<'_>> {
    let mut rest = start;
    // The containers that are open, the innermost lowest; a set bit is an object.
    let (mut open, mut depth) = (0_u64, 0);
    loop {
        rest = match space(rest) {
            [b'"', more @ ..] => skip_string(more)?,
            [bracket @ (b'{' | b'['), more @ ..] => {
                if depth == DEPTH {
                    return fault(rest, What::Deep);
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

/// What follows a value that is skipped: the ends of containers, then the next value. Says whether none is to follow.
#[inline(always)]
fn close<'s>(mut rest: Rest<'s>, open: &mut u64, depth: &mut u32) -> Step<(Rest<'s>, bool)> {
    while *depth > 0 {
        rest = match (space(rest), *open & 1 == 1) {
            ([b',', more @ ..], true) => return Ok((skip_name(space(more))?, false)),
            ([b',', more @ ..], false) => return Ok((more, false)),
            ([b'}', more @ ..], true) | ([b']', more @ ..], false) => more,
            (other, _) => {
                return fault(other, if other.is_empty() { What::End } else { What::Comma });
            }
        };
        *open >>= 1;
        *depth -= 1;
    }
    Ok((rest, true))
}

fn skip_name(rest: Rest<'_>) -> Step<Rest<'_>> {
    match rest {
        [b'"', more @ ..] => colon(skip_string(more)?),
        _ => fault(rest, What::Name),
    }
}

fn skip_scalar(rest: Rest<'_>) -> Step<Rest<'_>> {
    match rest {
        [b't', ..] => literal(rest, b"true"),
        [b'f', ..] => literal(rest, b"false"),
        [b'n', ..] => literal(rest, b"null"),
        [b'-' | b'0'..=b'9', ..] => super::number::skip(rest),
        [] => fault(rest, What::End),
        _ => fault(rest, What::Value),
    }
}

/// Why a value is not of the type that is wanted: what is no JSON at all is called that.
#[cold]
#[inline(never)]
pub(super) fn unlike<T>(rest: Rest<'_>, wanted: What) -> Step<T> {
    match skip(rest) {
        Err(Fault { left, what }) if what != What::Deep => Err(Fault { left, what }),
        _ => fault(rest, wanted),
    }
}
