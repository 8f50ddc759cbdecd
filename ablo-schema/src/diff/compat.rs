//! Compatibility: what each step means for everyone else who holds the schema.
//!
//! A diff comes in, findings go out. Each [`Rule`] is a line of one table: a verdict for each [`Audience`], what it
//! means and what to do. docs/reference/compatibility.md is that table.

use super::Diff;
use super::cast::Cast;
use super::step::{Changes, FacetChange, RelationChange, Step};
use crate::schema::{Field, FieldKind, Plane, Tenancy};
use crate::value::Value;
use std::collections::BTreeMap;

/// Who holds a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    /// A client of the schema before, reading what one of the next writes.
    OldReadsNew,
    /// A client of the next schema, reading what one of the schema before wrote.
    NewReadsOld,
    /// A client of the schema before, writing.
    OldWrites,
    /// A program that is compiled against the generated Rust.
    Rust,
    /// A program that is compiled against the generated TypeScript.
    TypeScript,
    /// A client that is generated from the OpenAPI document.
    OpenApi,
    /// A reader of the binary form of deltas.
    Binary,
    /// The organisations, and those of one who should not see each other's rows.
    Isolation,
}

impl Audience {
    /// Everyone, in the order of the table.
    pub const ALL: [Audience; 8] = [
        Audience::OldReadsNew,
        Audience::NewReadsOld,
        Audience::OldWrites,
        Audience::Rust,
        Audience::TypeScript,
        Audience::OpenApi,
        Audience::Binary,
        Audience::Isolation,
    ];

    /// The word in a report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Audience::OldReadsNew => "oldReadsNew",
            Audience::NewReadsOld => "newReadsOld",
            Audience::OldWrites => "oldWrites",
            Audience::Rust => "rust",
            Audience::TypeScript => "typescript",
            Audience::OpenApi => "openapi",
            Audience::Binary => "binary",
            Audience::Isolation => "isolation",
        }
    }
}

/// What a step means for someone, from harmless on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// All goes on as before.
    Safe,
    /// It goes on, but something is missing, late or seen differently.
    Degrades,
    /// More may be seen than before.
    Loosens,
    /// Something that worked fails.
    Breaks,
}

impl Effect {
    /// The word in a report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Effect::Safe => "safe",
            Effect::Degrades => "degrades",
            Effect::Loosens => "loosens",
            Effect::Breaks => "breaks",
        }
    }
}

/// One thing that a step means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding<'s> {
    /// Which line of the table.
    pub rule: Rule,
    /// Which step.
    pub step: usize,
    /// The model; none for the roles of identities.
    pub model: Option<&'s str>,
    /// The field, where it is about one.
    pub field: Option<&'s str>,
}

const S: Effect = Effect::Safe;
const D: Effect = Effect::Degrades;
const L: Effect = Effect::Loosens;
const B: Effect = Effect::Breaks;

macro_rules! rules {
    ($($variant:ident = $id:literal, [$($effect:ident)*], $message:literal, $remedy:literal;)*) => {
        /// A line of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Rule {
            $(#[doc = $message] $variant,)*
        }

        impl Rule {
            /// Every rule, in the order of the documentation.
            pub const ALL: &[Rule] = &[$(Rule::$variant,)*];

            /// Its stable id, `ablo::compat::<what>`.
            #[must_use]
            pub fn id(self) -> &'static str {
                match self { $(Rule::$variant => concat!("ablo::compat::", $id),)* }
            }

            /// What it means for everyone, in the order of [`Audience::ALL`].
            #[must_use]
            pub fn effects(self) -> [Effect; 8] {
                match self { $(Rule::$variant => [$($effect),*],)* }
            }

            /// The worst of them.
            #[must_use]
            pub fn worst(self) -> Effect {
                self.effects().into_iter().max().unwrap_or(Effect::Safe)
            }

            /// What happens.
            #[must_use]
            pub fn message(self) -> &'static str {
                match self { $(Rule::$variant => $message,)* }
            }

            /// What to do.
            #[must_use]
            pub fn remedy(self) -> &'static str {
                match self { $(Rule::$variant => $remedy,)* }
            }
        }
    };
}

