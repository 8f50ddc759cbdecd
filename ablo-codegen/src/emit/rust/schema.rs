//! The schema's own descriptor.

use super::names::Names;
use super::writer::{Str, Writer};
use crate::target::Input;

/// ```text
/// ::ablo::__private::schema! {
///     /// The schema that these types were generated from.
///     pub static SCHEMA: "1f2e3d4c" "…";
///     models { WeatherReport, Station, }
///     identity_roles { "org" "organizationId" false, }
/// }
/// ```
pub(super) fn print(out: &mut Writer, input: &Input<'_>, names: &Names) {
    let (schema_hash, content_hash) = (input.hashes.schema.to_string(), input.hashes.content.to_string());
    out.line(&[]);
    out.line(&[&"::ablo::__private::schema! {"]);
    out.line(&[&"    /// The schema that these types were generated from."]);
    out.line(&[&"    pub static SCHEMA: ", &Str(&schema_hash), &" ", &Str(&content_hash), &";"]);
    out.put(&[&"    models {"]);
    for model in names.models() {
        out.fill("       ", &[&" ", &model.row, &","]);
    }
    out.line(&[&" }"]);
    out.put(&[&"    identity_roles {"]);
    for role in input.schema.identity_roles() {
        let (kind, field) = (Str(role.kind.as_str()), Str(&role.source.field));
        out.fill("       ", &[&" ", &kind, &" ", &field, &" ", &role.source.multi, &","]);
    }
    out.line(&[&" }"]);
    out.line(&[&"}"]);
}
