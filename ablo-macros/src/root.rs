//! The path of the crate `ablo` in the user's crate.

use crate::spans::text;
use ablo_schema::Code;
use ablo_schema::front::rust::crate_path_of;
use proc_macro_crate::{Error, FoundCrate, crate_name};
use proc_macro2::TokenStream;
use syn::Attribute;

const USUAL: &str = "::ablo";

/// Returns the path that `#[ablo(crate = "…")]` says, else that of the dependency in Cargo.toml.
/// The error is the expansion of a macro that cannot name the crate.
pub(crate) fn root(attributes: &[Attribute]) -> Result<String, TokenStream> {
    if let Some(path) = crate_path_of(attributes) {
        return Ok(text(&path));
    }
    match crate_name("ablo") {
        Ok(FoundCrate::Name(name)) => Ok(format!("::{name}")),
        Err(Error::CrateNotFound { .. }) => {
            let message = format!(
                "the crate `ablo` is not a dependency of this package\n  code: {}\n  help: add it \
                 to Cargo.toml, or name its re-export: `#[ablo(crate = \"facade::ablo\")]`",
                Code::RustCrateNotFound
            );
            let error = syn::Error::new(proc_macro2::Span::call_site(), message);
            Err(error.into_compile_error())
        }
        // The examples of `ablo` itself, and builds without a Cargo.toml.
        _ => Ok(USUAL.to_owned()),
    }
}
