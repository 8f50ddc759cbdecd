//! Which model a typename names.

use crate::descriptor::SchemaDescriptor;

impl SchemaDescriptor {
    /// The position of the model with this name on the wire.
    pub(in crate::codec) fn position(&self, type_name: &str) -> Option<usize> {
        self.models.iter().position(|model| model.type_name == type_name)
    }
}
