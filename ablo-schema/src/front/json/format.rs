//! Formats a document.
//!
//! An object or list without an object inside stands on one line if it fits. Everything else keeps
//! its order and its spelling.

use super::node::{self, Parsed};
use super::repair::{Bracket, Kind, Token, tokens};

/// The width of lines in characters.
const WIDTH: usize = 100;
const INDENT: usize = 2;

/// Formats a JSON document. Returns `None` if the text is not JSON.
///
/// ```
/// use ablo_schema::front::json;
/// let text = json::format("{\"v\":3,\"models\":{\"logs\":{\"fields\":{},\"relations\":{}}}}");
/// let wanted = "{
///   \"v\": 3,
///   \"models\": {
///     \"logs\": { \"fields\": {}, \"relations\": {} }
///   }
/// }
/// ";
/// assert_eq!(text.as_deref(), Some(wanted));
/// ```
#[must_use]
pub fn format(text: &str) -> Option<String> {
    let Parsed::Document(_) = node::parse(text) else { return None };
    let (tokens, _) = tokens(text);
    let mut rest = tokens.iter().filter(|token| !matches!(token.kind, Kind::Comma | Kind::Colon));
    let tree = Tree::read(rest.next()?, text, &mut rest);
    let mut out = String::with_capacity(text.len() * 2);
    tree.print(0, 0, &mut out);
    out.push('\n');
    Some(out)
}

enum Tree<'t> {
    Scalar(&'t str),
    /// The brackets, and the members with their names or the items.
    Group(Bracket, Vec<(Option<&'t str>, Tree<'t>)>),
}

impl<'t> Tree<'t> {
    fn read<'a>(first: &Token, text: &'t str, rest: &mut impl Iterator<Item = &'a Token>) -> Self {
        let Kind::Open(bracket) = first.kind else {
            return Self::Scalar(&text[first.range.clone()]);
        };
        let mut items = Vec::new();
        while let Some(token) = rest.next().filter(|token| !matches!(token.kind, Kind::Close(_))) {
            let value = if bracket == Bracket::Brace { rest.next() } else { Some(token) };
            let Some(value) = value else { break };
            let name = (bracket == Bracket::Brace).then(|| &text[token.range.clone()]);
            items.push((name, Self::read(value, text, rest)));
        }
        Self::Group(bracket, items)
    }

    fn has_object(&self) -> bool {
        let Self::Group(bracket, items) = self else { return false };
        let is_object = *bracket == Bracket::Brace && !items.is_empty();
        is_object || items.iter().any(|(_, item)| item.has_object())
    }

    /// Returns the text on one line, unless an object is inside.
    fn line(&self) -> Option<String> {
        match self {
            Self::Scalar(text) => Some((*text).to_owned()),
            Self::Group(bracket, items) if items.is_empty() => {
                Some(format!("{}{}", bracket.open(), bracket.close()))
            }
            Self::Group(_, items) if items.iter().any(|(_, item)| item.has_object()) => None,
            Self::Group(bracket, items) => {
                let items = items.iter().map(|(name, item)| {
                    let name = name.map(|name| format!("{name}: ")).unwrap_or_default();
                    Some(name + &item.line()?)
                });
                let inside = items.collect::<Option<Vec<_>>>()?.join(", ");
                let space = if *bracket == Bracket::Brace { " " } else { "" };
                Some(format!("{}{space}{inside}{space}{}", bracket.open(), bracket.close()))
            }
        }
    }

    /// Prints the value from a column on; `depth` is the depth of its line.
    fn print(&self, depth: usize, column: usize, out: &mut String) {
        let is_root = depth == 0;
        let line = self.line().filter(|line| match self {
            Self::Scalar(_) => true,
            // A comma may follow.
            Self::Group(_, items) => {
                items.is_empty() || (!is_root && column + line.chars().count() < WIDTH)
            }
        });
        let (bracket, items) = match (line, self) {
            (Some(line), _) => return out.push_str(&line),
            (None, Self::Scalar(text)) => return out.push_str(text),
            (None, Self::Group(bracket, items)) => (bracket, items),
        };
        let indent = " ".repeat(INDENT * (depth + 1));
        out.push_str(bracket.open());
        for (at, (name, item)) in items.iter().enumerate() {
            out.push_str(if at == 0 { "\n" } else { ",\n" });
            out.push_str(&indent);
            let mut column = indent.len();
            if let Some(name) = name {
                out.push_str(name);
                out.push_str(": ");
                column += name.chars().count() + 2;
            }
            item.print(depth + 1, column, out);
        }
        out.push('\n');
        out.push_str(&indent[INDENT..]);
        out.push_str(bracket.close());
    }
}
