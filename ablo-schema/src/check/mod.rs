//! Validation: the only way from [`crate::raw`] to [`Schema`].
//!
//! Every rule is one function and is listed here. Rules do not depend on each other's order and
//! none is skipped because another failed: a rule ignores parts that an earlier error made unknown,
//! so that one run reports everything.

mod column_types;
mod columns;
mod context;
pub(crate) mod defaults;
mod enums;
mod facets;
mod graph;
mod hints;
mod lower;
mod names;
mod relations;
mod relative;
mod scopes;
mod secrets;
mod shapes;
mod tenancy;

use crate::diag::Diagnostics;
use crate::raw::RawSchema;
use crate::schema::Schema;
use context::Context;

pub use columns::SERVICE_TABLES;

/// Validates a raw schema and resolves it.
///
/// Reports all errors and warnings, and returns `None` if there are errors.
#[must_use]
pub fn check(raw: RawSchema<'_>, diagnostics: &mut Diagnostics) -> Option<Schema> {
    let cx = &mut Context::new(&raw, diagnostics);

    names::check_model_keys(cx);
    names::check_type_names(cx);
    names::check_wire_names(cx);
    names::check_field_names(cx);
    names::check_relation_names(cx);

    columns::check_tables(cx);
    columns::check_columns(cx);
    columns::check_base_fields(cx);

    enums::check_enums(cx);

    facets::check_formats(cx);
    facets::check_keys(cx);
    facets::check_unique(cx);
    column_types::check_column_types(cx);
    column_types::check_base_fields(cx);
    column_types::check_keys(cx);
    secrets::check_secrets(cx);
    facets::check_base_fields(cx);
    facets::check_renames(cx);
    facets::check_numbers(cx);
    defaults::check_defaults(cx);
    shapes::check_shapes(cx);
    relative::check_relative(cx);

    relations::check_targets(cx);
    relations::check_foreign_keys(cx);
    relations::check_order_by(cx);
    relations::check_options(cx);
    relations::check_parent_cycles(cx);
    relations::check_create_cycles(cx);

    tenancy::check_tenancy(cx);
    tenancy::check_loops(cx);

    scopes::check_scopes(cx);
    scopes::check_grants(cx);
    scopes::check_roles(cx);

    hints::check_bootstrap(cx);
    hints::check_persist(cx);
    hints::check_auto_fill(cx);
    hints::check_required_fields(cx);

    if cx.diagnostics.has_errors() {
        return None;
    }
    // A remark about a schema that is not finished would only distract.
    hints::check_mutable(cx);
    lower::lower(raw)
}
