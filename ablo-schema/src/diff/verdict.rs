//! The verdict: what a diff loses, what it cannot do on tables with rows, and whose yes it needs.
//!
//! A diff and backfills come in. Blockers carry the codes of the reference and nothing else; what only we see is a
//! warning with a code of ours.

use super::cast::Cast;
use super::step::{Changes, FacetChange, RelationChange, Step};
use super::{Backfills, Diff};
use crate::schema::{Field, Model, Plane, Tenancy};
use crate::value::Value;
use std::collections::BTreeSet;

/// What stands against applying a diff.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict<'s> {
    /// What needs a look, and where the class of its [`Risk`] says so, an explicit yes.
    pub warnings: Vec<Warning<'s>>,
    /// What cannot be done on a table with rows, backfilled or not.
    pub blockers: Vec<Blocker<'s>>,
    /// Whether each blocker has a backfill.
    pub resolved: Vec<bool>,
}

/// One warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning<'s> {
    /// What is wrong.
    pub risk: Risk,
    /// The model's key in the next schema, else in the one before.
    pub model: &'s str,
    /// The field, where it is about one.
    pub field: Option<&'s str>,
    /// Which step.
    pub step: usize,
}

/// One blocker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker<'s> {
    /// `required_field_added` or `made_required`.
    pub code: &'static str,
    /// The model's key.
    pub model: &'s str,
    /// The field.
    pub field: &'s str,
    /// Which step.
    pub step: usize,
}

impl Blocker<'_> {
    /// What happens.
    #[must_use]
    pub fn message(&self) -> &'static str {
        match self.code {
            "made_required" => "rows that are there may lack a value",
            _ => "rows that are there have no value",
        }
    }

    /// What to do: the very backfill that is missing.
    #[must_use]
    pub fn remedy(&self) -> String {
        let mut entry = super::json::Object::default();
        entry.text("model", self.model).text("field", self.field);
        let entry = entry.value().to_json();
        let entry = entry.strip_suffix('}').unwrap_or(&entry);
        format!(
            "give a backfill, {entry},\"value\":…}}, a `default` in the schema, or make it optional"
        )
    }
}

/// What a warning asks of people before it is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Class {
    /// Values are lost: this needs an approval.
    pub loss: bool,
    /// Rows may be seen by others than before: this needs an approval.
    pub isolation: bool,
    /// Rows that are there need a value that nobody gave.
    pub needs_backfill: bool,
}

macro_rules! risks {
    ($($variant:ident = $code:literal, $class:expr, $message:literal, $remedy:literal;)*) => {
        /// Why a warning is given. The first five are those of the reference.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Risk {
            $(#[doc = $message] $variant,)*
        }

        impl Risk {
            /// Every risk, in the order of the documentation.
            pub const ALL: &[Risk] = &[$(Risk::$variant,)*];

            /// Its stable code.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Risk::$variant => $code,)* }
            }

            /// What it asks of people.
            #[must_use]
            pub fn class(self) -> Class {
                match self { $(Risk::$variant => $class,)* }
            }

            /// What happens.
            #[must_use]
            pub fn message(self) -> &'static str {
                match self { $(Risk::$variant => $message,)* }
            }

            /// What to do.
            #[must_use]
            pub fn remedy(self) -> &'static str {
                match self { $(Risk::$variant => $remedy,)* }
            }
        }
    };
}

const LOSS: Class = Class { loss: true, isolation: false, needs_backfill: false };
const ISOLATION: Class = Class { loss: false, isolation: true, needs_backfill: false };
const NEEDS: Class = Class { loss: false, isolation: false, needs_backfill: true };
const LOSS_NEEDS: Class = Class { loss: true, isolation: false, needs_backfill: true };
const LOOK: Class = Class { loss: false, isolation: false, needs_backfill: false };

