//! Decimals in their normalised text form.

use std::cmp::Ordering;

/// Normalises a decimal: no plus sign, no leading zeros, digits on both sides of a point.
pub(super) fn decimal(text: &str, digits: Option<(u16, u16)>) -> Result<String, String> {
    let expected = || match digits {
        None => "a string of digits, a decimal number".to_owned(),
        Some((all, behind)) => {
            format!(
                "a string of digits, a decimal number of at most {all} digits, {behind} of them \
                 after the point"
            )
        }
    };
    let (sign, digits_part) = text.strip_prefix('-').map_or(("", text), |bare| ("-", bare));
    let (whole, fraction) = digits_part.split_once('.').unwrap_or((digits_part, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let trailing_point = digits_part.contains('.') && fraction.is_empty();
    if whole.is_empty()
        || trailing_point
        || !is_digits(whole)
        || !is_digits(fraction)
        || text.len() > 1000
    {
        return Err(expected());
    }
    let whole =
        Some(whole.trim_start_matches('0')).filter(|whole| !whole.is_empty()).unwrap_or("0");
    let mut fraction = fraction.to_owned();
    if let Some((all, behind)) = digits {
        let (before, behind) = (usize::from(all.saturating_sub(behind)), usize::from(behind));
        let fits = whole == "0" || whole.len() <= before;
        if !fits || fraction.trim_end_matches('0').len() > behind {
            return Err(expected());
        }
        // PostgreSQL pads to the scale of the column; SQLite gets the same text.
        fraction.truncate(behind);
        fraction.push_str(&"0".repeat(behind - fraction.len()));
    }
    let zero = whole == "0" && fraction.bytes().all(|digit| digit == b'0');
    let sign = if zero { "" } else { sign };
    Ok(if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    })
}

/// Compares two normalised decimals by value.
#[must_use]
pub fn compare_decimals(one: &str, other: &str) -> Ordering {
    let parts = |text: &'_ str| {
        let (negative, bare) = text.strip_prefix('-').map_or((false, text), |bare| (true, bare));
        let (whole, fraction) = bare.split_once('.').unwrap_or((bare, ""));
        (negative, whole.to_owned(), fraction.trim_end_matches('0').to_owned())
    };
    let ((one_negative, one, one_rest), (other_negative, other, other_rest)) =
        (parts(one), parts(other));
    let by_size = one
        .len()
        .cmp(&other.len())
        .then_with(|| one.cmp(&other))
        .then_with(|| one_rest.cmp(&other_rest));
    match (one_negative, other_negative) {
        (false, false) => by_size,
        (true, true) => by_size.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

/// Adds two decimals. The sum has as many digits after the point as the operand with more of them.
pub(super) fn add_decimals(one: &str, other: &str) -> String {
    let scale = |text: &str| text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let scale = scale(one).max(scale(other));
    let width = one.len().max(other.len()) + scale + 1;
    let (sign, digits) = match (scaled(one, scale, width), scaled(other, scale, width)) {
        ((sign, one), (other_sign, other)) if sign == other_sign => (sign, add(&one, &other)),
        ((sign, one), (_, other)) if one >= other => (sign, subtract(&one, &other)),
        ((_, one), (sign, other)) => (sign, subtract(&other, &one)),
    };
    let text: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
    let (whole, fraction) = text.split_at(text.len() - scale);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let is_zero = digits.iter().all(|digit| *digit == 0);
    let sign = if sign && !is_zero { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Returns whether a number is negative, and its digits without the point, padded to a width.
fn scaled(text: &str, scale: usize, width: usize) -> (bool, Vec<u8>) {
    let (negative, bare) = text.strip_prefix('-').map_or((false, text), |bare| (true, bare));
    let (whole, fraction) = bare.split_once('.').unwrap_or((bare, ""));
    let zeros = scale.saturating_sub(fraction.len());
    let digits: Vec<u8> = whole
        .bytes()
        .chain(fraction.bytes())
        .map(|digit| digit.wrapping_sub(b'0'))
        .chain(std::iter::repeat_n(0, zeros))
        .collect();
    let padding = std::iter::repeat_n(0, width.saturating_sub(digits.len()));
    (negative, padding.chain(digits).collect())
}

/// Adds two numbers of equal length, whose first digits are 0.
fn add(one: &[u8], other: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let mut sum: Vec<u8> = one
        .iter()
        .zip(other)
        .rev()
        .map(|(one, other)| {
            let digit = one + other + carry;
            carry = digit / 10;
            digit % 10
        })
        .collect();
    sum.reverse();
    sum
}

/// Subtracts a number from one of equal length that is not smaller.
fn subtract(one: &[u8], other: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let mut difference: Vec<u8> = one
        .iter()
        .zip(other)
        .rev()
        .map(|(one, other)| {
            let digit = one + 10 - other - borrow;
            borrow = u8::from(digit < 10);
            digit % 10
        })
        .collect();
    difference.reverse();
    difference
}
