//! The verdict on a diff: data loss, blockers on existing rows, and required approvals.
//!
//! Blockers use exactly the codes of the reference. Everything that only this implementation
//! detects is a warning with a code of its own.

use super::cast::Cast;
use super::step::{FacetChange, FieldChanges, RelationChange, Step};
use super::{Backfills, Diff};
use crate::schema::{Field, Model, Plane, Tenancy};
use crate::value::Value;
use std::collections::BTreeSet;

/// The warnings and blockers of a diff.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict<'s> {
    /// Changes to review; the class of the [`Risk`] tells whether they need an approval.
    pub warnings: Vec<Warning<'s>>,
    /// Changes that are impossible on a table with rows, with or without a backfill.
    pub blockers: Vec<Blocker<'s>>,
    /// Whether each blocker has a backfill.
    pub resolved: Vec<bool>,
}

/// One warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning<'s> {
    /// The reason for the warning.
    pub risk: Risk,
    /// The model's key in the next schema, or in the previous one if it is dropped.
    pub model: &'s str,
    /// The field, if the warning is about one.
    pub field: Option<&'s str>,
    /// The index of the step.
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
    /// The index of the step.
    pub step: usize,
}

impl Blocker<'_> {
    /// Returns what happens.
    #[must_use]
    pub fn message(&self) -> &'static str {
        match self.code {
            "made_required" => "existing rows may lack a value",
            _ => "existing rows have no value",
        }
    }

    /// Returns how to resolve the blocker, including the missing backfill.
    #[must_use]
    pub fn remedy(&self) -> String {
        let mut entry = super::json::Object::default();
        entry.text("model", self.model).text("field", self.field);
        let entry = entry.value().to_json();
        let entry = entry.strip_suffix('}').unwrap_or(&entry);
        format!(
            "add a backfill, {entry},\"value\":…}}, add a `default` to the schema, or make the \
             field optional"
        )
    }
}

/// The requirements of a warning before the diff is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Class {
    /// Values are lost: an approval is required.
    pub loss: bool,
    /// More users may see rows: an approval is required.
    pub isolation: bool,
    /// Existing rows need a value.
    pub needs_backfill: bool,
}

macro_rules! risks {
    ($($variant:ident = $code:literal, $class:expr, $message:literal, $remedy:literal;)*) => {
        /// The reason for a warning. The first five are those of the reference.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Risk {
            $(#[doc = $message] $variant,)*
        }

        impl Risk {
            /// All risks, in the order of the documentation.
            pub const ALL: &[Risk] = &[$(Risk::$variant,)*];

            /// Returns the stable code.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Risk::$variant => $code,)* }
            }

            /// Returns what the warning requires.
            #[must_use]
            pub fn class(self) -> Class {
                match self { $(Risk::$variant => $class,)* }
            }

            /// Returns what happens.
            #[must_use]
            pub fn message(self) -> &'static str {
                match self { $(Risk::$variant => $message,)* }
            }

            /// Returns how to resolve the warning.
            #[must_use]
            pub fn remedy(self) -> &'static str {
                match self { $(Risk::$variant => $remedy,)* }
            }
        }
    };
}

const LOSS: Class = Class { loss: true, isolation: false, needs_backfill: false };
const ISOLATION: Class = Class { loss: false, isolation: true, needs_backfill: false };
const BACKFILL: Class = Class { loss: false, isolation: false, needs_backfill: true };
const LOSS_BACKFILL: Class = Class { loss: true, isolation: false, needs_backfill: true };
const NOTICE: Class = Class { loss: false, isolation: false, needs_backfill: false };

risks! {
    DropModel = "drop_model", LOSS, "the table and all its rows are dropped",
        "approve the loss, or add a rename hint if another model replaces it";
    DropField = "drop_field", LOSS, "the column and all its values are dropped",
        "approve the loss, or add a rename hint if another field replaces it";
    RiskyCast = "risky_cast", LOSS, "values that cannot be converted to the new type are lost",
        "approve the loss, or add a second field with the new type";
    LossyRecreate = "lossy_recreate", LOSS,
        "no value can be converted to the new type, so the column is recreated",
        "approve the loss, or add a second field with the new type";
    EnumValueRemoved = "enum_value_removed", LOSS, "rows with a removed value lose it",
        "approve the loss, or keep the value until no row uses it";
    RequiredRecreated = "required_recreated", LOSS_BACKFILL,
        "the column is recreated and every row needs a value",
        "add a backfill for the field, add a `default` to the schema, or make the field optional";
    RequiredCast = "required_cast", BACKFILL,
        "the migration fails on a row whose value cannot be converted",
        "add a backfill for the field, add a `default` to the schema, or make the field optional";
    NarrowedFormat = "narrowed_format", LOSS, "values that do not match the new format are lost",
        "approve the loss, round decimals with a hint in `round`, or add a second field with the \
         new format";
    Rounded = "rounded", LOSS, "values are rounded to the digits of the new format",
        "approve the loss, or remove the hint in `round`; a rounded value that has too many digits \
         before the point stops the migration";
    NarrowedColumn = "narrowed_column", LOSS,
        "values that the new type of the column cannot store are lost",
        "approve the loss, or use a type that stores every value";
    RequiredFormat = "required_format", BACKFILL,
        "the migration fails on a row whose value does not match the new format",
        "add a backfill for the field, add a `default` to the schema, or make the field optional";
    TableDroppedByKeyChange = "table_dropped_by_key_change", LOSS,
        "the previous model has the same table, which is dropped and recreated",
        "add a rename hint for the model, or approve the loss";
    PlaneLeft = "plane_left", LOSS,
        "the table and all its rows are removed from the application's database",
        "approve the loss after the rows have been moved";
    TenancyColumnAdded = "tenancy_column_added", BACKFILL,
        "existing rows belong to no organisation",
        "add a backfill for `organizationId`, or assign the rows by hand before the migration";
    TenancyColumnDropped = "tenancy_column_dropped", LOSS, "the tenancy column is dropped",
        "approve the loss";
    IsolationLoosened = "isolation_loosened", ISOLATION,
        "rows are no longer isolated by organisation",
        "approve it if all organisations may see all rows, or keep the tenancy";
    TenancyRerouted = "tenancy_rerouted", ISOLATION,
        "another column or parent determines the organisation of a row",
        "approve it once both give the same organisation for every row";
    VisibilityWidened = "visibility_widened", NOTICE,
        "more identities of the organisation may see rows",
        "make sure that all members of these sync groups may see the rows";
    SecretRemoved = "secret_removed", ISOLATION,
        "all readers of a row may read a value that was secret",
        "approve it if they may, or keep the field secret";
    UniqueAdded = "unique_added", NOTICE, "the migration fails if two rows have the same value",
        "remove duplicate values before the migration";
    ForeignKeyAdded = "foreign_key_added", NOTICE,
        "validation of the foreign key fails on a row whose target does not exist",
        "fix or remove such rows before the migration";
}

