//! What the tests of this package share: fixtures by kind, and the judges that look at what is generated.

pub mod arbitrary;
pub mod fixtures;
pub mod rust;
pub mod synthetic;
