//! Repairs text that is JSON except for habits of other notations, so that one run reports all of
//! them and the faults behind them.
//!
//! A repair keeps the length of the text: offsets into the repaired text are offsets into the
//! original.

/// A repaired text and its faults.
pub(super) struct Repaired {
    pub(super) text: String,
    pub(super) faults: Vec<Fault>,
}

/// A place that is not JSON.
pub(super) struct Fault {
    pub(super) offset: usize,
    pub(super) message: &'static str,
    pub(super) help: &'static str,
}

/// Repairs Markdown fences, comments, quotes and commas. Returns `None` if the text is no object or
/// list, or if there is nothing to repair.
pub(super) fn repair(text: &str) -> Option<Repaired> {
    let mut work = Repair { bytes: text.as_bytes().to_vec(), faults: Vec::new() };
    work.fences(text);
    work.comments_and_quotes()?;
    let first = work.bytes.iter().find(|byte| !byte.is_ascii_whitespace())?;
    if !matches!(first, b'{' | b'[') {
        return None;
    }
    work.punctuation();
    let Repair { bytes, mut faults } = work;
    faults.sort_by_key(|fault| fault.offset);
    let text = String::from_utf8(bytes).ok()?;
    (!faults.is_empty()).then_some(Repaired { text, faults })
}

const FENCE: &str = "```";
/// The opening and closing curly quotes have three bytes each.
const CURLY: [&[u8]; 3] = ["\u{201c}".as_bytes(), "\u{201d}".as_bytes(), "\u{201e}".as_bytes()];

struct Repair {
    bytes: Vec<u8>,
    faults: Vec<Fault>,
}

impl Repair {
    fn fault(&mut self, offset: usize, message: &'static str, help: &'static str) {
        self.faults.push(Fault { offset, message, help });
    }

    fn blank(&mut self, from: usize, to: usize) {
        self.bytes[from..to].fill(b' ');
    }

    /// Blanks the lines of a Markdown fence around the document.
    fn fences(&mut self, text: &str) {
        let start = text.len() - text.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']).len();
        if !text[start..].starts_with(FENCE) {
            return;
        }
        let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        self.blank(start, end);
        self.fault(
            start,
            "the document is inside a Markdown fence",
            "remove the lines that begin with three backquotes",
        );
        if let Some(at) = text[end..].rfind(FENCE) {
            self.blank(end + at, end + at + FENCE.len());
        }
    }

    /// Blanks comments and straightens quotes. Returns `None` if a quoted text has no end.
    fn comments_and_quotes(&mut self) -> Option<()> {
        let mut at = 0;
        while let Some(byte) = self.bytes.get(at).copied() {
            let next = self.bytes.get(at + 1).copied();
            at = match (byte, next) {
                (b'"', _) => end_of_string(&self.bytes, at)?,
                (b'\'', _) => self.single_quoted(at)?,
                (b'/', Some(b'/')) | (b'#', _) => self.comment(at, b"\n", 0),
                (b'/', Some(b'*')) => self.comment(at, b"*/", 2),
                _ if self.is_curly(at) => self.curly(at)?,
                _ => at + 1,
            };
        }
        Some(())
    }

    fn comment(&mut self, at: usize, end: &[u8], kept: usize) -> usize {
        let found = find(&self.bytes, at + kept, end);
        let end = found.map_or(self.bytes.len(), |found| found + kept);
        self.blank(at, end);
        let help = "remove it, or write it as a member whose name begins with `x-`";
        self.fault(at, "JSON has no comments", help);
        end
    }

    fn single_quoted(&mut self, at: usize) -> Option<usize> {
        let end = find(&self.bytes, at + 1, b"'")?;
        if self.bytes[at..end].iter().any(|byte| matches!(byte, b'"' | b'\n' | b'\\')) {
            return None;
        }
        (self.bytes[at], self.bytes[end]) = (b'"', b'"');
        self.fault(at, "this text is in single quotes", "use double quotes: `\"`");
        Some(end + 1)
    }

    fn is_curly(&self, at: usize) -> bool {
        CURLY.iter().any(|quote| self.bytes[at..].starts_with(quote))
    }

    fn curly(&mut self, at: usize) -> Option<usize> {
        let inside = self.bytes.get(at + 3..)?.iter();
        let length = inside.take_while(|byte| !matches!(byte, b'"' | b'\n' | b'\\')).count();
        let end = (at + 3..at + 3 + length).find(|end| self.is_curly(*end))?;
        self.bytes[at..at + 3].copy_from_slice(b"  \"");
        self.bytes[end..end + 3].copy_from_slice(b"\"  ");
        self.fault(at, "this text is in curly quotes", "use straight quotes: `\"`");
        Some(end + 3)
    }

