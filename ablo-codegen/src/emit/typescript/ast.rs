//! The TypeScript types that ablo emits.
//!
//! A type is built, normalised and then written. The layout does not depend on the width: unions,
//! lists and objects of up to three parts are written on one line, longer ones with one line per
//! part, so that a change of one member changes one line.

use super::literal::{Key, Prose, Str};
use super::name::Ident;
use super::writer::{Code, Writer, line};
use std::borrow::Cow;

/// The number of parts that are written on one line.
const INLINE: usize = 3;

/// A type.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type<'a> {
    /// A keyword or a global type: `string`, `unknown`.
    Keyword(&'static str),
    /// `string` in a union with literals: accepts any string while editors still offer the
    /// literals.
    OpenString,
    /// A string literal.
    Literal(Cow<'a, str>),
    /// A number or a boolean literal.
    Scalar(serde_json::Value),
    /// A type declared in this file.
    Name(Ident),
    /// A type of another file, `wire.Delta`.
    Member(&'static str, Ident),
    /// `T[]`.
    Array(Box<Type<'a>>),
    /// `[A, B]`.
    Tuple(Vec<Type<'a>>),
    /// `A | B`, made by [`Type::union`].
    Union(Vec<Type<'a>>),
    /// `A & B`.
    Intersection(Vec<Type<'a>>),
    /// `{ [key: string]: T }`.
    Record(Box<Type<'a>>),
    /// `{ a: A; b?: B }`.
    Object(Vec<Property<'a>>),
}

/// A member of an object type.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Property<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) doc: Cow<'a, str>,
    pub(super) optional: bool,
    pub(super) value: Type<'a>,
}

impl<'a> Type<'a> {
    pub(super) const STRING: Self = Type::Keyword("string");
    pub(super) const NUMBER: Self = Type::Keyword("number");
    pub(super) const BOOLEAN: Self = Type::Keyword("boolean");
    pub(super) const NULL: Self = Type::Keyword("null");
    pub(super) const UNKNOWN: Self = Type::Keyword("unknown");
    pub(super) const NEVER: Self = Type::Keyword("never");
    #[cfg(test)]
    pub(super) const OBJECT: Self = Type::Keyword("object");
    pub(super) const JSON: Self = Type::Keyword("JsonValue");

    /// Returns the union of types in order: flat, without repetition, `null` last. `string` beside
    /// literals becomes [`Type::OpenString`], which keeps the literals.
    pub(super) fn union(parts: impl IntoIterator<Item = Type<'a>>) -> Self {
        let mut flat: Vec<Type<'a>> = Vec::new();
        let nested = parts.into_iter().flat_map(|part| match part {
            Type::Union(inner) => inner,
            other => vec![other],
        });
        for part in nested {
            if part != Type::NEVER && !flat.contains(&part) {
                flat.push(part);
            }
        }
        if flat.contains(&Type::UNKNOWN) {
            return Type::UNKNOWN;
        }
        if flat.iter().any(|part| matches!(part, Type::Literal(_))) {
            move_last(&mut flat, &Type::STRING, Type::OpenString);
        }
        move_last(&mut flat, &Type::NULL, Type::NULL);
        match flat.len() {
            0 => Type::NEVER,
            1 => flat.swap_remove(0),
            _ => Type::Union(flat),
        }
    }
}

impl Type<'_> {
    /// Replaces `unknown` by the type of any JSON value.
    pub(super) fn or_json(self) -> Self {
        let all = |parts: Vec<Self>| parts.into_iter().map(Type::or_json).collect();
        match self {
            Type::UNKNOWN => Type::JSON,
            Type::Array(item) => Type::Array(Box::new(item.or_json())),
            Type::Record(value) => Type::Record(Box::new(value.or_json())),
            Type::Tuple(items) => Type::Tuple(all(items)),
            Type::Union(parts) => Type::Union(all(parts)),
            Type::Intersection(parts) => Type::Intersection(all(parts)),
            Type::Object(members) => Type::Object(
                members
                    .into_iter()
                    .map(|member| Property { value: member.value.or_json(), ..member })
                    .collect(),
            ),
            other => other,
        }
    }
}

fn move_last<'a>(parts: &mut Vec<Type<'a>>, part: &Type<'a>, new: Type<'a>) {
    let before = parts.len();
    parts.retain(|other| other != part);
    if parts.len() < before {
        parts.push(new);
    }
}

impl Code for Type<'_> {
    fn code(&self, w: &mut Writer) {
        match self {
            Type::Keyword(word) => w.push(word),
            Type::OpenString => w.push("(string & {})"),
            Type::Literal(text) => Str(text).code(w),
            Type::Scalar(value) => w.push(&value.to_string()),
            Type::Name(name) => name.code(w),
            Type::Member(module, name) => {
                w.push(module);
                w.push(".");
                name.code(w);
            }
            Type::Array(item) => {
                operand(item, w);
                w.push("[]");
            }
            Type::Tuple(items) => {
                w.push("[");
                separated(w, items, ", ", Code::code);
                w.push("]");
            }
            Type::Union(parts) if parts.len() > INLINE => w.indented(|w| {
                for part in parts {
                    w.break_line();
                    w.push("| ");
                    part.code(w);
                }
            }),
            Type::Union(parts) => separated(w, parts, " | ", Code::code),
            Type::Intersection(parts) => separated(w, parts, " & ", operand),
            Type::Record(value) => {
                w.push("{ [key: string]: ");
                value.code(w);
                w.push(" }");
            }
            Type::Object(members) => object(members, w),
        }
    }
}

fn separated<'t, 'a>(
    w: &mut Writer,
    parts: &'t [Type<'a>],
    between: &'static str,
    write: impl Fn(&'t Type<'a>, &mut Writer),
) {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            w.push(between);
        }
        write(part, w);
    }
}

/// Writes an operand of a type operator, with parentheses if needed.
fn operand(part: &Type<'_>, w: &mut Writer) {
    let compound = matches!(part, Type::Union(_) | Type::Intersection(_));
    if compound {
        w.push("(");
    }
    part.code(w);
    if compound {
        w.push(")");
    }
}

fn object(members: &[Property<'_>], w: &mut Writer) {
    if members.is_empty() {
        return w.push("object");
    }
    if members.len() > INLINE || members.iter().any(|member| !member.doc.is_empty()) {
        w.push("{\n");
        w.indented(|w| members.iter().for_each(|member| member.write_line(w)));
        w.begin_line();
        return w.push("}");
    }
    w.push("{ ");
    for (at, member) in members.iter().enumerate() {
        if at > 0 {
            w.push("; ");
        }
        member.code(w);
    }
    w.push(" }");
}

impl Property<'_> {
    /// Writes the member on its own lines, with its doc comment.
    pub(super) fn write_line(&self, w: &mut Writer) {
        w.doc(Prose::lines(&self.doc));
        line!(w, self, ";");
    }
}

impl Code for Property<'_> {
    fn code(&self, w: &mut Writer) {
        Key(&self.name).code(w);
        w.push(if self.optional { "?: " } else { ": " });
        self.value.code(w);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(part: &Type<'_>) -> String {
        let mut w = Writer::part();
        part.code(&mut w);
        w.finish()
    }

    fn or_null(part: Type<'static>) -> Type<'static> {
        Type::union([part, Type::NULL])
    }

    fn literal(text: &str) -> Type<'_> {
        Type::Literal(text.into())
    }

    fn member(name: &'static str, optional: bool, value: Type<'static>) -> Property<'static> {
        Property { name: name.into(), doc: "".into(), optional, value }
    }

    #[test]
    fn unions_are_normalised() {
        assert_eq!(code(&Type::union([Type::NULL, Type::STRING, Type::NULL])), "string | null");
        assert_eq!(code(&or_null(or_null(Type::NUMBER))), "number | null");
        assert_eq!(
            code(&Type::union([Type::STRING, literal("a"), Type::NULL])),
            "\"a\" | (string & {}) | null"
        );
        assert_eq!(code(&Type::union([])), "never");
        assert_eq!(code(&Type::union([Type::NULL, Type::UNKNOWN])), "unknown");
    }

    #[test]
    fn operands_are_parenthesised() {
        let list = Type::Array(Box::new(or_null(Type::STRING)));
        assert_eq!(code(&list), "(string | null)[]");
        assert_eq!(code(&Type::Array(Box::new(list))), "(string | null)[][]");
        assert_eq!(
            code(&Type::Intersection(vec![Type::OBJECT, or_null(Type::NUMBER)])),
            "object & (number | null)"
        );
    }

    #[test]
    fn long_types_have_one_line_per_part() {
        let union = Type::union(["a", "b", "c", "d"].map(literal));
        assert_eq!(code(&union), "\n  | \"a\"\n  | \"b\"\n  | \"c\"\n  | \"d\"");
        let short =
            Type::Object(vec![member("a", false, Type::STRING), member("b-c", true, Type::NUMBER)]);
        assert_eq!(code(&short), "{ a: string; \"b-c\"?: number }");
        let long = Type::Object(
            ["a", "b", "c", "d"].map(|name| member(name, false, Type::STRING)).to_vec(),
        );
        assert_eq!(code(&long), "{\n  a: string;\n  b: string;\n  c: string;\n  d: string;\n}");
    }
}
