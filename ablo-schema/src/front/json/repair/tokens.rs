//! Splits a text into the tokens of JSON. Comments and quotes of other notations are faults.

use super::{Change, Fault};
use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Bracket {
    Brace,
    Square,
}

impl Bracket {
    pub(in super::super) fn open(self) -> &'static str {
        match self {
            Self::Brace => "{",
            Self::Square => "[",
        }
    }

    pub(in super::super) fn close(self) -> &'static str {
        match self {
            Self::Brace => "}",
            Self::Square => "]",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Kind {
    Open(Bracket),
    Close(Bracket),
    Comma,
    Colon,
    /// A text in quotes.
    Text,
    /// A number, a literal, or a text without quotes.
    Word,
}

#[derive(Clone, Debug)]
pub(in super::super) struct Token {
    pub(in super::super) kind: Kind,
    pub(in super::super) range: Range<usize>,
    /// The width of the white space before the first token of a line.
    pub(in super::super) indent: Option<usize>,
}

/// Splits a text. The faults have no commas, colons or brackets, which are of the grammar.
pub(in super::super) fn tokens(text: &str) -> (Vec<Token>, Vec<Fault>) {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new(), faults: Vec::new(), line: Some(0) };
    lexer.run();
    (lexer.tokens, lexer.faults)
}

/// The number of bytes in which the end of a text with unusual quotes is looked for, so that the
/// time is linear in the size of the document.
const MAX_LOOK: usize = 1000;

const FENCE: &str = "```";

/// Whether a byte ends a word.
fn is_structural(byte: u8) -> bool {
    matches!(byte, b'{' | b'}' | b'[' | b']' | b',' | b':')
}

fn is_quote(letter: char) -> bool {
    matches!(letter, '\'' | '`' | '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{2018}' | '\u{2019}')
}

pub(in super::super) fn is_any_quote(letter: char) -> bool {
    letter == '"' || is_quote(letter)
}

/// Whether a word is a value of JSON without quotes.
pub(in super::super) fn is_literal(word: &str) -> bool {
    matches!(word, "true" | "false" | "null") || is_number(word)
}

fn is_number(word: &str) -> bool {
    let is_start = word.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    is_start && serde_json::from_str::<serde_json::Number>(word).is_ok()
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    tokens: Vec<Token>,
    faults: Vec<Fault>,
    /// The start of the line, if it has no token yet.
    line: Option<usize>,
}