rules! {
    ModelAdded = "model_added", [S S S S S S S S],
        "A model comes; who does not know it keeps its rows as text.", "Nothing has to be done.";
    ModelRemoved = "model_removed", [B D B B B B D S],
        "A model goes; who still asks for it or writes it is refused.",
        "Let clients stop using it first, then remove it.";
    ModelRenamed = "model_renamed", [D D D B B B S S],
        "A model has another key; what addresses it by key has to follow.",
        "Generate anew, and deploy clients with the service.";
    TypenameChanged = "typename_changed", [B B B B B B B S],
        "A model has another name on the wire; the other side takes its rows for those of an unknown model.",
        "Keep `typename` as it was; it need not follow the key.";
    TableChanged = "table_changed", [S S S S S S S S],
        "A model has another table; only SQL knows tables.", "Change SQL that was written by hand.";
    PlaneChanged = "plane_changed", [D D D S S D S S],
        "A model moves between the customer's database and the service's own.",
        "Move the rows, and let clients bootstrap again.";
    TenancyLoosened = "tenancy_loosened", [S S S S S S S L],
        "Rows are no longer kept apart by organisation.", "Make sure that every row may be seen by all.";
    TenancyTightened = "tenancy_tightened", [D D D S S S S S],
        "Rows come to be kept apart by organisation; clients no longer see those of others.",
        "Let clients bootstrap again.";
    TenancyRerouted = "tenancy_rerouted", [D D D S S S S L],
        "Another column or parent says which organisation owns a row.",
        "Make sure that both agree for every row, and let clients bootstrap again.";
    TenancyColumnRenamed = "tenancy_column_renamed", [S S S S S S S S],
        "The column that says which organisation owns a row has another name; only SQL knows columns.",
        "Change SQL that was written by hand.";
    LoadChanged = "load_changed", [D S S S S S S S],
        "Rows are loaded at another time; an old client may look for rows before they are there.",
        "Deploy clients with the service.";
    WritesOpened = "writes_opened", [S S S S S S S S],
        "Clients may write the model.", "Nothing has to be done.";
    WritesClosed = "writes_closed", [S S B D D B S S],
        "Clients may no longer write the model.", "Let clients stop writing it first.";
    VisibilityChanged = "visibility_changed", [D D S S S S S L],
        "Rows belong to other sync groups, or identities may subscribe to others.",
        "Make sure that who joins these groups may see the rows.";
    VisibilityNarrowed = "visibility_narrowed", [D D S S S S S S],
        "Rows leave sync groups, or identities may no longer subscribe to some.",
        "Let clients bootstrap again.";
    HintChanged = "hint_changed", [D D S S S S S S],
        "Rows are loaded, kept or filled in otherwise; an old client goes on as it was generated.",
        "Deploy clients with the service.";
    OptionalFieldAdded = "optional_field_added", [S S S B S S S S],
        "A field comes that rows may lack. Struct literals and complete patterns in Rust have to name it.",
        "Build rows in Rust from what is read, or name the field.";
    RequiredFieldAdded = "required_field_added", [S B B B B B S S],
        "A field comes that every row must have, and neither old clients nor the rows that they wrote give it.",
        "Make it optional, or give it a `default`, until no old client writes.";
    DefaultedFieldAdded = "defaulted_field_added", [S D S B B S S S],
        "A field comes that has a default; rows that clients keep lack it until they are sent again.",
        "Let clients bootstrap again.";
    OptionalFieldRemoved = "optional_field_removed", [D S B B B B S S],
        "A field goes that rows could lack; writes that name it are refused.",
        "Mark it `deprecated` and let clients stop using it first.";
    RequiredFieldRemoved = "required_field_removed", [B S B B B B S S],
        "A field goes that every row had; old clients cannot read rows without it, and writes that name it are refused.",
        "Mark it `deprecated` and make it optional first.";
    FieldRenamed = "field_renamed", [B B B B B B S S],
        "A field has another name in JSON; the other side misses the one that it knows.",
        "Add the new field beside the old one, or deploy clients with the service.";
    ColumnChanged = "column_changed", [S S S S S S S S],
        "A field has another column; only SQL knows columns.", "Change SQL that was written by hand.";
    TypeChanged = "type_changed", [B B B B B B B S],
        "A field holds values of another type, which the other side refuses.",
        "Add a field of the new type beside it.";
    EnumBecameText = "enum_became_text", [S S S B B B S S],
        "An enum becomes any text; rows of both read as before, since enums are open.", "Generate anew.";
    TextBecameEnum = "text_became_enum", [S S B B B B S S],
        "A text becomes an enum; other values are read, since enums are open, but no longer accepted.",
        "Take every value into the enum that is still written.";
    MadeOptional = "made_optional", [B S S B B B S S],
        "Rows may lack a value that old clients count on.",
        "Let no client clear it until none of the old ones is left.";
    MadeRequired = "made_required", [S B B B B B S S],
        "Every row must have a value, and old clients create and clear without one.",
        "Let clients always give a value first.";
    EnumValueAdded = "enum_value_added", [S S S B S D S S],
        "An enum has a further value. Enums are open in rows, so that old clients read it; a complete `match` in Rust has to name it.",
        "Clients that are generated from OpenAPI should take enums as open.";
    EnumValueRemoved = "enum_value_removed", [S S B B B B S S],
        "An enum has a value less; rows that hold it still read, but writes of it are refused.",
        "Let clients stop writing it first.";
    EnumReordered = "enum_reordered", [S S S S S S S S],
        "The values of an enum have another order; values travel by name.", "Nothing has to be done.";
    IndexChanged = "index_changed", [S S S S S S S S],
        "An index comes or goes.", "Nothing has to be done.";
    FormatWidened = "format_widened", [B S S B D B S S],
        "A field holds more values than before; old clients cannot read those.",
        "Let no client write the further values until none of the old ones is left.";
    FormatNarrowed = "format_narrowed", [S B B B D B S S],
        "A field holds fewer values than before; others are neither read nor accepted.",
        "Let clients stop writing the others first.";
    FormatChanged = "format_changed", [B B B B D B S S],
        "A field holds values of another format.", "Add a field of the new format beside it.";
    UniqueAdded = "unique_added", [S S B S S S S S],
        "No two rows may share a value; writes that repeat one are refused.",
        "Let clients be ready for the conflict.";
    UniqueRemoved = "unique_removed", [D S S S S S S S],
        "Two rows may share a value; who looked for one row may find two.", "Look for more than one row.";
    DefaultAdded = "default_added", [S S S B S S S S],
        "Creates may leave the field out; in Rust a create no longer takes it as an argument.", "Generate anew.";
    DefaultRemoved = "default_removed", [S S B B B B S S],
        "Creates have to give the field; old clients leave it out.",
        "Keep the default until no old client writes.";
    DefaultChanged = "default_changed", [S S D S S S S S],
        "Rows that are created without the field have another value.", "Nothing has to be done if that is meant.";
    ShapeChanged = "shape_changed", [D D D B B B S S],
        "JSON has another shape; rows read all the same, and the value as the shape may not.",
        "Only add optional members to a shape.";
    DeprecationChanged = "deprecation_changed", [S S S D D S S S],
        "A field is deprecated, or no longer; compilers say so where it is used.", "Stop using it in time.";
    NumberChanged = "number_changed", [S S S S S S B S],
        "A field has another number in the binary form; readers that know it by the old one take it for an unknown member.",
        "Keep `number`, or say `renamedFrom`.";
    NumberReused = "number_reused", [S S S S S S B S],
        "A field has the number that another one had in the binary form; old readers take one for the other.",
        "Give it a `number` that was never used.";
    AnnotationChanged = "annotation_changed", [S S S S S S S S],
        "A field says something else to people and tools.", "Nothing has to be done.";
    RelationAdded = "relation_added", [S S S B S S S S],
        "A relation comes; in Rust its foreign key becomes an `Id` of the target.", "Generate anew.";
    RelationRemoved = "relation_removed", [S S S B B S S S],
        "A relation goes; what follows it no longer compiles.", "Let programs stop following it first.";
    RelationChanged = "relation_changed", [D D S B D S S S],
        "A relation leads elsewhere, or is followed otherwise.", "Generate anew, and deploy clients with the service.";
    ForeignKeyAdded = "foreign_key_added", [S S B S S S S S],
        "The database refuses rows that point nowhere.", "Let clients create the target first.";
    ForeignKeyRemoved = "foreign_key_removed", [D S S S S S S S],
        "The database accepts rows that point nowhere.", "Be ready for a target that is missing.";
}

