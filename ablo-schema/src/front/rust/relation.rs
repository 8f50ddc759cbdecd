//! Relations: `belongs_to` on a field or a struct, `has_many` and `has_one` on a struct.

use super::attribute::{Argument, Given, Said};
use super::slots::{Slots, text_of, wrong};
use super::words::lower_camel;
use super::{Reader, plain};
use crate::diag::{Code, SpanId, Spanned};
use crate::raw::{Maybe, RawOptions, Text};
use crate::schema::RelationKind;
use crate::value::{Members, Value};
use syn::{Ident, Path};

/// The model a relation leads to, as it was written.
#[derive(Debug)]
pub struct RustTarget {
    /// Its path.
    pub path: Path,
    pub(crate) at: SpanId,
}

/// A relation whose target is not resolved.
#[derive(Debug)]
pub(crate) struct RustRelation {
    pub(crate) name: Spanned<Text<'static>>,
    pub(crate) at: SpanId,
    pub(crate) kind: RelationKind,
    pub(crate) target: RustTarget,
    /// On the wire.
    pub(crate) foreign_key: Maybe<Text<'static>>,
    pub(crate) options: Options,
    pub(crate) order_by: Maybe<Text<'static>>,
}

/// The options of a `belongs_to`.
#[derive(Debug, Default)]
pub(crate) struct Options([Option<SpanId>; 5]);

/// What `belongs_to`, `has_many` and `has_one` say beside name and model: no relation has one of these as its name.
pub const WORDS: [&str; 7] =
    ["foreign_key", "order_by", "index", "enrich", "defer", "parent", "fk"];

const OPTIONS: [&str; 5] = ["index", "enrich", "defer", "parent", "fk"];

impl Options {
    /// Takes the options out of the words of a field or of a relation.
    pub(crate) fn take(slots: &mut Slots, reader: &mut Reader) -> Self {
        Self(
            OPTIONS
                .map(|name| slots.flag(name, reader).filter(|flag| flag.value).map(|flag| flag.at)),
        )
    }

    /// The first option that is set.
    pub(crate) fn first(&self) -> Option<(&'static str, SpanId)> {
        OPTIONS.iter().zip(self.0).find_map(|(name, at)| at.map(|at| (*name, at)))
    }

    /// As the JSON front would have them.
    pub(crate) fn raw(&self) -> Option<Spanned<RawOptions>> {
        let (_, at) = self.first()?;
        let [index, enrich, defer, parent, fk] = self.0;
        let members: Members = OPTIONS
            .iter()
            .zip(self.0)
            .filter(|(_, set)| set.is_some())
            .map(|(name, _)| ((*name).into(), Value::Bool(true)))
            .collect();
        let flag = |at: Option<SpanId>| at.map(|at| Spanned::new(true, at));
        let options = RawOptions {
            index: index.is_some(),
            enrich: enrich.is_some(),
            defer: defer.is_some(),
            parent: flag(parent),
            fk: flag(fk),
            members,
        };
        Some(Spanned::new(options, at))
    }
}

/// The relation of a field.
pub(crate) fn belongs_to(
    name: Spanned<Text<'static>>,
    at: SpanId,
    target: Path,
    foreign_key: Spanned<Text<'static>>,
    options: Options,
) -> RustRelation {
    let target = RustTarget { path: target, at };
    RustRelation {
        name,
        at,
        kind: RelationKind::BelongsTo,
        target,
        foreign_key: Some(foreign_key),
        options,
        order_by: None,
    }
}

/// A relation of a struct: `has_many(reports = Report, foreign_key = desk_id, order_by = priority)`.
pub(crate) fn read(
    argument: Argument,
    kind: RelationKind,
    reader: &mut Reader,
) -> Option<RustRelation> {
    let word = plain(&argument.name);
    let span = argument.name.span();
    let example = match kind {
        RelationKind::BelongsTo => "belongs_to(author = User, foreign_key = author_id)",
        RelationKind::HasMany => "has_many(reports = Report, foreign_key = desk_id)",
        RelationKind::HasOne => "has_one(profile = Profile, foreign_key = user_id)",
    };
    let Said::List(arguments) = argument.said else {
        wrong(reader, &word, span, &argument.said, &format!("write `{example}`"));
        return None;
    };
    let known: &[&'static str] = match kind {
        RelationKind::BelongsTo => &["foreign_key", "parent", "index", "enrich", "defer", "fk"],
        RelationKind::HasMany => &["foreign_key", "order_by"],
        RelationKind::HasOne => &["foreign_key"],
    };
    let (named, others): (Vec<_>, Vec<_>) = arguments.into_iter().partition(|one| {
        !WORDS.contains(&plain(&one.name).as_str()) && matches!(one.said, Said::Is(Given::Path(_)))
    });
    let mut slots = Slots::new(others, &format!("`{word}`"), known, reader);
    let mut named = named.into_iter();
    let Some(Argument { name, said: Said::Is(Given::Path(path)) }) = named.next() else {
        reader
            .say(
                Code::RustAttributeValue,
                span,
                format!("`{word}` does not say its name and model"),
            )
            .help(format!("write `{example}`"));
        return None;
    };
    let seconds = named.map(|second| second.name).collect();
    let has_strangers =
        say_seconds(seconds, &word, example, known, reader) || slots.has_strangers();
    let field =
        |text: Spanned<Text<'static>>| Spanned::new(Text::Owned(lower_camel(&text.value)), text.at);
    let foreign_key = slots.take("foreign_key");
    if foreign_key.is_none() && !has_strangers {
        reader
            .say(Code::RustAttributeValue, span, format!("`{word}` does not say `foreign_key`"))
            .help(format!("write `{example}`"));
    }
    let foreign_key =
        foreign_key.and_then(|argument| text_of(argument, "desk_id", reader)).map(field);
    let order_by = slots.text("order_by", "priority", reader).map(field);
    let options = Options::take(&mut slots, reader);
    let at = reader.at(name.span());
    let target_at = reader.at_tokens(&path);
    Some(RustRelation {
        name: Spanned::new(Text::Owned(lower_camel(&plain(&name))), at),
        at,
        kind,
        target: RustTarget { path, at: target_at },
        foreign_key,
        options,
        order_by,
    })
}

/// Says what is wrong with words beside the relation's name; whether one of them is near to a word that there is.
fn say_seconds(
    seconds: Vec<Ident>,
    word: &str,
    example: &str,
    known: &[&'static str],
    reader: &mut Reader,
) -> bool {
    let mut has_strangers = false;
    for second in seconds {
        if let Some(near) = reader.suggest.nearest(&plain(&second), known.iter().copied()) {
            has_strangers = true;
            let message = format!("`{word}` has no attribute `{second}`");
            reader
                .say(Code::RustUnknownAttribute, second.span(), message)
                .help(format!("did you mean `{near}`?"));
            continue;
        }
        reader
            .say(
                Code::RustAttributeValue,
                second.span(),
                format!("`{word}` is one relation, and this names a second"),
            )
            .help(format!("say each by itself: `{example}`"));
    }
    has_strangers
}
