//! Reads relations: `belongs_to` on a field or a struct, `has_many` and `has_one` on a struct.

use super::arguments::{Arguments, report_wrong_value, text_value};
use super::attribute::{Argument, ArgumentKind, AttributeValue};
use super::casing::lower_camel;
use super::{ReadContext, plain};
use crate::diag::{Applicability, Code, Place, SpanId, Spanned};
use crate::raw::{CowStr, Maybe, RawOptions};
use crate::schema::RelationKind;
use crate::value::{Members, Value};
use syn::{Ident, Path};

/// The target of a relation, as written.
#[derive(Debug)]
pub struct RustTarget {
    /// Its path.
    pub path: Path,
    pub(crate) at: SpanId,
}

/// A relation with an unresolved target.
#[derive(Debug)]
pub(crate) struct RustRelation {
    pub(crate) name: Spanned<CowStr<'static>>,
    pub(crate) at: SpanId,
    pub(crate) kind: RelationKind,
    pub(crate) target: RustTarget,
    /// The name on the wire.
    pub(crate) foreign_key: Maybe<CowStr<'static>>,
    pub(crate) options: RustRelationOptions,
    pub(crate) order_by: Maybe<CowStr<'static>>,
}

/// The options of a `belongs_to`.
#[derive(Debug, Default)]
pub(crate) struct RustRelationOptions([Option<SpanId>; 5]);

/// The arguments of `belongs_to`, `has_many` and `has_one`. A relation with one of these names
/// cannot be declared.
pub const ARGUMENTS: [&str; 7] =
    ["foreign_key", "order_by", "index", "enrich", "defer", "parent", "fk"];

const OPTIONS: [&str; 5] = ["index", "enrich", "defer", "parent", "fk"];

impl RustRelationOptions {
    /// Removes the options from the arguments of a field or a relation.
    pub(crate) fn take(arguments: &mut Arguments, cx: &mut ReadContext) -> Self {
        Self(
            OPTIONS
                .map(|name| arguments.flag(name, cx).filter(|flag| flag.value).map(|flag| flag.at)),
        )
    }

    /// Returns the first option that is set.
    pub(crate) fn first(&self) -> Option<(&'static str, SpanId)> {
        OPTIONS.iter().zip(self.0).find_map(|(name, at)| at.map(|at| (*name, at)))
    }

    /// Converts the options to the raw form, as the JSON front end does.
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

/// Creates the relation of a field.
pub(crate) fn belongs_to(
    name: Spanned<CowStr<'static>>,
    at: SpanId,
    target: Path,
    foreign_key: Spanned<CowStr<'static>>,
    options: RustRelationOptions,
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

/// Reads a relation of a struct: `has_many(reports = Report, foreign_key = desk_id, order_by =
/// priority)`.
pub(crate) fn read(
    argument: Argument,
    kind: RelationKind,
    cx: &mut ReadContext,
) -> Option<RustRelation> {
    let word = plain(&argument.name);
    let span = argument.name.span();
    let example = match kind {
        RelationKind::BelongsTo => "belongs_to(author = User, foreign_key = author_id)",
        RelationKind::HasMany => "has_many(reports = Report, foreign_key = desk_id)",
        RelationKind::HasOne => "has_one(profile = Profile, foreign_key = user_id)",
    };
    let ArgumentKind::List(arguments) = argument.kind else {
        report_wrong_value(cx, &word, span, &argument.kind, &format!("write `{example}`"));
        return None;
    };
    let known: &[&'static str] = match kind {
        RelationKind::BelongsTo => &["foreign_key", "parent", "index", "enrich", "defer", "fk"],
        RelationKind::HasMany => &["foreign_key", "order_by"],
        RelationKind::HasOne => &["foreign_key"],
    };
    let (named, others): (Vec<_>, Vec<_>) = arguments.into_iter().partition(|one| {
        !ARGUMENTS.contains(&plain(&one.name).as_str())
            && matches!(one.kind, ArgumentKind::Value(AttributeValue::Path(_)))
    });
    let mut arguments = Arguments::new(others, &format!("`{word}`"), known, cx);
    let mut named = named.into_iter();
    let Some(Argument { name, kind: ArgumentKind::Value(AttributeValue::Path(path)) }) =
        named.next()
    else {
        cx.report(Code::RustAttributeValue, span, format!("missing name and model in `{word}`"))
            .help(format!("write `{example}`"));
        return None;
    };
    let extra_names = named.map(|second| second.name).collect();
    let has_unknown =
        report_extra_names(extra_names, &word, example, known, cx) || arguments.has_unknown();
    let field = |text: Spanned<CowStr<'static>>| {
        Spanned::new(CowStr::Owned(lower_camel(&text.value)), text.at)
    };
    let foreign_key = arguments.take("foreign_key");
    if foreign_key.is_none() && !has_unknown {
        cx.report(Code::RustAttributeValue, span, format!("missing `foreign_key` in `{word}`"))
            .help(format!("write `{example}`"));
    }
    let foreign_key =
        foreign_key.and_then(|argument| text_value(argument, "desk_id", cx)).map(field);
    let order_by = arguments.text("order_by", "priority", cx).map(field);
    let options = RustRelationOptions::take(&mut arguments, cx);
    let at = cx.at(name.span());
    let target_at = cx.at_tokens(&path);
    Some(RustRelation {
        name: Spanned::new(CowStr::Owned(lower_camel(&plain(&name))), at),
        at,
        kind,
        target: RustTarget { path, at: target_at },
        foreign_key,
        options,
        order_by,
    })
}

/// Reports arguments other than the relation's name. Returns whether one of them is similar to a
/// known argument.
fn report_extra_names(
    extra_names: Vec<Ident>,
    word: &str,
    example: &str,
    known: &[&'static str],
    cx: &mut ReadContext,
) -> bool {
    let mut has_unknown = false;
    for second in extra_names {
        if let Some(near) = cx.suggest.nearest(&plain(&second), known.iter().copied()) {
            has_unknown = true;
            let place = Place::Span(cx.at(second.span()));
            let message = format!("unknown attribute `{second}` on `{word}`");
            cx.report(Code::RustUnknownAttribute, second.span(), message)
                .help(format!("did you mean `{near}`?"))
                .fix(Applicability::MachineApplicable, place, near);
            continue;
        }
        cx.report(
            Code::RustAttributeValue,
            second.span(),
            format!("`{word}` declares more than one relation"),
        )
        .help(format!("write one `{word}` per relation: `{example}`"));
    }
    has_unknown
}