impl<'s> Diff<'s> {
    /// What the steps mean for everyone else, in the order of the steps.
    #[must_use]
    pub fn compatibility(&self) -> Vec<Finding<'s>> {
        let mut all = Vec::new();
        let numbers = self.numbers_before();
        for (at, step) in self.steps().iter().enumerate() {
            let mut rules = Vec::with_capacity(2);
            of_step(step, self, &mut rules);
            if self.reuses_number(step, &numbers) {
                rules.push(Rule::NumberReused);
            }
            all.extend(rules.into_iter().map(|rule| Finding {
                rule,
                step: at,
                model: step.model(),
                field: step.field(),
            }));
        }
        all
    }

    /// Numbers of the fields before, by the model's key in the next schema; models without new numbers are left out.
    fn numbers_before(&self) -> BTreeMap<&'s str, BTreeMap<u32, &'s str>> {
        let mut all = BTreeMap::new();
        for step in self.steps() {
            let (Step::AddField { model, .. } | Step::AlterFacet { model, .. }) = step else {
                continue;
            };
            let Some(prev) = self.prev_model(model.key.as_str()) else { continue };
            all.entry(model.key.as_str()).or_insert_with(|| {
                prev.fields.iter().map(|field| (field.wire_number(), field.name.as_str())).collect()
            });
        }
        all
    }

    fn reuses_number(
        &self,
        step: &Step<'s>,
        numbers: &BTreeMap<&str, BTreeMap<u32, &str>>,
    ) -> bool {
        let (model, field) = match step {
            Step::AddField { model, field } => (model, *field),
            Step::AlterFacet { model, to, change, .. } if change.facet == "number" => (model, *to),
            _ => return false,
        };
        let holder =
            numbers.get(model.key.as_str()).and_then(|numbers| numbers.get(&field.wire_number()));
        let was = self.prev_field(model.key.as_str(), field.name.as_str());
        holder.is_some_and(|holder| was.is_none_or(|was| was.name != *holder))
    }
}

