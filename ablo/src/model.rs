//! The trait of all models. Only generated code implements it, since its supertrait is private.

use crate::descriptor::{ModelDescriptor, RelationDescriptor, RelationKind};
use crate::members::{Codec, ModelPatch};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// A model: a type whose values are the declared fields of a row.
///
/// ```
/// # mod generated { include!("../tests/weather.in"); }
/// use ablo::Model;
///
/// fn table<M: Model>() -> &'static str {
///     M::DESCRIPTOR.table
/// }
/// assert_eq!(table::<generated::WeatherReport>(), "weather_reports");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a model",
    label = "does not derive `AbloModel`",
    note = "derive `ablo::AbloModel` for the struct, or declare it in `define_schema!`"
)]
pub trait Model: Codec + Send + Sync + 'static {
    /// The patch type. Serialises to the fields that it sets or clears.
    type Patch: ModelPatch
        + Serialize
        + DeserializeOwned
        + Clone
        + Debug
        + Default
        + PartialEq
        + Send;
    /// The descriptor of the model.
    const DESCRIPTOR: &'static ModelDescriptor;
}

impl RelationDescriptor {
    /// The defaults for members that generated code omits, for a relation to `M`.
    #[doc(hidden)]
    #[must_use]
    pub const fn __to<M: Model>(
        name: &'static str,
        kind: RelationKind,
        foreign_key: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            target: target::<M>,
            foreign_key,
            order_by: None,
            index: false,
            enrich: false,
            defer: false,
            parent: false,
            fk: false,
        }
    }
}

fn target<M: Model>() -> &'static ModelDescriptor {
    M::DESCRIPTOR
}
