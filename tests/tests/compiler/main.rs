//! Front ends, checks, emitters and what judges say of their output.

mod build_script;
mod conformance_diff;
mod conformance_schema;
mod derive_every_member;
mod derive_inline;
mod derive_printed;
mod diagnostics;
mod diff;
mod digits;
mod emit;
mod json_schema_documents;
mod judged;
mod mutable;
mod openapi_documents;
mod properties;
mod rust_front;
mod rust_judge;
mod rust_parity;
mod rust_source;
mod schema_json;
mod shapes;
mod typescript_forms;
mod typescript_judge;
