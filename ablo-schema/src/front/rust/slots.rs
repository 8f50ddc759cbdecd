//! The words of one attribute, by name: each once, unless it may be said again, and none that nobody knows.

use super::attribute::{Argument, Given, Said};
use super::{Reader, plain};
use crate::diag::{Code, Spanned};
use crate::raw::{Maybe, Text};
use proc_macro2::Span;
use std::collections::BTreeMap;
use syn::Lit;

/// The words that were said, to be taken out one by one.
pub(crate) struct Slots {
    said: BTreeMap<&'static str, Vec<(usize, Argument)>>,
    strangers: bool,
}

/// Words that may be said more than once.
const REPEATABLE: [&str; 6] =
    ["has_many", "has_one", "belongs_to", "entity_role", "base", "auto_fill"];

impl Slots {
    /// Sorts arguments into slots. `whose` names what they belong to in messages.
    pub(crate) fn new(
        arguments: Vec<Argument>,
        whose: &str,
        known: &[&'static str],
        reader: &mut Reader,
    ) -> Self {
        let mut said: BTreeMap<&'static str, Vec<(usize, Argument)>> = BTreeMap::new();
        let mut strangers = false;
        for (at, argument) in arguments.into_iter().enumerate() {
            if matches!(argument.said, Said::Literal(_)) {
                wrong(
                    reader,
                    whose,
                    argument.name.span(),
                    &argument.said,
                    "write a word, and `=` before its value",
                );
                strangers = true;
                continue;
            }
            let name = plain(&argument.name);
            let Some(slot) = known.iter().find(|known| **known == name) else {
                let elsewhere = homes(&name).map(|home| format!("{home} has it: write it there"));
                let help = elsewhere.or_else(|| reader.suggest.help(&name, known.iter().copied()));
                let help = help.unwrap_or_else(|| {
                    "see the list of attributes in docs/guide/rust-models.md".to_owned()
                });
                strangers = true;
                let message = format!("{whose} has no attribute `{name}`");
                reader.say(Code::RustUnknownAttribute, argument.name.span(), message).help(help);
                continue;
            };
            let all = said.entry(slot).or_default();
            if let Some((_, first)) = all.first().filter(|_| !REPEATABLE.contains(slot)) {
                let first = first.name.span();
                let first = reader.at(first);
                reader
                    .say(
                        Code::RustRepeatedAttribute,
                        argument.name.span(),
                        format!("`{name}` is said twice"),
                    )
                    .help("remove one of them")
                    .also(first, "first said here");
                continue;
            }
            all.push((at, argument));
        }
        Self { said, strangers }
    }

    /// Whether there were words that nobody knows: one of them may be what seems to be missing.
    pub(crate) fn has_strangers(&self) -> bool {
        self.strangers
    }

    /// Where a word was said, if it was.
    pub(crate) fn span(&self, name: &str) -> Option<Span> {
        self.said.get(name).and_then(|all| all.first()).map(|(_, argument)| argument.name.span())
    }

    pub(crate) fn take(&mut self, name: &'static str) -> Option<Argument> {
        self.said.remove(name).and_then(|all| all.into_iter().next()).map(|(_, argument)| argument)
    }

    pub(crate) fn take_all(&mut self, name: &'static str) -> Vec<Argument> {
        self.take_in_order([name])
    }

    /// Every argument with one of these words, in the order in which they were said.
    pub(crate) fn take_in_order<const N: usize>(
        &mut self,
        names: [&'static str; N],
    ) -> Vec<Argument> {
        let mut all: Vec<_> =
            names.iter().filter_map(|name| self.said.remove(name)).flatten().collect();
        all.sort_by_key(|(at, _)| *at);
        all.into_iter().map(|(_, argument)| argument).collect()
    }

    /// A word that stands alone, or with `= true` or `= false`.
    pub(crate) fn flag(&mut self, name: &'static str, reader: &mut Reader) -> Maybe<bool> {
        let argument = self.take(name)?;
        let span = argument.name.span();
        match argument.said {
            Said::Flag => Some(reader.spanned(true, span)),
            Said::Is(Given::Literal { minus: false, literal: Lit::Bool(flag) }) => {
                Some(reader.spanned(flag.value, flag.span))
            }
            said => {
                wrong(reader, name, span, &said, &format!("write `{name}` alone"));
                None
            }
        }
    }

    /// `name = "text"` or `name = word`.
    pub(crate) fn text(
        &mut self,
        name: &'static str,
        example: &str,
        reader: &mut Reader,
    ) -> Maybe<Text<'static>> {
        let argument = self.take(name)?;
        text_of(argument, example, reader)
    }

    /// One of a closed set of words.
    pub(crate) fn word<T: Copy>(
        &mut self,
        name: &'static str,
        all: &[T],
        word: fn(T) -> &'static str,
        reader: &mut Reader,
    ) -> Maybe<T> {
        let words: Vec<&str> = all.iter().map(|one| word(*one)).collect();
        let example = words.first().copied().unwrap_or_default();
        let text = self.text(name, example, reader)?;
        if let Some(found) = all.iter().find(|one| word(**one) == text.value) {
            return Some(Spanned::new(*found, text.at));
        }
        let help = reader.suggest.help(&text.value, words.iter().copied());
        let said = reader.diagnostics.push(
            Code::RustAttributeValue,
            text.at,
            format!("`{}` is no `{name}`", text.value),
        );
        said.help = help.or_else(|| Some(format!("choose from {}", words.join(", "))));
        None
    }

    /// A whole number.
    pub(crate) fn number(
        &mut self,
        name: &'static str,
        example: &str,
        reader: &mut Reader,
    ) -> Maybe<f64> {
        let argument = self.take(name)?;
        let span = argument.name.span();
        if let Said::Is(Given::Literal { minus, literal: Lit::Int(number) }) = &argument.said
            && let Ok(number) = number.base10_parse::<u32>()
        {
            let number = f64::from(number);
            return Some(reader.spanned(if *minus { -number } else { number }, span));
        }
        wrong(reader, name, span, &argument.said, &format!("write `{name} = {example}`"));
        None
    }

    /// `name(…)`, its arguments sorted into slots of their own.
    pub(crate) fn list(
        &mut self,
        name: &'static str,
        known: &[&'static str],
        example: &str,
        reader: &mut Reader,
    ) -> Option<(Slots, Span)> {
        let argument = self.take(name)?;
        let span = argument.name.span();
        match argument.said {
            Said::List(arguments) => {
                Some((Slots::new(arguments, &format!("`{name}`"), known, reader), span))
            }
            said => {
                wrong(reader, name, span, &said, &format!("write `{example}`"));
                None
            }
        }
    }
}

/// The item that has a word.
fn homes(word: &str) -> Option<&'static str> {
    let homes: [(&str, &[&str]); 4] = [
        ("a model", &super::model::MODEL),
        ("a field", &super::field::FIELD),
        ("an enum", &["rename_all"]),
        ("a variant", &["value", "other"]),
    ];
    homes.into_iter().find(|(_, words)| words.contains(&word)).map(|(home, _)| home)
}

/// The text that is given to a word.
pub(crate) fn text_of(
    argument: Argument,
    example: &str,
    reader: &mut Reader,
) -> Maybe<Text<'static>> {
    let Argument { name, said } = argument;
    if let Said::Is(given) = &said
        && let Some(text) = given.text()
    {
        return Some(reader.text(text, given.span()));
    }
    wrong(
        reader,
        &plain(&name),
        name.span(),
        &said,
        &format!("write `{} = {example}`", plain(&name)),
    );
    None
}

/// A word that only names something: `subject = user`.
pub(crate) fn wrong(reader: &mut Reader, name: &str, span: Span, said: &Said, help: &str) {
    let message = match said {
        Said::Flag => format!("`{name}` needs a value"),
        Said::Is(_) => format!("`{name}` takes no value of this kind"),
        Said::List(_) => format!("`{name}` takes no list"),
        Said::Of(_) => format!("`{name}` takes no type"),
        Said::Literal(_) => "a literal stands here where a word belongs".to_owned(),
    };
    let span = match said {
        Said::Is(given) => given.span(),
        _ => span,
    };
    reader.say(Code::RustAttributeValue, span, message).help(help);
}

/// The value that must be there, or a word about its absence.
pub(crate) fn required<T>(
    value: Option<T>,
    has: bool,
    whose: &str,
    name: &str,
    span: Span,
    reader: &mut Reader,
) -> Option<T> {
    if value.is_none() && !has {
        reader
            .say(Code::RustAttributeValue, span, format!("{whose} does not say `{name}`"))
            .help(format!("add `{name} = …`"));
    }
    value
}
