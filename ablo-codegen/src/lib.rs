//! The ablo emitters: turn a validated schema into files.
//!
//! [`shape`] describes a schema independently of any target language. Each module under [`emit`]
//! turns shapes into the files of one [`Target`], and [`mod@write`] writes changed [`Files`] to
//! disk. Emitters do no I/O and read no clock, environment, version or random source, so the same
//! schema always gives the same bytes.

pub mod emit;
pub mod files;
#[cfg(feature = "build")]
mod generator;
pub mod migrate;
pub mod shape;
pub mod target;
pub mod write;

pub use emit::targets;
pub use files::Files;
#[cfg(feature = "build")]
pub use generator::{Failure, Generated, Generator, RustFiles};
pub use target::{Emit, Input, OptionError, Target};
