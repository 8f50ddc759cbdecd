//! Lookup of models by typename.

use crate::descriptor::SchemaDescriptor;

impl SchemaDescriptor {
    /// Returns the position of the model with this typename.
    pub(in crate::codec) fn position(&self, type_name: &str) -> Option<usize> {
        self.models.iter().position(|model| model.type_name == type_name)
    }
}