impl Lexer<'_> {
    fn run(&mut self) {
        self.opening_fence();
        while let Some(letter) = self.text[self.at..].chars().next() {
            let rest = &self.text[self.at..];
            match letter {
                '\n' => {
                    self.at += 1;
                    self.line = Some(self.at);
                }
                '{' => self.push(Kind::Open(Bracket::Brace), 1),
                '[' => self.push(Kind::Open(Bracket::Square), 1),
                '}' => self.push(Kind::Close(Bracket::Brace), 1),
                ']' => self.push(Kind::Close(Bracket::Square), 1),
                ',' => self.push(Kind::Comma, 1),
                ':' => self.push(Kind::Colon, 1),
                '"' => self.text(),
                '#' => self.comment("\n", 0),
                _ if rest.starts_with("//") => self.comment("\n", 0),
                _ if rest.starts_with("/*") => self.comment("*/", 2),
                _ if rest.starts_with(FENCE) => self.closing_fence(),
                _ if is_quote(letter) && self.quoted(letter) => {}
                _ if letter.is_whitespace() || letter == '\u{feff}' => self.at += letter.len_utf8(),
                _ => self.word(),
            }
        }
    }

    fn push(&mut self, kind: Kind, length: usize) {
        let indent = self.line.take().map(|start| self.at - start);
        self.tokens.push(Token { kind, range: self.at..self.at + length, indent });
        self.at += length;
    }

    fn fault(&mut self, range: Range<usize>, message: &'static str, help: &'static str) {
        self.faults.push(Fault::new(range, message, help));
    }

    fn change(&mut self, range: Range<usize>, text: impl Into<String>) {
        if let Some(fault) = self.faults.last_mut() {
            fault.changes.push(Change { range, text: text.into() });
        }
    }

    /// Removes the first line of a Markdown fence around the document.
    fn opening_fence(&mut self) {
        let start = self.text.len()
            - self.text.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']).len();
        if !self.text[start..].starts_with(FENCE) {
            return;
        }
        let end = self.text[start..].find('\n').map_or(self.text.len(), |at| start + at + 1);
        self.fault(
            start..start + FENCE.len(),
            "the document is inside a Markdown fence",
            "remove the lines that begin with three backquotes",
        );
        self.change(start..end, "");
        self.at = end;
    }

    /// Removes the last line of a fence, which has no fault of its own.
    fn closing_fence(&mut self) {
        let end = self.at + FENCE.len();
        let change = Change { range: self.at..end, text: String::new() };
        match self.faults.first_mut() {
            Some(first) if self.text.get(first.range.clone()) == Some(FENCE) => {
                first.changes.push(change);
            }
            _ => {
                let help = "remove the lines that begin with three backquotes";
                self.fault(self.at..end, "the document ends with a Markdown fence", help);
                self.change(change.range, "");
            }
        }
        self.at = end;
    }

    fn comment(&mut self, end: &str, kept: usize) {
        let found = self.text[self.at + kept..].find(end);
        let end = found.map_or(self.text.len(), |found| self.at + found + 2 * kept);
        let range = self.at..end;
        let help = "remove it, or write it as a member whose name begins with `x-`";
        self.fault(range.clone(), "JSON has no comments", help);
        self.change(range, "");
        self.at = end;
    }

    /// Reads a text in quotes of another notation. Returns `false` if it has no end on its line.
    fn quoted(&mut self, quote: char) -> bool {
        let start = self.at + quote.len_utf8();
        let (mut inside, mut is_escaped, mut end) = (String::new(), false, None);
        for (offset, letter) in self.text[start..].char_indices() {
            let is_end = if matches!(quote, '\'' | '`') {
                letter == quote && !is_escaped
            } else {
                is_any_quote(letter)
            };
            if is_end || letter == '\n' || offset > MAX_LOOK {
                end = is_end.then_some(start + offset + letter.len_utf8());
                break;
            }
            if is_escaped && matches!(letter, '\'' | '`') {
                inside.pop();
            } else if letter == '"' && !is_escaped {
                inside.push('\\');
            }
            inside.push(letter);
            is_escaped = letter == '\\' && !is_escaped;
        }
        let Some(end) = end else { return false };
        let (message, help) = match quote {
            '\'' => ("this text is in single quotes", "use double quotes: `\"`"),
            '`' => ("this text is in backquotes", "use double quotes: `\"`"),
            _ => ("this text is in curly quotes", "use straight quotes: `\"`"),
        };
        self.fault(self.at..end, message, help);
        self.change(self.at..end, format!("\"{inside}\""));
        self.push(Kind::Text, end - self.at);
        true
    }

    /// Returns the next quote before a limit that is not escaped, on this line.
    fn quote_from(&self, from: usize, limit: usize) -> Option<usize> {
        let mut is_escaped = false;
        for (offset, byte) in self.text.as_bytes().get(from..limit)?.iter().enumerate() {
            match byte {
                b'\n' => return None,
                b'"' if !is_escaped => return Some(from + offset),
                _ => is_escaped = *byte == b'\\' && !is_escaped,
            }
        }
        None
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// Whether the text after a quote begins as it does after the end of a text.
    fn ends_before(&self, at: usize) -> bool {
        let rest = self.text[at..].trim_start_matches([' ', '\t', '\r']);
        rest.bytes().next().is_none_or(|next| is_structural(next) || next == b'\n')
    }

    /// Reads a text in double quotes, of which one may be missing or too much.
    fn text(&mut self) {
        let start = self.at;
        let Some(quote) = self.quote_from(start + 1, self.text.len()) else {
            let line = self.text[start..].find('\n').map_or(self.text.len(), |at| start + at);
            return self.unclosed(line);
        };
        let next = self.byte(quote + 1);
        let is_end = self.ends_before(quote + 1);
        if is_end && (quote > start + 1 || next != Some(b'"')) {
            return self.push(Kind::Text, quote + 1 - start);
        }
        let inside = self.text[start + 1..quote].trim_end();
        let is_word = next.is_some_and(|next| !next.is_ascii_whitespace());
        if next == Some(b'"') && self.ends_before(quote + 2) && !inside.ends_with([':', ',']) {
            // Two quotes at the end.
            self.push(Kind::Text, quote + 1 - start);
            return self.extra_quote();
        }
        if inside.is_empty() && is_word {
            // Two quotes at the start, or one before another token.
            return self.extra_quote();
        }
        if is_word && inside.bytes().next_back().is_some_and(is_structural) {
            return self.unclosed(quote);
        }
        if is_word && next != Some(b'"') && !self.has_literal(quote + 1) {
            return self.inner_quotes(quote);
        }
        self.push(Kind::Text, quote + 1 - start);
    }

    /// Whether a value of JSON without quotes is here, as after a name without a colon.
    fn has_literal(&self, at: usize) -> bool {
        let is_end = |byte: u8| byte.is_ascii_whitespace() || is_structural(byte) || byte == b'"';
        let rest = &self.text[at..];
        let length = rest.bytes().position(is_end).unwrap_or(rest.len());
        is_literal(&rest[..length]) && self.byte(at + length) != Some(b'"')
    }

    fn extra_quote(&mut self) {
        let range = self.at..self.at + 1;
        self.fault(range.clone(), "this quote belongs to no text", "remove the quote");
        self.change(range, "");
        self.at += 1;
    }

    /// Ends a text at the last place before `limit` where it can end.
    fn unclosed(&mut self, limit: usize) {
        let start = self.at;
        let is_after_name = |kind: &Kind| matches!(kind, Kind::Colon | Kind::Open(Bracket::Square));
        let is_value = self.tokens.last().is_some_and(|last| is_after_name(&last.kind));
        let inside = &self.text[start + 1..limit];
        let name = inside.split(':').next().unwrap_or_default();
        let is_name = name.len() < inside.len()
            && !name.is_empty()
            && name.bytes().all(|one| one.is_ascii_alphanumeric() || b"_-$".contains(&one));
        let is_punctuation =
            |one: char| one.is_whitespace() || u8::try_from(one).is_ok_and(is_structural);
        let inside =
            if is_name && !is_value { name } else { inside.trim_end_matches(is_punctuation) };
        if inside.is_empty() || (is_value && is_literal(inside)) {
            return self.extra_quote();
        }
        let end = start + 1 + inside.len();
        self.fault(start..end, "this text has no closing quote", "add a quote at its end");
        self.change(end..end, "\"");
        self.push(Kind::Text, end - start);
    }

    /// Escapes the quotes inside a text, if one of the next quotes ends it.
    fn inner_quotes(&mut self, first: usize) {
        let (start, mut inner) = (self.at, vec![first]);
        let limit = (start + MAX_LOOK).min(self.text.len());
        while let Some(next) = inner.last().and_then(|last| self.quote_from(last + 1, limit)) {
            if self.ends_before(next + 1) {
                let help = "write a quote inside a text as `\\\"`";
                self.fault(first..first + 1, "this quote ends the text too early", help);
                inner.into_iter().for_each(|at| self.change(at..at, "\\"));
                return self.push(Kind::Text, next + 1 - start);
            }
            inner.push(next);
        }
        self.push(Kind::Text, first + 1 - start);
    }

    fn word(&mut self) {
        let start = self.at;
        let is_part = |byte: &u8| {
            !byte.is_ascii_whitespace() && !is_structural(*byte) && !b"\"#".contains(byte)
        };
        let bytes = self.text.as_bytes()[start..].iter();
        let length = bytes.take_while(|byte| is_part(byte)).count().max(1);
        let length = self.text.ceil_char_boundary(start + length) - start;
        let word = &self.text[start..start + length];
        let limit = (start + MAX_LOOK).min(self.text.len());
        let quote = self.quote_from(start, limit).filter(|quote| {
            let before = self.byte(quote - 1);
            before.is_some_and(|byte| !byte.is_ascii_whitespace() && !is_structural(byte))
                && self.ends_before(quote + 1)
        });
        // A value of JSON, and then the end of a name without an opening quote.
        let quote = quote.filter(|quote| {
            !is_literal(word) || !self.text[start..*quote].bytes().any(is_structural)
        });
        match quote {
            Some(quote) if is_literal(word) && quote == start + length => {
                self.push(Kind::Word, length);
                self.extra_quote();
            }
            Some(quote) => {
                let help = "add a quote before it";
                self.fault(start..quote + 1, "this text has no opening quote", help);
                self.change(start..start, "\"");
                self.push(Kind::Text, quote + 1 - start);
            }
            None => self.push(Kind::Word, length),
        }
    }
}
