//! Emits `models.py`: the types of rows, creates, patches and conditions.
//!
//! A row is a frozen dataclass. What programs write are dictionaries with known keys, in which an
//! absent key differs from `None`. Enums are closed in what programs write, and open in rows.

use super::kind::Kind;
use super::literal::Str;
use super::name::{Ident, ModelNames, enum_fields};
use super::writer::{Code, Writer, line};
use crate::shape::{FieldShape, RowShape};
use ablo_schema::schema::{Field, FieldKind};

/// Returns the text of the file.
pub(super) fn models(rows: &[RowShape<'_>], names: &[ModelNames]) -> String {
    let mut w = Writer::file("Rows of the schema's models, and what programs write and search.");
    if rows.is_empty() {
        return w.finish();
    }
    line!(w, "from dataclasses import dataclass");
    line!(w, "from datetime import datetime");
    let mut fields = rows.iter().flat_map(|row| &row.fields);
    if fields.any(|shape| Kind::of(shape.field) == Kind::Decimal) {
        line!(w, "from decimal import Decimal");
    }
    line!(w, "from typing import Literal, TypeAlias, TypedDict");
    w.gap(1);
    line!(w, "from .runtime import values");
    for (row, names) in rows.iter().zip(names) {
        w.gap(1);
        write_enums(&mut w, row, names);
        let members = members(row, names);
        write_row(&mut w, row, names, &members);
        write_create(&mut w, names, &members);
        write_patch(&mut w, names, &members);
        write_relative(&mut w, names, &members);
        write_where(&mut w, names, &members);
    }
    w.finish()
}

/// A member of a row.
struct Member<'a> {
    name: &'a Ident,
    kind: Kind,
    /// Whether it may be absent from a row.
    optional: bool,
    /// The type of its known values.
    known: Option<&'a Ident>,
    declared: Option<&'a Field>,
    /// The shape, unless it is a base field.
    shape: Option<&'a FieldShape<'a>>,
}

fn members<'a>(row: &'a RowShape<'a>, names: &'a ModelNames) -> Vec<Member<'a>> {
    let mut enums = names.enums.iter();
    let base = row.base.iter().map(|base| {
        // The coordinator sets the last two: a row that is not confirmed yet lacks them.
        (Kind::of_base(base.base.kind()), base.optional, None, base.declared, None)
    });
    let declared = row.fields.iter().map(|shape| {
        let is_enum = matches!(shape.field.kind, FieldKind::Enum(_));
        let known = if is_enum { enums.next() } else { None };
        (Kind::of(shape.field), shape.field.optional, known, Some(shape.field), Some(shape))
    });
    let all: Vec<_> = base.chain(declared).collect();
    all.into_iter()
        .zip(&names.members)
        .map(|((kind, optional, known, declared, shape), name)| Member {
            name,
            kind,
            optional,
            known,
            declared,
            shape,
        })
        .collect()
}

/// A type with `| None`, `| str` or `| values.Unset` after it.
struct Typed<'a>(&'a Member<'a>, &'static str, bool);

impl Code for Typed<'_> {
    fn code(&self, w: &mut Writer) {
        let Typed(member, rest, is_read) = self;
        match member.known {
            Some(name) => name.code(w),
            None => w.push(if *is_read { member.kind.read() } else { member.kind.written() }),
        }
        w.push(rest);
    }
}

// TaskStatus: TypeAlias = Literal["todo", "done"]
fn write_enums(w: &mut Writer, row: &RowShape<'_>, names: &ModelNames) {
    for (shape, name) in enum_fields(row).zip(&names.enums) {
        let FieldKind::Enum(values) = &shape.field.kind else { continue };
        w.gap(1);
        line!(w, name, ": TypeAlias = Literal[", Values(values), "]");
        line!(w, "\"\"\"The known values. Rows may have others, from newer writers.\"\"\"");
    }
}

struct Values<'a>(&'a [Box<str>]);

impl Code for Values<'_> {
    fn code(&self, w: &mut Writer) {
        for (at, value) in self.0.iter().enumerate() {
            w.push(if at == 0 { "" } else { ", " });
            Str(value).code(w);
        }
    }
}

