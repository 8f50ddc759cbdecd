//! Reuse of printed text, which makes documents of a thousand models cheap.
//!
//! A [`Fragment`] is constant text, a [`Template`] is text with placeholders for names, and
//! [`RepeatedText`] is copied from its first occurrence. All text is first printed by the writer,
//! so it is escaped like any other.

use super::write::{Array, Buffer, Object};
use std::borrow::Cow;
use std::ops::Range;

/// Writes a comma unless this is the first member.
fn separate(text: &mut Buffer, empty: &mut bool) {
    if !std::mem::replace(empty, false) {
        text.out.push(',');
    }
}

/// Constant members of an object.
#[derive(Debug, Default)]
pub(crate) struct Fragment(Cow<'static, str>);

impl Fragment {
    /// Returns members that were printed before.
    #[cfg(feature = "openapi")]
    pub(crate) fn printed(members: &'static str) -> Self {
        Self(Cow::Borrowed(members))
    }

    /// Prints members on one line.
    pub(crate) fn inline(fill: impl FnOnce(&mut Object<'_>)) -> Self {
        let mut text = Buffer { out: String::new(), depth: 0, inline: true };
        fill(&mut Object { text: &mut text, empty: true });
        Self(Cow::Owned(text.out))
    }

    /// Prints members on separate lines, at a nesting depth.
    pub(crate) fn block(depth: usize, fill: impl FnOnce(&mut Object<'_>)) -> Self {
        let mut text = Buffer { out: String::new(), depth, inline: false };
        fill(&mut Object { text: &mut text, empty: true });
        Self(Cow::Owned(text.out))
    }
}

/// Members that differ between models only in a few names.
#[derive(Debug, Default)]
pub(crate) struct Template {
    depth: usize,
    /// Text, and the index of the placeholder after it.
    pieces: Vec<(String, Option<usize>)>,
}

impl Template {
    /// The placeholders of names. Templates contain only text of this program, which does not use
    /// these characters.
    pub(crate) const PLACEHOLDERS: [&'static str; 4] =
        ["\u{e000}", "\u{e001}", "\u{e002}", "\u{e003}"];

    fn parse(depth: usize, inline: bool, fill: impl FnOnce(&mut Object<'_>)) -> Self {
        let Fragment(text) = match inline {
            true => Fragment::inline(fill),
            false => Fragment::block(depth, fill),
        };
        let mut pieces = Vec::new();
        let mut rest = text.as_ref();
        let placeholder = |text: &str| {
            Self::PLACEHOLDERS.iter().position(|placeholder| text.starts_with(placeholder))
        };
        while let Some(at) = rest.find(|symbol| ('\u{e000}'..='\u{e003}').contains(&symbol)) {
            pieces.push((rest[..at].to_owned(), placeholder(&rest[at..])));
            rest = &rest[at + Self::PLACEHOLDERS[0].len()..];
        }
        pieces.push((rest.to_owned(), None));
        Self { depth, pieces }
    }
}

/// Members or items that occur several times in one document.
#[derive(Debug, Default)]
pub(crate) struct RepeatedText {
    depth: usize,
    written: Option<Range<usize>>,
}

impl RepeatedText {
    /// Copies the first occurrence. Returns `false` if there is none.
    fn copy(&self, text: &mut Buffer, empty: &mut bool) -> bool {
        let Some(written) = self.written.clone().filter(|_| self.depth == text.depth) else {
            return false;
        };
        if !written.is_empty() {
            separate(text, empty);
            text.out.extend_from_within(written);
        }
        true
    }

    /// Records the text since `start`, without the comma before it.
    fn keep(&mut self, text: &Buffer, start: usize, comma: bool) {
        let end = text.out.len();
        *self =
            Self { depth: text.depth, written: Some((start + usize::from(comma)).min(end)..end) };
    }
}

impl Object<'_> {
    /// Writes the members of a fragment.
    pub(crate) fn fragment(&mut self, Fragment(members): &Fragment) {
        if !members.is_empty() {
            separate(self.text, &mut self.empty);
            self.text.out.push_str(members);
        }
    }

    /// Writes the members of a template with `names` in its placeholders. `fill` writes the
    /// template on first use and must always write the same members.
    pub(crate) fn template(
        &mut self,
        template: &mut Template,
        names: [&str; 4],
        fill: impl FnOnce(&mut Object<'_>),
    ) {
        if template.depth != self.text.depth {
            *template = Template::parse(self.text.depth, self.text.inline, fill);
        }
        separate(self.text, &mut self.empty);
        for (piece, placeholder) in &template.pieces {
            self.text.out.push_str(piece);
            if let Some(name) = placeholder.and_then(|placeholder| names.get(placeholder)) {
                self.text.escaped(name);
            }
        }
    }

    /// Writes the members that `fill` writes; after the first use they are copied.
    pub(crate) fn repeat(&mut self, repeat: &mut RepeatedText, fill: impl FnOnce(&mut Object<'_>)) {
        if !repeat.copy(self.text, &mut self.empty) {
            let (start, comma) = (self.text.out.len(), !self.empty);
            fill(self);
            repeat.keep(self.text, start, comma);
        }
    }
}

impl Array<'_> {
    /// Writes the items that `fill` writes; after the first use they are copied.
    pub(crate) fn repeat(&mut self, repeat: &mut RepeatedText, fill: impl FnOnce(&mut Array<'_>)) {
        if !repeat.copy(self.text, &mut self.empty) {
            let (start, comma) = (self.text.out.len(), !self.empty);
            fill(self);
            repeat.keep(self.text, start, comma);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::write::document;
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn fragments_print_like_direct_members() {
        let fill = |object: &mut Object<'_>| {
            object.string("type", "a\"b");
            object.strings("of", &["x"]);
        };
        let (inline, block, none) = (
            Fragment::inline(fill),
            Fragment::block(2, fill),
            Fragment::inline(|_: &mut Object<'_>| {}),
        );
        let build = |put: &dyn Fn(&mut Object<'_>, bool)| {
            document(0, |top| {
                for first in [true, false] {
                    let begin = move |object: &mut Object<'_>| {
                        if first {
                            object.boolean("first", first);
                        }
                    };
                    top.inline("inline", |object| {
                        begin(object);
                        put(object, true);
                    });
                    top.object("block", |object| {
                        begin(object);
                        put(object, false);
                    });
                }
            })
        };
        let pasted = build(&|object, on_a_line| {
            object.fragment(&none);
            object.fragment(if on_a_line { &inline } else { &block });
        });
        assert_eq!(pasted, build(&|object, _| fill(object)));
    }

    #[test]
    fn templates_print_like_direct_members() {
        let fill = |object: &mut Object<'_>, key: &str| {
            object.parts("id", &[key, ".list"]);
            object.object_at(&["/", key], |path| path.strings("tags", &[key]));
        };
        let mut template = Template::default();
        let [placeholder, ..] = Template::PLACEHOLDERS;
        let filled = document(0, |top| {
            for key in ["tasks", "a\"b"] {
                top.object(key, |object| {
                    object.boolean("first", true);
                    object.template(&mut template, [key, "", "", ""], |object| {
                        fill(object, placeholder)
                    });
                });
            }
            // At another depth the template is parsed again.
            top.template(&mut template, ["x", "", "", ""], |object| fill(object, placeholder));
        });
        let plain = document(0, |top| {
            for key in ["tasks", "a\"b"] {
                top.object(key, |object| {
                    object.boolean("first", true);
                    fill(object, key);
                });
            }
            fill(top, "x");
        });
        assert_eq!(filled, plain);
    }

    #[test]
    fn repeated_text_prints_like_direct_members() {
        let fill = |object: &mut Object<'_>| {
            object.boolean("a", true);
            object.boolean("b", false);
        };
        let nothing = |_: &mut Object<'_>| {};
        let repeat = &mut RepeatedText::default();
        let none = &mut RepeatedText::default();
        let repeated = document(0, |top| {
            for name in ["x", "y"] {
                top.object(name, |object| {
                    object.repeat(none, nothing);
                    if name == "x" {
                        object.boolean("own", true);
                    }
                    object.repeat(repeat, fill);
                });
            }
            top.repeat(repeat, fill);
        });
        let again: Value = serde_json::from_str(&repeated).expect("the document is JSON");
        let both = json!({"a": true, "b": false});
        assert_eq!(
            again,
            json!({"x": {"own": true, "a": true, "b": false}, "y": both, "a": true, "b": false})
        );
    }
}