fn of_step(step: &Step<'_>, diff: &Diff<'_>, rules: &mut Vec<Rule>) {
    match step {
        Step::CreateModel { .. } => rules.push(Rule::ModelAdded),
        Step::DropModel { .. } => rules.push(Rule::ModelRemoved),
        Step::RenameModel { from, to } => {
            rules.push(Rule::ModelRenamed);
            // A type name that follows the key has no step of its own.
            if from.type_name != to.type_name
                && from.type_name == from.key.as_str()
                && to.type_name == to.key.as_str()
            {
                rules.push(Rule::TypenameChanged);
            }
        }
        Step::AddField { field, .. } => rules.push(match (field.optional, &field.facets.default) {
            (true, _) => Rule::OptionalFieldAdded,
            (false, Some(_)) => Rule::DefaultedFieldAdded,
            (false, None) => Rule::RequiredFieldAdded,
        }),
        Step::DropField { field, .. } if field.optional => rules.push(Rule::OptionalFieldRemoved),
        Step::DropField { .. } => rules.push(Rule::RequiredFieldRemoved),
        Step::RenameField { .. } => rules.push(Rule::FieldRenamed),
        Step::AlterField { changes, .. } => of_changes(changes, rules),
        Step::AlterTable { .. } => rules.push(Rule::TableChanged),
        Step::AlterTypeName { .. } => rules.push(Rule::TypenameChanged),
        Step::AlterPlane { from: Plane::Tenant | Plane::Control, .. } => {
            rules.push(Rule::PlaneChanged)
        }
        Step::AlterTenancy { model, from, to } => rules.push(match (from, to) {
            (_, Tenancy::None) => Rule::TenancyLoosened,
            (Tenancy::None, _) => Rule::TenancyTightened,
            (Tenancy::Column { .. }, Tenancy::Column { .. }) if !diff.reroutes(model, from, to) => {
                Rule::TenancyColumnRenamed
            }
            (
                Tenancy::Column { .. } | Tenancy::Parent { .. },
                Tenancy::Column { .. } | Tenancy::Parent { .. },
            ) => Rule::TenancyRerouted,
        }),
        Step::AlterLoad { .. } => rules.push(Rule::LoadChanged),
        Step::AlterMutable { to: true, .. } => rules.push(Rule::WritesOpened),
        Step::AlterMutable { to: false, .. } => rules.push(Rule::WritesClosed),
        Step::AlterScope { to, .. } => rules.push(visibility(to.is_some())),
        Step::AlterGrants { to, .. } => rules.push(visibility(to.is_some())),
        Step::AlterRoles { from, to, .. } => {
            rules.push(visibility(to.iter().any(|role| !from.contains(role))))
        }
        Step::AlterFacet { from, to, change, .. } => rules.push(of_facet(from, to, change)),
        Step::ReorderEnum { .. } => rules.push(Rule::EnumReordered),
        Step::AlterRelation { change, .. } => of_relation(change, rules),
        Step::AlterHint { .. } => rules.push(Rule::HintChanged),
    }
}

