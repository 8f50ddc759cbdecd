//! Splits a `CREATE TABLE` statement into its definitions. SQLite reports check constraints nowhere
//! else.

/// The parts of a `CREATE TABLE` statement, without comments and with single spaces outside quotes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ParsedTable {
    /// The column definitions and table constraints.
    pub(super) definitions: Vec<String>,
    /// The table options after the closing parenthesis.
    pub(super) options: String,
}

/// Parses a `CREATE TABLE` statement.
pub(super) fn parse_table(sql: &str) -> ParsedTable {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let mut depth = 0_usize;
    for piece in pieces(sql) {
        match piece {
            Piece::Quoted(text) => part.push_str(text),
            Piece::Space => {
                part.push_str(if part.is_empty() || part.ends_with(' ') { "" } else { " " })
            }
            Piece::Sign('(') if depth == 0 && parts.is_empty() => {
                depth = 1;
                parts.push(std::mem::take(&mut part));
            }
            Piece::Sign(',') if depth == 1 => parts.push(std::mem::take(&mut part)),
            Piece::Sign(')') if depth == 1 => {
                depth = 0;
                parts.push(std::mem::take(&mut part));
            }
            Piece::Sign(sign) => {
                part.push(sign);
                depth = match sign {
                    '(' => depth + 1,
                    ')' => depth.saturating_sub(1),
                    _ => depth,
                };
            }
        }
    }
    let definitions = parts.into_iter().skip(1).map(|part| part.trim().to_owned()).collect();
    ParsedTable { definitions, options: part.trim().to_owned() }
}

/// Returns the first word or name of a definition; for a column, its name.
pub(super) fn first_name(definition: &str) -> String {
    match pieces(definition).next() {
        Some(Piece::Quoted(text)) => {
            let inner = text.get(1..text.len() - 1).unwrap_or_default();
            // `]` cannot be escaped.
            match text.chars().next() {
                Some(quote @ ('"' | '`')) => {
                    inner.replace(&quote.to_string().repeat(2), &quote.to_string())
                }
                _ => inner.to_owned(),
            }
        }
        _ => definition
            .split(|c: char| c.is_whitespace() || c == '(')
            .next()
            .unwrap_or_default()
            .to_owned(),
    }
}

/// Returns the conditions of the checks in a definition, each with its name if it has one.
pub(super) fn checks(definition: &str) -> Vec<(Option<String>, String)> {
    let mut found = Vec::new();
    let (mut depth, mut word, mut condition) = (0_usize, String::new(), None::<String>);
    // The words and names before a check, which end with `CONSTRAINT` and its name.
    let mut before: Vec<String> = Vec::new();
    for piece in pieces(definition) {
        if let Some(text) = &mut condition {
            match piece {
                Piece::Sign(')') if depth == 1 => {
                    let name = match before.as_slice() {
                        [.., constraint, name, _]
                            if constraint.eq_ignore_ascii_case("constraint") =>
                        {
                            Some(first_name(name))
                        }
                        _ => None,
                    };
                    found.push((name, std::mem::take(text).trim().to_owned()));
                    (depth, condition) = (0, None);
                    before.clear();
                }
                Piece::Quoted(quoted) => text.push_str(quoted),
                Piece::Space => text.push(' '),
                Piece::Sign(sign) => {
                    depth = if sign == '(' { depth + 1 } else { depth - usize::from(sign == ')') };
                    text.push(sign);
                }
            }
            continue;
        }
        match piece {
            Piece::Sign(sign) if sign.is_alphanumeric() || sign == '_' => {
                word.push(sign);
                continue;
            }
            _ if !word.is_empty() => before.push(std::mem::take(&mut word)),
            _ => {}
        }
        match piece {
            Piece::Quoted(quoted) => before.push(quoted.to_owned()),
            Piece::Sign('(') => {
                let is_check = before.last().is_some_and(|word| word.eq_ignore_ascii_case("check"));
                condition = (depth == 0 && is_check).then(String::new);
                depth += 1;
            }
            Piece::Sign(')') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    found
}

/// A lexical unit.
#[derive(Clone, Copy)]
enum Piece<'t> {
    /// A string or name with its quotes.
    Quoted(&'t str),
    /// Whitespace or a comment.
    Space,
    /// Any other character.
    Sign(char),
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let comment = match rest.strip_prefix("/*") {
            Some(inner) => Some(inner.find("*/").map_or(rest.len(), |at| at + 4)),
            None => rest.starts_with("--").then(|| rest.find('\n').unwrap_or(rest.len())),
        };
        let closing = match first {
            '"' | '\'' | '`' => Some(first),
            '[' => Some(']'),
            _ => None,
        };
        let (piece, length) = if let Some(length) = comment {
            (Piece::Space, length)
        } else if first.is_whitespace() {
            (Piece::Space, rest.len() - rest.trim_start().len())
        } else if let Some(closing) = closing {
            let length = end_of_quoted(rest, closing);
            (Piece::Quoted(rest.get(..length).unwrap_or(rest)), length)
        } else {
            (Piece::Sign(first), first.len_utf8())
        };
        rest = rest.get(length..).unwrap_or_default();
        Some(piece)
    })
}

/// Returns the length of the quoted text at the start. A doubled quote is an escaped quote.
fn end_of_quoted(text: &str, closing: char) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character == closing
            && (closing == ']' || characters.next_if(|(_, next)| *next == closing).is_none())
        {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_split_at_its_outer_commas() {
        let parsed = parse_table(
            "CREATE TABLE \"a(,\" ( -- one, (\n  \"x\" TEXT CHECK (x IN ('a,  b', ')')), \
             [y ,]   REAL /* , */) STRICT",
        );
        assert_eq!(parsed.definitions, ["\"x\" TEXT CHECK (x IN ('a,  b', ')'))", "[y ,] REAL"]);
        assert_eq!(parsed.options, "STRICT");
        assert_eq!(
            ["\"a\"\"b\" TEXT", "[y ,] REAL", "z REAL"].map(first_name),
            ["a\"b", "y ,", "z"]
        );
    }

    #[test]
    fn checks_are_found_with_their_names() {
        let found = checks(
            "\"x\" TEXT DEFAULT ('check (1)') constraint \"x_check\" CHECK (x IN ('a', ')')) \
             check(length(x) > 1)",
        );
        let named = (Some("x_check".to_owned()), "x IN ('a', ')')".to_owned());
        assert_eq!(found, [named, (None, "length(x) > 1".to_owned())]);
    }

    #[test]
    fn malformed_statements_do_not_panic() {
        for text in [
            "",
            "(",
            ")",
            "'",
            "\"",
            "CREATE TABLE x (a",
            "CREATE TABLE x a), (b)",
            "check ((",
            "/*",
            "[é",
        ] {
            let _ = (parse_table(text), first_name(text), checks(text));
        }
    }
}
