//! The runtime of generated code.

mod behaviour;
mod binary;
mod codec;
mod derive;
mod old_client;
mod support;
