//! What a model is to generic code.
//!
//! Generated code implements it, and nothing else should: the supertrait that reads and writes rows is private.

use crate::__private::{Codec, ModelPatch};
use crate::descriptor::ModelDescriptor;
use serde::Serialize;
use std::fmt::Debug;

/// A type whose values are the declared fields of a model's rows.
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
    message = "`{Self}` is no model",
    label = "does not derive `AbloModel`",
    note = "derive `ablo::AbloModel` for the struct, or declare it in `define_schema!`"
)]
pub trait Model: Codec + Send + Sync + 'static {
    /// What changing a row takes. Serialises to what it changes.
    type Patch: ModelPatch + Serialize + Clone + Debug + Default + PartialEq + Send;
    /// What the schema says of the model.
    const DESCRIPTOR: &'static ModelDescriptor;
}
