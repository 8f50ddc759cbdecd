//! Prints the descriptor of the schema.

use super::ident::{Ident, UserTokens};
use super::names::Names;
use super::writer::{Str, Token, Writer};
use crate::target::Input;

/// ```text
/// ::ablo::__private::schema! {
///     /// The schema that these types were generated from.
///     pub static SCHEMA: "1f2e3d4c" "…";
///     deltas SchemaDelta;
///     models { WeatherReport: WeatherReport, Station: Station, }
///     identity_roles { "org" "organizationId" false, }
/// }
/// ```
pub(super) fn print(out: &mut Writer, input: &Input<'_>, names: &Names) {
    let (schema_hash, content_hash) =
        (input.hashes.schema.to_string(), input.hashes.content.to_string());
    out.line(&[]);
    out.line(&[&"::ablo::__private::schema! {"]);
    out.line(&[&"    /// The schema that these types were generated from."]);
    out.line(&[&"    pub static SCHEMA: ", &Str(&schema_hash), &" ", &Str(&content_hash), &";"]);
    let (deltas, variants) = names.deltas();
    out.line(&[&"    deltas ", deltas, &";"]);
    out.put(&[&"    models {"]);
    for (model, variant) in names.models().iter().zip(variants) {
        out.fill("       ", &[&" ", variant, &": ", &model.row, &","]);
    }
    out.line(&[&" }"]);
    let roles = input.schema.identity_roles();
    print_roles(
        out,
        roles.iter().map(|role| (role.kind.as_str(), &*role.source.field, role.source.multi)),
    );
    out.line(&[&"}"]);
}

fn print_roles<'r>(out: &mut Writer, roles: impl Iterator<Item = (&'r str, &'r str, bool)>) {
    out.put(&[&"    identity_roles {"]);
    for (kind, field, multi) in roles {
        out.fill("       ", &[&" ", &Str(kind), &" ", &Str(field), &" ", &multi, &","]);
    }
    out.line(&[&" }"]);
}

/// A schema that `define_schema!` defines.
pub(super) struct Definition<'d> {
    pub(super) attributes: &'d UserTokens,
    pub(super) visibility: &'d UserTokens,
    pub(super) name: &'d Ident,
    pub(super) hashes: Option<(&'d str, &'d str)>,
    pub(super) deltas: &'d Ident,
    pub(super) client: &'d Ident,
    /// The accessor method of each model.
    pub(super) accessors: &'d [Ident],
    /// The variant in the enum of deltas, and the type.
    pub(super) models: &'d [(Ident, UserTokens)],
    pub(super) roles: &'d [(String, String, bool)],
}

/// ```text
/// ::ablo::__private::define! {
///     pub App "1f2e3d4c" "…";
///     deltas AppDelta;
///     client AppClient;
///     models { weather_reports WeatherReport: WeatherReport, stations Station: crate::Station, }
///     identity_roles { "org" "organizationId" false, }
/// }
/// ```
pub(super) fn print_definition(out: &mut Writer, definition: &Definition<'_>) {
    out.line(&[&"::ablo::__private::define! {"]);
    out.put(&[
        definition.attributes,
        &" ",
        definition.visibility,
        &" ",
        definition.name as &dyn Token,
    ]);
    if let Some((schema_hash, content_hash)) = definition.hashes {
        out.put(&[&" ", &Str(schema_hash), &" ", &Str(content_hash)]);
    }
    out.line(&[&";"]);
    out.line(&[&"    deltas ", definition.deltas, &";"]);
    out.line(&[&"    client ", definition.client, &";"]);
    out.put(&[&"    models {"]);
    for ((variant, model), accessor) in definition.models.iter().zip(definition.accessors) {
        out.put(&[&" ", accessor, &" ", variant, &": ", model, &","]);
    }
    out.line(&[&" }"]);
    print_roles(
        out,
        definition.roles.iter().map(|(kind, field, multi)| (kind.as_str(), field.as_str(), *multi)),
    );
    out.line(&[&"}"]);
}
