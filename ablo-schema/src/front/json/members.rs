//! The members of a Schema JSON document, level by level.
//!
//! The reader, the JSON Schema of the document ([`super::document_schema`]) and the tables of
//! docs/reference/schema-json.md are made from this one table.

mod levels;

pub(super) use levels::TENANCY_KINDS;
pub use levels::{
    AUTO_FILL, DOCUMENT, FIELD, GRANTS, LEVELS, MODEL, OPTIONS, PERSIST, RELATION, ROLE, SOURCE,
    TENANCY, VIA,
};

use super::node::{Member, Node, NodeKind};
use crate::diag::Applicability;

/// The prefix of members that authors use freely. They have no effect.
pub const FREE_PREFIX: &str = "x-";

/// One kind of object in a document.
#[derive(Debug)]
pub struct Level {
    /// The name in the JSON Schema, and the anchor of its section in the reference.
    pub name: &'static str,
    /// The meaning of such an object.
    pub about: &'static str,
    /// Its members in the order of the reference.
    pub members: &'static [Known],
    /// The members that are required, as bits of their positions.
    required: u32,
}

/// A known member.
#[derive(Debug)]
pub struct Known {
    /// The name.
    pub name: &'static str,
    /// The values that it accepts.
    pub kind: Kind,
    /// The meaning, one or more sentences of Markdown.
    pub about: &'static str,
    /// How to add the member, if it is required.
    pub required: Option<&'static str>,
    /// The member and its word that require this member, and without which it has no effect.
    pub goes_with: Option<(&'static str, &'static str)>,
    /// Whether Schema JSON v3 lacks it.
    pub is_facet: bool,
    /// Its names in other languages.
    pub also: &'static [&'static str],
}

/// The values of a member.
#[derive(Debug)]
pub enum Kind {
    /// The number of the version.
    Version,
    /// `true` or `false`.
    Boolean,
    /// A string.
    Text,
    /// A boolean or a string.
    BooleanOrText,
    /// A whole number in a range.
    Whole {
        /// The least value.
        min: u32,
        /// The greatest value.
        max: Option<u32>,
    },
    /// One of these words.
    OneOf(fn() -> Vec<&'static str>),
    /// A string, for which these words have a meaning.
    TextSuchAs(fn() -> Vec<&'static str>),
    /// A list of strings.
    Texts,
    /// A list of these words, each at most once.
    SomeOf(fn() -> Vec<&'static str>),
    /// Any JSON value.
    Any,
    /// A JSON Schema in object form.
    JsonSchema,
    /// An object of a level.
    Of(&'static Level),
    /// A list of objects of a level.
    ListOf(&'static Level),
    /// Objects of a level by their names, which authors choose.
    MapOf(&'static Level),
}

impl Kind {
    /// Returns whether a value can be one of these, by its type.
    pub(super) fn fits(&self, value: &Node<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Version | Self::Whole { .. } => matches!(value.kind, NodeKind::Number(_)),
            Self::Boolean => matches!(value.kind, NodeKind::Bool(_)),
            Self::Text | Self::OneOf(_) | Self::TextSuchAs(_) => {
                matches!(value.kind, NodeKind::String(_))
            }
            Self::BooleanOrText => matches!(value.kind, NodeKind::Bool(_) | NodeKind::String(_)),
            Self::Texts | Self::SomeOf(_) | Self::ListOf(_) => {
                matches!(value.kind, NodeKind::Array(_))
            }
            Self::JsonSchema | Self::Of(_) | Self::MapOf(_) => {
                matches!(value.kind, NodeKind::Object(_))
            }
        }
    }
}

impl Known {
    /// Returns the value that a required member usually has.
    pub(super) fn usual(&self) -> Option<(Applicability, &'static str)> {
        match self.kind {
            Kind::Version => Some((Applicability::MachineApplicable, "3")),
            Kind::MapOf(_) => Some((Applicability::MachineApplicable, "{}")),
            Kind::ListOf(_) => Some((Applicability::MachineApplicable, "[]")),
            Kind::Boolean => Some((Applicability::MaybeIncorrect, "false")),
            _ => None,
        }
    }
}

impl Level {
    const fn new(name: &'static str, about: &'static str, members: &'static [Known]) -> Self {
        let (mut required, mut at) = (0, 0);
        while at < members.len() {
            if members[at].required.is_some() {
                required |= 1 << at;
            }
            at += 1;
        }
        Self { name, about, members, required }
    }

    /// Returns whether members are missing that are required.
    pub(super) fn lacks(&self, present: u32) -> bool {
        self.required & !present != 0
    }

    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.members.iter().position(|known| known.name == name)
    }

    /// Returns the position of a member, which usually follows that of the member before it.
    pub(super) fn position_after(&self, before: Option<usize>, name: &str) -> Option<usize> {
        let next = before.map_or(0, |before| before + 1);
        let is_next = self.members.get(next).is_some_and(|known| known.name == name);
        if is_next { Some(next) } else { self.position(name) }
    }

    /// Returns the members that an object has to have, as bits of their positions.
    pub(super) fn expected(&self, members: &[Member<'_>]) -> u32 {
        let says = |name: &str, word: &str| {
            let mut named = members.iter().filter(|member| member.name == name);
            named.any(|member| matches!(&member.value.kind, NodeKind::String(it) if it == word))
        };
        let is_expected = |known: &Known| {
            known.required.is_some() || known.goes_with.is_some_and(|(name, word)| says(name, word))
        };
        let positions = (0..self.members.len()).filter(|at| is_expected(&self.members[*at]));
        positions.fold(0, |bits, at| bits | 1 << at)
    }

    /// Returns the member that an unknown name stands for in other languages.
    pub(super) fn called(&self, name: &str) -> Option<&'static str> {
        let mut members = self.members.iter();
        members
            .find(|known| known.also.iter().any(|also| also.eq_ignore_ascii_case(name)))
            .map(|known| known.name)
    }
}

const fn member(name: &'static str, kind: Kind, about: &'static str) -> Known {
    Known { name, kind, about, required: None, goes_with: None, is_facet: false, also: &[] }
}

const fn facet(name: &'static str, kind: Kind, about: &'static str) -> Known {
    Known { is_facet: true, ..member(name, kind, about) }
}

impl Known {
    const fn required(self, help: &'static str) -> Self {
        Self { required: Some(help), ..self }
    }

    const fn goes_with(self, member: &'static str, word: &'static str) -> Self {
        Self { goes_with: Some((member, word)), ..self }
    }

    const fn also(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{MODEL_MEMBERS, RELATION_MEMBERS};

    #[test]
    fn the_canonical_text_has_the_members_of_models_and_relations() {
        assert_eq!(MODEL.members.iter().map(|known| known.name).collect::<Vec<_>>(), MODEL_MEMBERS);
        let of_relation: Vec<_> = RELATION.members.iter().map(|known| known.name).collect();
        assert_eq!(of_relation, RELATION_MEMBERS);
    }

    #[test]
    fn names_are_unique_and_fit_the_bits() {
        for level in LEVELS {
            assert!(level.members.len() < 32);
            for (at, known) in level.members.iter().enumerate() {
                assert_eq!(level.position(known.name), Some(at), "{}", known.name);
                assert_eq!(level.called(known.name), None, "{}", known.name);
            }
        }
    }
}