fn visibility(widens: bool) -> Rule {
    if widens { Rule::VisibilityChanged } else { Rule::VisibilityNarrowed }
}

fn of_changes(changes: &Changes<'_>, rules: &mut Vec<Rule>) {
    let Changes { column, kind, optional, enum_values, indexed } = changes;
    if column.is_some() {
        rules.push(Rule::ColumnChanged);
    }
    match kind {
        Some((FieldKind::Enum(_), FieldKind::String, _)) => rules.push(Rule::EnumBecameText),
        Some((FieldKind::String, FieldKind::Enum(_), _)) => rules.push(Rule::TextBecameEnum),
        Some(_) => rules.push(Rule::TypeChanged),
        None => {}
    }
    match optional {
        Some((_, true)) => rules.push(Rule::MadeOptional),
        Some((_, false)) => rules.push(Rule::MadeRequired),
        None => {}
    }
    if let Some(values) = enum_values {
        if !values.added.is_empty() {
            rules.push(Rule::EnumValueAdded);
        }
        if !values.removed.is_empty() {
            rules.push(Rule::EnumValueRemoved);
        }
    }
    if indexed.is_some() {
        rules.push(Rule::IndexChanged);
    }
}

fn of_facet(from: &Field, to: &Field, change: &FacetChange<'_>) -> Rule {
    let set = change.to == Some(Value::Bool(true));
    match change.facet {
        "format" if from.facets.format != to.facets.format => {
            match (Cast::of_fields(from, to), Cast::of_fields(to, from)) {
                (Cast::Safe, _) => Rule::FormatWidened,
                (_, Cast::Safe) => Rule::FormatNarrowed,
                (Cast::Risky | Cast::NotCastable, Cast::Risky | Cast::NotCastable) => {
                    Rule::FormatChanged
                }
            }
        }
        "unique" if set => Rule::UniqueAdded,
        "unique" => Rule::UniqueRemoved,
        "default" => match (&change.from, &change.to) {
            (None, Some(_)) if !to.optional => Rule::DefaultAdded,
            (Some(_), None) if !to.optional => Rule::DefaultRemoved,
            _ => Rule::DefaultChanged,
        },
        "shape" => Rule::ShapeChanged,
        "deprecated" => Rule::DeprecationChanged,
        "number" if from.wire_number() != to.wire_number() => Rule::NumberChanged,
        // What v3 does not know, and neither do we.
        _ => Rule::AnnotationChanged,
    }
}

fn of_relation(change: &RelationChange<'_>, rules: &mut Vec<Rule>) {
    let none = crate::schema::RelationOptions::default();
    let (before, now) = match change {
        RelationChange::Added(to) => {
            rules.push(Rule::RelationAdded);
            (none, to.options)
        }
        RelationChange::Removed(from) => {
            rules.push(Rule::RelationRemoved);
            (from.options, none)
        }
        RelationChange::Changed { from, to } => {
            rules.push(Rule::RelationChanged);
            (from.options, to.options)
        }
    };
    let moved = matches!(change, RelationChange::Changed { from, to } if from.target != to.target || from.foreign_key != to.foreign_key);
    if now.parent && (moved || !before.parent) {
        rules.push(Rule::VisibilityChanged);
    } else if before.parent && !now.parent {
        rules.push(Rule::VisibilityNarrowed);
    }
    match (before.fk, now.fk) {
        (false, true) => rules.push(Rule::ForeignKeyAdded),
        (true, false) => rules.push(Rule::ForeignKeyRemoved),
        (true, true) | (false, false) => {}
    }
}
