//! The ablo emitters: a checked schema in, files out.
//!
//! [`shape`] is the schema as one artifact sees it, free of any target language. Each folder under [`emit`] turns
//! shapes into the files of one [`Target`]; [`mod@write`] puts [`Files`] on disk, only where bytes differ. Emitters do
//! no I/O and read no clock, environment, version or randomness: the same schema gives the same bytes everywhere.

pub mod emit;
pub mod files;
#[cfg(feature = "build")]
mod generator;
pub mod migrate;
pub mod shape;
pub mod target;
pub mod write;

pub use files::Files;
#[cfg(feature = "build")]
pub use generator::{Failure, Generated, Generator, RustFiles};
pub use target::{Emit, Input, OptionError, Target, targets};