    /// Removes commas before a closing bracket, and adds commas and colons that are missing.
    fn punctuation(&mut self) {
        let mut at = 0;
        // The position of the last comma, if no value follows it yet.
        let mut comma = None;
        // The end of the last name or value, if no comma or colon follows it yet.
        let mut value: Option<usize> = None;
        // The open brackets.
        let mut open = vec![Member::None];
        while let Some(byte) = self.bytes.get(at).copied() {
            match byte {
                b',' => {
                    (comma, value) = (Some(at), None);
                    open.last_mut().into_iter().for_each(Member::end);
                }
                b':' => {
                    (comma, value) = (None, None);
                    open.last_mut().into_iter().for_each(Member::colon);
                }
                b'}' | b']' => {
                    if let Some(comma) = comma.take() {
                        self.blank(comma, comma + 1);
                        let message = "JSON has no comma after the last member or item";
                        self.fault(comma, message, "remove the comma");
                    }
                    open.pop();
                    value = Some(at + 1);
                }
                _ if byte.is_ascii_whitespace() => {}
                _ => {
                    if let Some(end) = value.filter(|end| *end < at) {
                        self.separate(end, at, open.last_mut());
                    }
                    comma = None;
                    match byte {
                        b'{' => open.push(Member::Name),
                        b'[' => open.push(Member::None),
                        b'"' => at = end_of_string(&self.bytes, at).unwrap_or(at + 1) - 1,
                        _ => at = end_of_word(&self.bytes, at) - 1,
                    }
                    value = (!matches!(byte, b'{' | b'[')).then_some(at + 1);
                }
            }
            at += 1;
        }
    }

    /// Puts the missing comma or colon between two values.
    fn separate(&mut self, end: usize, next: usize, member: Option<&mut Member>) {
        if let Some(member @ Member::Name) = member {
            self.bytes[end] = b':';
            self.fault(next, "a colon is missing before this", "add a colon before it");
            member.colon();
        } else {
            self.bytes[end] = b',';
            self.fault(next, "a comma is missing before this", "add a comma before it");
            member.into_iter().for_each(Member::end);
        }
    }
}

/// The part of a member that is being read.
enum Member {
    /// Lists have no members.
    None,
    /// The name, before the colon.
    Name,
    /// The value.
    Value,
}

impl Member {
    fn colon(&mut self) {
        if matches!(self, Member::Name) {
            *self = Member::Value;
        }
    }

    fn end(&mut self) {
        if matches!(self, Member::Value) {
            *self = Member::Name;
        }
    }
}

/// Returns the end of a string in double quotes.
fn end_of_string(bytes: &[u8], at: usize) -> Option<usize> {
    let mut end = at + 1;
    loop {
        match bytes.get(end)? {
            b'"' => return Some(end + 1),
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
}

/// Returns the end of a number or a word such as `true`.
fn end_of_word(bytes: &[u8], at: usize) -> usize {
    let is_part = |byte: &&u8| {
        !byte.is_ascii_whitespace()
            && !matches!(byte, b',' | b':' | b'{' | b'}' | b'[' | b']' | b'"')
    };
    at + bytes[at..].iter().take_while(is_part).count().max(1)
}

fn find(bytes: &[u8], from: usize, wanted: &[u8]) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.windows(wanted.len()).position(|window| window == wanted).map(|at| from + at)
}

/// Returns the notation of a text that is not JSON, if it is a known one.
pub(super) fn notation(text: &str) -> Option<&'static str> {
    let start = text.trim_start();
    let begins = |words: &[&str]| words.iter().any(|word| start.starts_with(word));
    let first = start.lines().next().unwrap_or_default();
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|one| one.is_alphanumeric() || "_-$\"".contains(one))
    };
    let is_member = |line: &str| {
        let name = line.split_once(':').map(|(name, rest)| (name, rest.trim_start() != rest));
        name.is_some_and(|(name, spaced)| is_name(name) && (spaced || line.ends_with(':')))
    };
    if begins(&["import ", "export ", "const ", "type ", "interface "]) {
        Some("TypeScript")
    } else if begins(&["model ", "datasource ", "generator ", "enum "]) {
        Some("Prisma")
    } else if begins(&["CREATE ", "create ", "ALTER ", "--\n", "-- "]) {
        Some("SQL")
    } else if begins(&["use ", "pub ", "#[", "//! ", "struct "]) {
        Some("Rust")
    } else if begins(&["---"]) || is_member(first.trim_end()) {
        Some("YAML")
    } else {
        None
    }
}
