//! The trait of all models. Only generated code implements it, since its supertrait is private.

use crate::__private::{Codec, ModelPatch};
use crate::descriptor::ModelDescriptor;
use serde::Serialize;
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
    type Patch: ModelPatch + Serialize + Clone + Debug + Default + PartialEq + Send;
    /// The descriptor of the model.
    const DESCRIPTOR: &'static ModelDescriptor;
}