impl<'s> Diff<'s> {
    /// Returns the verdict on this diff.
    #[must_use]
    pub fn verdict(&self, backfills: &Backfills) -> Verdict<'s> {
        let mut builder = VerdictBuilder { diff: self, backfills, verdict: Verdict::default() };
        let dropped: BTreeSet<&str> = self.steps().iter().filter_map(dropped_table).collect();
        for (at, step) in self.steps().iter().enumerate() {
            builder.step(at, step, &dropped);
        }
        builder.verdict
    }
}

fn dropped_table<'s>(step: &Step<'s>) -> Option<&'s str> {
    match step {
        Step::DropModel { model } => Some(model.table.as_str()),
        _ => None,
    }
}

impl Verdict<'_> {
    /// Returns whether there are no blockers, resolved or not.
    #[must_use]
    pub fn auto_applicable(&self) -> bool {
        self.blockers.is_empty()
    }

    /// Iterates over the blockers without a backfill.
    pub fn unresolved(&self) -> impl Iterator<Item = &Blocker<'_>> {
        self.blockers
            .iter()
            .zip(&self.resolved)
            .filter(|(_, resolved)| !**resolved)
            .map(|(blocker, _)| blocker)
    }

    /// Returns whether an approval or a backfill is missing.
    #[must_use]
    pub fn needs_decision(&self) -> bool {
        let asks = |warning: &Warning<'_>| warning.risk.class() != NOTICE;
        self.unresolved().next().is_some() || self.warnings.iter().any(asks)
    }
}

struct VerdictBuilder<'d, 's> {
    diff: &'d Diff<'s>,
    backfills: &'d Backfills,
    verdict: Verdict<'s>,
}

impl<'s> VerdictBuilder<'_, 's> {
    fn warn(&mut self, risk: Risk, step: usize, model: &'s Model, field: Option<&'s Field>) {
        let field = field.map(|field| field.name.as_str());
        self.verdict.warnings.push(Warning { risk, model: model.key.as_str(), field, step });
    }

    fn block(&mut self, code: &'static str, step: usize, model: &'s Model, field: &'s Field) {
        let (model, field) = (model.key.as_str(), field.name.as_str());
        self.verdict.blockers.push(Blocker { code, model, field, step });
        self.verdict.resolved.push(self.backfills.value(model, field).is_some());
    }

    /// Returns whether rows whose value does not fit get another one.
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
            // Roles of identities belong to no model: the compatibility report covers them.
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

    fn altered(&mut self, at: usize, model: &'s Model, to: &'s Field, changes: &FieldChanges<'s>) {
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
            // A declared field may still use the column.
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
                // A warning on the type has been reported if it is at least as severe.
                if self.diff.is_rounded(model.key.as_str(), to.name.as_str()) {
                    self.warn(Risk::Rounded, at, model, Some(to));
                } else if Cast::of_fields(from, to) > kinds {
                    self.warn(Risk::NarrowedFormat, at, model, Some(to));
                    if !to.optional && !self.filled(model, to) {
                        self.warn(Risk::RequiredFormat, at, model, Some(to));
                    }
                }
            }
            "columnType" if change.cast.is_some_and(|cast| cast > Cast::Safe) => {
                self.warn(Risk::NarrowedColumn, at, model, Some(to));
                if !to.optional && !self.filled(model, to) {
                    self.warn(Risk::RequiredFormat, at, model, Some(to));
                }
            }
            "unique" if change.to == Some(Value::Bool(true)) => {
                self.warn(Risk::UniqueAdded, at, model, Some(to))
            }
            "secret" if change.to.is_none() => self.warn(Risk::SecretRemoved, at, model, Some(to)),
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
