//! Compares SQL expressions as a server prints them by meaning.
//!
//! Servers add their own spaces, parentheses, quotes and casts. The compared expressions are plain
//! conjunctions of comparisons, so parentheses can be ignored.

/// A token of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A name or a keyword.
    Word(String),
    /// A string or a number.
    Value(String),
    /// An operator, a comma or a dot.
    Sign(char),
}

/// Words that continue a type name.
const TYPE_WORDS: [&str; 6] = ["varying", "precision", "with", "without", "time", "zone"];

/// Returns the tokens of an expression, without parentheses and casts.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut rest = text.trim_start();
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("::") {
            rest = after_type(after);
        } else if matches!(first, '(' | ')') {
            rest = &rest[1..];
        } else {
            let (token, after) = token(rest, first, tokens.last());
            tokens.push(token);
            rest = after;
        }
        rest = rest.trim_start();
    }
    tokens
}

fn token<'t>(rest: &'t str, first: char, before: Option<&Token>) -> (Token, &'t str) {
    if first == '\'' {
        let (value, after) = quoted(&rest[1..], '\'', false);
        return (Token::Value(value), after);
    }
    if let Some(inner) = rest.strip_prefix("E'") {
        let (value, after) = quoted(inner, '\'', true);
        return (Token::Value(value), after);
    }
    if first == '"' {
        let (name, after) = quoted(&rest[1..], '"', false);
        return (Token::Word(name), after);
    }
    let is_sign_of_number = first == '-'
        && rest[1..].starts_with(|c: char| c.is_ascii_digit())
        && !matches!(before, Some(Token::Value(_)));
    if first.is_ascii_digit() || is_sign_of_number {
        let end = rest[1..]
            .find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | 'e' | 'E'))
            .map_or(rest.len(), |at| at + 1);
        return (Token::Value(rest[..end].to_owned()), &rest[end..]);
    }
    if first.is_alphabetic() || first == '_' {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        return (Token::Word(rest[..end].to_lowercase()), &rest[end..]);
    }
    (Token::Sign(first), &rest[first.len_utf8()..])
}

/// Splits a text after the closing quote: the unescaped content, and the rest.
fn quoted(text: &str, quote: char, escapes: bool) -> (String, &str) {
    let mut out = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if character == quote {
            if characters.next_if(|(_, next)| *next == quote).is_none() {
                return (out, &text[at + quote.len_utf8()..]);
            }
        } else if character == '\\' && escapes {
            let Some((_, escaped)) = characters.next() else { break };
            match escaped {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'r' => out.push('\r'),
                'u' | 'U' => {
                    let length = if escaped == 'u' { 4 } else { 8 };
                    let digits: String =
                        characters.by_ref().take(length).map(|(_, digit)| digit).collect();
                    out.extend(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32));
                }
                other => out.push(other),
            }
            continue;
        }
        out.push(character);
    }
    (out, "")
}

/// Returns the text after a type name.
fn after_type(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        if let Some(inner) = rest.strip_prefix('"') {
            rest = quoted(inner, '"', false).1;
        } else {
            rest = rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
        }
        match rest.strip_prefix('.') {
            Some(after) => rest = after,
            None => break,
        }
    }
    loop {
        let next = rest.trim_start();
        let word_end = next.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(next.len());
        if TYPE_WORDS.contains(&&next[..word_end]) {
            rest = &next[word_end..];
        } else if let Some((digits, after)) =
            next.strip_prefix('(').and_then(|inner| inner.split_once(')'))
            && digits.chars().all(|c| c.is_ascii_digit() || c == ',')
        {
            rest = after;
        } else if let Some(after) = next.strip_prefix("[]") {
            rest = after;
        } else {
            return rest;
        }
    }
}

/// Returns the value of an expression that is a single constant.
pub(crate) fn constant(text: &str) -> Option<String> {
    match tokens(text).as_slice() {
        [Token::Value(value)] => Some(value.clone()),
        [Token::Word(word)] if word == "true" || word == "false" => Some(word.clone()),
        _ => None,
    }
}

/// Reports whether an expression is the current time.
pub(crate) fn is_now(text: &str) -> bool {
    let now = ["now", "current_timestamp", "transaction_timestamp"];
    matches!(tokens(text).as_slice(), [Token::Word(word)] if now.contains(&word.as_str()))
}

