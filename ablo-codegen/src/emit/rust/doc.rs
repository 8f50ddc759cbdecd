//! Descriptions of a schema as doc comments.
//!
//! rustdoc parses Markdown, warns about broken links and unclosed tags, and compiles code blocks. A
//! description must not break a build, so everything that Markdown would interpret is escaped,
//! except code spans.

/// Returns the lines of a doc comment without `///`, without empty lines at both ends.
pub(super) fn lines(prose: &str) -> Vec<String> {
    let ends_line = |character| {
        matches!(character, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
    };
    // `\r\n` and paragraphs produce empty lines; runs of empty lines become one.
    let mut lines: Vec<String> = Vec::new();
    for line in prose.split(ends_line).map(escape_markdown) {
        if !line.is_empty() || lines.last().is_some_and(|last| !last.is_empty()) {
            lines.push(line);
        }
    }
    if lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

fn escape_markdown(line: &str) -> String {
    let line = line.trim();
    let code_closes = line.matches('`').count().is_multiple_of(2) && !line.contains("``");
    let mut out = String::with_capacity(line.len() + 8);
    if starts_block(line) {
        out.push('\\');
    }
    let mut in_code = false;
    let mut before = ' ';
    for character in line.chars() {
        if character.is_control() || is_invisible(character) {
            continue;
        }
        if character == '`' && code_closes {
            in_code = !in_code;
        }
        // A backslash between the slashes prevents rustdoc's bare-URL warning for `https://`.
        let is_special = matches!(character, '[' | ']' | '<' | '>' | '\\' | '*' | '_' | '&' | '~')
            || (character == '`' && !code_closes)
            || (character == '/' && before == ':')
            || (character == '.' || character == ')')
                && out.bytes().all(|byte| byte.is_ascii_digit())
                && !out.is_empty();
        if is_special && !in_code {
            out.push('\\');
        }
        out.push(character);
        before = character;
    }
    out
}

/// Returns whether a line starts a heading, list, rule or table.
fn starts_block(line: &str) -> bool {
    line.starts_with(['#', '-', '+', '=', '|'])
}

/// Returns whether a character is invisible: format characters, Unicode line separators, byte-order
/// marks and tags.
pub(super) fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn plain_prose_is_unchanged() {
        assert_eq!(lines("The place. See `Station`."), ["The place. See `Station`."]);
        assert_eq!(lines("One.\r\n\r\nTwo.\n"), ["One.", "", "Two."]);
        assert!(lines(" \n ").is_empty());
    }

    #[test]
    fn markdown_is_escaped() {
        assert_eq!(
            lines("see [x] and <b> at https://a.b"),
            [r"see \[x\] and \<b\> at https:\//a.b"]
        );
        assert_eq!(lines("# a\n- b\n1. c\n```rust"), [r"\# a", r"\- b", r"1\. c", r"\`\`\`rust"]);
        assert_eq!(lines("    indented"), ["indented"]);
        assert_eq!(lines("odd ` tick"), [r"odd \` tick"]);
        assert_eq!(lines("`a[0]` and b[0]"), [r"`a[0]` and b\[0\]"]);
    }

    #[test]
    fn invisible_characters_are_removed() {
        assert_eq!(lines("a */ b\u{202e}c\u{0}d\u{2028}e"), [r"a \*/ bcd", "e"]);
    }
}