risks! {
    DropModel = "drop_model", LOSS, "the table goes with every row in it",
        "approve the loss, or hint a rename if another model takes its place";
    DropField = "drop_field", LOSS, "the column goes with every value in it",
        "approve the loss, or hint a rename if another field takes its place";
    RiskyCast = "risky_cast", LOSS, "values that have no form in the new type are lost",
        "approve the loss, or add a field of the new type beside this one";
    LossyRecreate = "lossy_recreate", LOSS, "no value has a form in the new type: the column starts anew",
        "approve the loss, or add a field of the new type beside this one";
    EnumValueRemoved = "enum_value_removed", LOSS, "rows that hold a removed value lose it",
        "approve the loss, or keep the value until no row holds it";
    RequiredRecreated = "required_recreated", LOSS_NEEDS, "the column starts anew and every row needs a value",
        "give a backfill for the field, a `default` in the schema, or make it optional";
    RequiredCast = "required_cast", NEEDS, "a row whose value does not fit stops the migration",
        "give a backfill for the field, a `default` in the schema, or make it optional";
    NarrowedFormat = "narrowed_format", LOSS, "values that the new format cannot hold are lost",
        "approve the loss, or add a field of the new format beside this one";
    RequiredFormat = "required_format", NEEDS, "a row whose value the new format cannot hold stops the migration",
        "give a backfill for the field, a `default` in the schema, or make it optional";
    TableDroppedByKeyChange = "table_dropped_by_key_change", LOSS,
        "the model before it has the same table, which is dropped and made anew",
        "hint that the model is renamed, or approve the loss";
    PlaneLeft = "plane_left", LOSS, "the table leaves the customer's database with every row in it",
        "approve the loss once the rows are elsewhere";
    TenancyColumnAdded = "tenancy_column_added", NEEDS, "rows that are there belong to no organisation yet",
        "give a backfill for `organizationId`, or move the rows by hand before";
    TenancyColumnDropped = "tenancy_column_dropped", LOSS, "the column that said which organisation owns a row goes",
        "approve the loss";
    IsolationLoosened = "isolation_loosened", ISOLATION, "rows are no longer kept apart by organisation",
        "approve it if every organisation may see every row, or keep the tenancy";
    TenancyRerouted = "tenancy_rerouted", ISOLATION, "another column or parent says which organisation owns a row",
        "approve it once the two agree for every row";
    VisibilityWidened = "visibility_widened", LOOK, "other identities of the organisation may come to see rows",
        "make sure that who joins these sync groups may see the rows";
    UniqueAdded = "unique_added", LOOK, "two rows with one value stop the migration", "remove repeated values before";
    ForeignKeyAdded = "foreign_key_added", LOOK, "a row that points nowhere stops the validation of the key",
        "mend or remove such rows before";
}

impl<'s> Diff<'s> {
    /// What stands against applying this diff.
    #[must_use]
    pub fn verdict(&self, backfills: &Backfills) -> Verdict<'s> {
        let mut judge = Judge { diff: self, backfills, verdict: Verdict::default() };
        let dropped: BTreeSet<&str> = self.steps().iter().filter_map(dropped_table).collect();
        for (at, step) in self.steps().iter().enumerate() {
            judge.step(at, step, &dropped);
        }
        judge.verdict
    }
}

fn dropped_table<'s>(step: &Step<'s>) -> Option<&'s str> {
    match step {
        Step::DropModel { model } => Some(model.table.as_str()),
        _ => None,
    }
}

impl Verdict<'_> {
    /// Whether nothing has to be decided about rows: there is no blocker, resolved or not.
    #[must_use]
    pub fn auto_applicable(&self) -> bool {
        self.blockers.is_empty()
    }

    /// The blockers without a backfill.
    pub fn unresolved(&self) -> impl Iterator<Item = &Blocker<'_>> {
        self.blockers
            .iter()
            .zip(&self.resolved)
            .filter(|(_, resolved)| !**resolved)
            .map(|(blocker, _)| blocker)
    }

    /// Whether an approval or a backfill is missing.
    #[must_use]
    pub fn needs_people(&self) -> bool {
        let asks = |warning: &Warning<'_>| warning.risk.class() != LOOK;
        self.unresolved().next().is_some() || self.warnings.iter().any(asks)
    }
}

struct Judge<'d, 's> {
    diff: &'d Diff<'s>,
    backfills: &'d Backfills,
    verdict: Verdict<'s>,
}