/// Reports whether two texts are the same value of a type. Texts that cannot be parsed count as
/// equal.
pub(crate) fn same_value(type_name: &str, one: &str, other: &str) -> bool {
    fn both<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
        one.zip(other).is_none_or(|(one, other)| one == other)
    }
    if one == other {
        return true;
    }
    match type_name {
        "text" | "boolean" => false,
        "uuid" => one.eq_ignore_ascii_case(other),
        "double precision" => both(one.parse::<f64>().ok(), other.parse().ok()),
        "real" => both(one.parse::<f32>().ok(), other.parse().ok()),
        "jsonb" => both(json(one), json(other)),
        "timestamp with time zone" => both(one.parse::<jiff::Timestamp>().ok(), other.parse().ok()),
        _ => both(decimal(one), decimal(other)),
    }
}

/// Parses JSON, with all numbers as doubles.
fn json(text: &str) -> Option<serde_json::Value> {
    fn plain(value: serde_json::Value) -> serde_json::Value {
        match value {
            serde_json::Value::Number(number) => number.as_f64().into(),
            serde_json::Value::Array(items) => items.into_iter().map(plain).collect(),
            serde_json::Value::Object(members) => {
                members.into_iter().map(|(name, value)| (name, plain(value))).collect()
            }
            other => other,
        }
    }
    serde_json::from_str(text).ok().map(plain)
}

/// Splits a decimal number into sign, integer digits and fraction, without insignificant zeros.
fn decimal(text: &str) -> Option<(bool, &str, &str)> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let is_zero = whole.is_empty() && fraction.is_empty();
    (all_digits(whole) && all_digits(fraction)).then_some((negative && !is_zero, whole, fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_expressions_have_equal_tokens() {
        let same =
            |one: &str, other: &str| assert_eq!(tokens(one), tokens(other), "{one} | {other}");
        same(
            r#"("status" = ANY (ARRAY['open'::text, 'it''s'::text]))"#,
            r#""status" = ANY (ARRAY['open', 'it''s'])"#,
        );
        same(r#"(("n" >= '-128'::integer) AND ("n" <= 127))"#, r#""n" >= -128 AND "n" <= 127"#);
        same(
            r#"(("n" >= (0)::numeric) AND ("n" <= '18446744073709551615'::numeric))"#,
            r#""n" >= 0 AND "n" <= 18446744073709551615"#,
        );
        same(
            r#"("o" = "current_setting"('app.id'::text, true))"#,
            r#""o" = current_setting('app.id', true)"#,
        );
        same(r"E'a\\b\u2028'::character varying(3)", "'a\\b\u{2028}'");
        same("'x'::timestamp with time zone", "'x'");
    }

    #[test]
    fn different_expressions_have_different_tokens() {
        let differs =
            |one: &str, other: &str| assert_ne!(tokens(one), tokens(other), "{one} | {other}");
        differs(r#""a" = 'b'"#, r#""a" = 'c'"#);
        differs(r#""A" = 'b'"#, r#""a" = 'b'"#);
        differs(r#""a" = 'b' OR true"#, r#""a" = 'b'"#);
        differs(r#""a" = "b""#, r#""a" = 'b'"#);
    }

    #[test]
    fn malformed_expressions_do_not_panic() {
        for text in [
            "'",
            "E'\\",
            "E'\\u12",
            "\"",
            "::",
            "::\"",
            "::numeric(1",
            "-",
            "é'",
            "1e",
            "::é",
            "E'\\ué'",
        ] {
            let _ = (tokens(text), constant(text), is_now(text), same_value(text, text, "x"));
        }
    }

    #[test]
    fn values_are_compared_by_type() {
        assert!(same_value("double precision", "5e-324", "4.94065645841247e-324"));
        assert!(
            same_value("numeric(12,2)", "-0.50", "-0.5")
                && !same_value("numeric(12,2)", "-0.50", "0.5")
        );
        assert!(same_value("jsonb", r#"{"a":1,"b":2}"#, r#"{"b": 2.0, "a": 1}"#));
        assert!(same_value(
            "timestamp with time zone",
            "2020-01-01T01:00:00+01:00",
            "2020-01-01 00:00:00+00"
        ));
        assert!(!same_value(
            "timestamp with time zone",
            "2020-01-01T00:00:00Z",
            "2020-01-01 00:00:01+00"
        ));
        assert!(!same_value("text", "1", "1.0"));
    }
}