// @dataclass(frozen=True, kw_only=True)
// class Task:
//     id: str
//     status: TaskStatus | str
fn write_row(w: &mut Writer, row: &RowShape<'_>, names: &ModelNames, members: &[Member<'_>]) {
    w.gap(2);
    line!(w, "@dataclass(frozen=True, slots=True, kw_only=True)");
    line!(w, "class ", names.row, ":");
    w.indented(|w| {
        let about = format!("A row of `{}`.", row.model.key.as_str());
        line!(w, Str(&about));
        w.gap(1);
        for member in members {
            let rest = match (member.known.is_some(), member.optional) {
                (true, true) => " | str | None",
                (true, false) => " | str",
                (false, true) => " | None",
                (false, false) => "",
            };
            line!(w, member.name, ": ", Typed(member, rest, true));
            write_doc(w, member);
        }
    });
}

fn write_doc(w: &mut Writer, member: &Member<'_>) {
    let Some(facets) = member.declared.map(|field| &field.facets) else { return };
    let mut text = facets.description.as_deref().unwrap_or_default().trim().to_owned();
    if let Some(deprecated) = &facets.deprecated {
        let note = deprecated.note.as_deref().unwrap_or_default();
        text = format!("{text} Deprecated. {note}").trim().to_owned();
    }
    if !text.is_empty() {
        line!(w, Str(&text));
    }
}

fn write_create(w: &mut Writer, names: &ModelNames, members: &[Member<'_>]) {
    let may_lack = |member: &&Member<'_>| member.shape.is_none_or(|shape| shape.create_optional);
    let required: Vec<&Member<'_>> = members.iter().filter(|member| !may_lack(member)).collect();
    w.gap(2);
    if required.is_empty() {
        line!(w, "class ", names.create, "(TypedDict, total=False):");
    } else {
        line!(w, "class _", names.create, "Required(TypedDict):");
        w.indented(|w| {
            for member in required {
                line!(w, member.name, ": ", Typed(member, nullable(member.optional), false));
            }
        });
        w.gap(2);
        line!(w, "class ", names.create, "(_", names.create, "Required, total=False):");
    }
    w.indented(|w| {
        line!(w, "\"\"\"The data of a new row.\"\"\"");
        w.gap(1);
        line!(w, "id: str");
        for member in members.iter().filter(may_lack).filter(|member| member.shape.is_some()) {
            line!(w, member.name, ": ", Typed(member, unset(member.optional), false));
        }
    });
}

fn nullable(nullable: bool) -> &'static str {
    if nullable { " | None" } else { "" }
}

fn unset(nullable: bool) -> &'static str {
    if nullable { " | values.Unset | None" } else { " | values.Unset" }
}

fn write_patch(w: &mut Writer, names: &ModelNames, members: &[Member<'_>]) {
    w.gap(2);
    line!(w, "class ", names.patch, "(TypedDict, total=False):");
    w.indented(|w| {
        line!(
            w,
            "\"\"\"A change of a row: absent members keep their value, `None` clears it.\"\"\""
        );
        w.gap(1);
        for member in members {
            let Some(shape) = member.shape else { continue };
            line!(w, member.name, ": ", Typed(member, unset(shape.clearable), false));
        }
    });
}

fn write_relative(w: &mut Writer, names: &ModelNames, members: &[Member<'_>]) {
    w.gap(2);
    line!(w, "class ", names.relative, "(TypedDict, total=False):");
    w.indented(|w| {
        line!(w, "\"\"\"Changes of a row that start from the current values.\"\"\"");
        w.gap(1);
        for member in members {
            let Some(shape) = member.shape.filter(|one| !one.field.facets.relative.is_empty())
            else {
                continue;
            };
            w.begin_line();
            member.name.code(w);
            for (at, operation) in shape.field.facets.relative.iter().enumerate() {
                w.push(if at == 0 { ": " } else { " | " });
                w.push(member.kind.relative(*operation));
            }
            w.push("\n");
        }
    });
}

fn write_where(w: &mut Writer, names: &ModelNames, members: &[Member<'_>]) {
    w.gap(2);
    line!(w, "class ", names.filter, "(TypedDict, total=False):");
    w.indented(|w| {
        line!(w, "\"\"\"Conditions on rows, all of which must hold.\"\"\"");
        w.gap(1);
        for member in members {
            let Some(condition) = member.kind.condition() else { continue };
            line!(w, member.name, ": ", condition);
        }
    });
    w.gap(2);
    line!(w, names.order, ": TypeAlias = Literal[");
    w.indented(|w| {
        for member in members.iter().filter(|member| member.kind.condition().is_some()) {
            line!(w, Str(member.name.as_str()), ",");
        }
    });
    line!(w, "]");
    line!(w, "\"\"\"The members that lists can be sorted by.\"\"\"");
}