impl<'s> Judge<'_, 's> {
    fn warn(&mut self, risk: Risk, step: usize, model: &'s Model, field: Option<&'s Field>) {
        let field = field.map(|field| field.name.as_str());
        self.verdict.warnings.push(Warning { risk, model: model.key.as_str(), field, step });
    }

    fn block(&mut self, code: &'static str, step: usize, model: &'s Model, field: &'s Field) {
        let (model, field) = (model.key.as_str(), field.name.as_str());
        self.verdict.blockers.push(Blocker { code, model, field, step });
        self.verdict.resolved.push(self.backfills.value(model, field).is_some());
    }

    /// Whether rows get a value where theirs does not fit.
    fn filled(&self, model: &Model, field: &Field) -> bool {
        field.facets.default.is_some()
            || self.backfills.value(model.key.as_str(), field.name.as_str()).is_some()
    }

    fn step(&mut self, at: usize, step: &Step<'s>, dropped: &BTreeSet<&str>) {
        match step {
            Step::CreateModel { model } => {
                if dropped.contains(model.table.as_str()) {
                    self.warn(Risk::TableDroppedByKeyChange, at, model, None);
                }
            }
            Step::DropModel { model } => self.warn(Risk::DropModel, at, model, None),
            Step::DropField { model, field } => self.warn(Risk::DropField, at, model, Some(field)),
            Step::AddField { model, field } => {
                if !field.optional && field.facets.default.is_none() {
                    self.block("required_field_added", at, model, field);
                }
            }
            Step::AlterField { model, to, changes, .. } => self.altered(at, model, to, changes),
            Step::AlterPlane { model, to: Plane::Control, .. } => {
                self.warn(Risk::PlaneLeft, at, model, None)
            }
            Step::AlterTenancy { model, from, to } => self.tenancy(at, model, from, to),
            Step::AlterFacet { model, from, to, change } => {
                self.facet(at, model, (from, to), change)
            }
            Step::AlterRelation { model, change } => self.relation(at, model, change),
            Step::AlterScope { model, to, .. } if to.is_some() => {
                self.warn(Risk::VisibilityWidened, at, model, None)
            }
            Step::AlterGrants { model, to, .. } if to.is_some() => {
                self.warn(Risk::VisibilityWidened, at, model, None)
            }
            Step::AlterRoles { model: Some(model), to, .. } if !to.is_empty() => {
                self.warn(Risk::VisibilityWidened, at, model, None);
            }
            // Roles of identities are about no model: the compatibility report speaks of them.
            Step::AlterRoles { .. }
            | Step::AlterScope { .. }
            | Step::AlterGrants { .. }
            | Step::AlterPlane { .. }
            | Step::RenameModel { .. }
            | Step::RenameField { .. }
            | Step::AlterTable { .. }
            | Step::AlterTypeName { .. }
            | Step::AlterLoad { .. }
            | Step::AlterMutable { .. }
            | Step::ReorderEnum { .. }
            | Step::AlterHint { .. } => {}
        }
    }

    fn altered(&mut self, at: usize, model: &'s Model, to: &'s Field, changes: &Changes<'s>) {
        let empty = !to.optional && !self.filled(model, to);
        let removed = changes.enum_values.as_ref().is_some_and(|values| !values.removed.is_empty());
        match changes.kind {
            Some((_, _, Cast::NotCastable)) => {
                self.warn(Risk::LossyRecreate, at, model, Some(to));
                if empty {
                    self.warn(Risk::RequiredRecreated, at, model, Some(to));
                }
            }
            Some((_, _, Cast::Risky)) => self.warn(Risk::RiskyCast, at, model, Some(to)),
            Some((_, _, Cast::Safe)) | None => {}
        }
        if removed {
            self.warn(Risk::EnumValueRemoved, at, model, Some(to));
        }
        let risky = matches!(changes.kind, Some((_, _, Cast::Risky)));
        if empty && (risky || removed) {
            self.warn(Risk::RequiredCast, at, model, Some(to));
        }
        if changes.optional == Some((true, false)) && to.facets.default.is_none() {
            self.block("made_required", at, model, to);
        }
    }

    fn tenancy(&mut self, at: usize, model: &'s Model, from: &Tenancy, to: &Tenancy) {
        let prev = self.diff.prev_model(model.key.as_str());
        match (from, to) {
            (Tenancy::None, Tenancy::None) => {}
            (_, Tenancy::None) => self.warn(Risk::IsolationLoosened, at, model, None),
            (Tenancy::Column { .. }, Tenancy::Column { .. }) => {
                if self.diff.reroutes(model, from, to) {
                    self.warn(Risk::TenancyRerouted, at, model, None);
                }
            }
            (_, Tenancy::Column { column }) => {
                let known = prev
                    .is_some_and(|prev| prev.fields.iter().any(|field| field.column == *column));
                let given = self.backfills.value(model.key.as_str(), "organizationId").is_some();
                if !known && !given {
                    self.warn(Risk::TenancyColumnAdded, at, model, None);
                }
                if matches!(from, Tenancy::Parent { .. }) || known {
                    self.warn(Risk::TenancyRerouted, at, model, None);
                }
            }
            (Tenancy::None, Tenancy::Parent { .. }) => {}
            (_, Tenancy::Parent { .. }) => self.warn(Risk::TenancyRerouted, at, model, None),
        }
        if let (Tenancy::Column { column }, Tenancy::None | Tenancy::Parent { .. }) = (from, to) {
            // A declared field may keep the column.
            if !model.fields.iter().any(|field| field.column == *column) {
                self.warn(Risk::TenancyColumnDropped, at, model, None);
            }
        }
    }

    fn facet(
        &mut self,
        at: usize,
        model: &'s Model,
        (from, to): (&'s Field, &'s Field),
        change: &FacetChange<'s>,
    ) {
        match change.facet {
            "format" => {
                let kinds = Cast::of_kinds(&from.kind, &to.kind);
                // A type's own class has been reported where it is as bad.
                if Cast::of_fields(from, to) > kinds {
                    self.warn(Risk::NarrowedFormat, at, model, Some(to));
                    if !to.optional && !self.filled(model, to) {
                        self.warn(Risk::RequiredFormat, at, model, Some(to));
                    }
                }
            }
            "unique" if change.to == Some(Value::Bool(true)) => {
                self.warn(Risk::UniqueAdded, at, model, Some(to))
            }
            _ => {}
        }
    }

    fn relation(&mut self, at: usize, model: &'s Model, change: &RelationChange<'s>) {
        let (before, now) = match change {
            RelationChange::Added(to) => (None, to.options),
            RelationChange::Removed(_) => return,
            RelationChange::Changed { from, to } => {
                let moved = from.target != to.target || from.foreign_key != to.foreign_key;
                (Some(from.options).filter(|_| !moved), to.options)
            }
        };
        if now.fk && !before.is_some_and(|before| before.fk) {
            self.warn(Risk::ForeignKeyAdded, at, model, None);
        }
        if now.parent && !before.is_some_and(|before| before.parent) {
            self.warn(Risk::VisibilityWidened, at, model, None);
        }
    }
}
