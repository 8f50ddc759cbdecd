//! `define_schema! { pub schema App { … } roles { … } }`.

use super::enumeration::{RustEnum, read_enum};
use super::model::{RustModel, read_model, role};
use super::resolve::{Items, resolve};
use super::shape::Shapes;
use super::words::lower_camel;
use super::{Reader, plain};
use crate::diag::Code;
use crate::raw::RawRole;
use crate::schema::Schema;
use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Item, Path, Token, Visibility, braced, bracketed, token};

/// What `define_schema!` was given.
pub struct Definition {
    /// Attributes and docs of the whole.
    pub attributes: Vec<Attribute>,
    /// Who may see the schema.
    pub visibility: Visibility,
    /// Its name.
    pub name: Ident,
    /// The models that are listed by path, in order.
    pub listed: Vec<Listed>,
    /// Items that stand in it.
    pub items: Vec<Item>,
    pub(crate) roles: Vec<Role>,
}

/// A model that is listed by path: `Task` or `tasks: Task`.
pub struct Listed {
    /// The name of the client's method for the model, if it is given.
    pub method: Option<Ident>,
    /// The path of the model.
    pub path: Path,
}

impl Parse for Listed {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let method = if is_named(input) {
            let method = input.parse()?;
            input.parse::<Token![:]>()?;
            Some(method)
        } else {
            None
        };
        Ok(Self { method, path: Path::parse_mod_style(input)? })
    }
}

pub(crate) struct Role {
    kind: Ident,
    field: Ident,
    multi: bool,
}

impl Parse for Role {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let kind = Ident::parse_any(input)?;
        input.parse::<Token![:]>()?;
        let field = Ident::parse_any(input)?;
        let multi = input.peek(token::Bracket);
        if multi {
            let inside;
            bracketed!(inside in input);
            if !inside.is_empty() {
                return Err(
                    inside.error("`[]` says that the field holds a list; nothing stands in it")
                );
            }
        }
        Ok(Self { kind, field, multi })
    }
}

impl Parse for Definition {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let word = Ident::parse_any(input)?;
        if word != "schema" {
            return Err(syn::Error::new(
                word.span(),
                "expected `schema`: `define_schema! { pub schema App { … } }`",
            ));
        }
        let name = input.parse()?;
        let inside;
        braced!(inside in input);
        let (mut listed, mut items) = (Vec::new(), Vec::new());
        while !inside.is_empty() {
            if is_path(&inside) || is_named(&inside) {
                listed.push(inside.parse()?);
                if !inside.is_empty() {
                    inside.parse::<Token![,]>()?;
                }
            } else if is_missing_comma(&inside) {
                Path::parse_mod_style(&inside)?;
                return Err(inside.error("expected `,` between two models"));
            } else {
                items.push(inside.parse()?);
            }
        }
        let mut roles = Vec::new();
        if !input.is_empty() {
            let word = Ident::parse_any(input)?;
            if word != "roles" {
                return Err(syn::Error::new(word.span(), "expected `roles { … }` or the end"));
            }
            let inside;
            braced!(inside in input);
            roles.extend(inside.parse_terminated(Role::parse, Token![,])?);
        }
        if !input.is_empty() {
            return Err(input.error("expected nothing more: one schema to a `define_schema!`"));
        }
        Ok(Self { attributes, visibility, name, listed, items, roles })
    }
}

/// Two words in a row, and the first is none that begins an item.
fn is_missing_comma(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    !input.peek(Token![pub]) && Path::parse_mod_style(&ahead).is_ok() && ahead.peek(syn::Ident)
}

/// Whether a model is named here, and not declared.
fn is_path(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    Path::parse_mod_style(&ahead).is_ok() && (ahead.is_empty() || ahead.peek(Token![,]))
}

/// Returns whether the input starts with `name: `, which names the client's method for a model.
fn is_named(input: ParseStream<'_>) -> bool {
    input.peek(syn::Ident) && input.peek2(Token![:]) && !input.peek2(Token![::])
}

impl Definition {
    /// Parses what stands between the braces of the macro.
    ///
    /// Faults of syntax are noted, and give nothing.
    pub fn parse(tokens: TokenStream, reader: &mut Reader) -> Option<Self> {
        if let Some(span) = super::scan::too_deep(tokens.clone()) {
            super::scan::say_too_deep("the schema", span, reader);
            return None;
        }
        match syn::parse2(tokens) {
            Ok(definition) => Some(definition),
            Err(error) => {
                reader.syntax(error);
                None
            }
        }
    }

    /// The roles as raw parts.
    pub(crate) fn raw_roles(&self, reader: &mut Reader) -> Vec<RawRole<'static>> {
        let mut read = |one: &Role| {
            let kind = reader.text(plain(&one.kind), one.kind.span());
            let field = reader.text(lower_camel(&plain(&one.field)), one.field.span());
            role(Some(kind), Some(field), one.multi)
        };
        self.roles.iter().map(&mut read).collect()
    }

    /// The roles as they are checked: kind, field, whether it holds a list.
    pub fn roles(&self) -> impl Iterator<Item = (String, String, bool)> {
        self.roles
            .iter()
            .map(|role| (plain(&role.kind), lower_camel(&plain(&role.field)), role.multi))
    }

    /// Notes models that are named twice, and roles.
    pub fn check_repeated(&self, reader: &mut Reader) {
        let paths = self.listed.iter().map(|listed| listed.path.to_token_stream());
        let paths = paths.map(|path| (path.to_string(), path, "model"));
        let methods = self.listed.iter().filter_map(|listed| listed.method.as_ref());
        let methods = methods.map(|name| (plain(name), name.to_token_stream(), "client method"));
        let roles =
            self.roles.iter().map(|role| (plain(&role.kind), role.kind.to_token_stream(), "role"));
        let mut seen = std::collections::BTreeSet::new();
        for (name, tokens, what) in paths.chain(methods).chain(roles) {
            if !seen.insert((what, name.clone())) {
                let message = format!("the schema has the {what} `{name}` twice");
                let verb = if what == "client method" { "rename" } else { "remove" };
                reader
                    .say_at(Code::RustRepeatedAttribute, &tokens, message)
                    .help(format!("{verb} one of them"));
            }
        }
    }

    /// Notes models that are named beside others that are declared.
    pub fn check_mixed(&self, reader: &mut Reader) {
        if let Some(listed) = self.listed.first().filter(|_| !self.items.is_empty()) {
            let path = &listed.path;
            reader
                .say_at(Code::RustMixedSchema, path, "models are named here and declared here")
                .help(
                    "do one of the two: a macro sees what is declared in it, and not what is named",
                );
        }
    }
}

/// The models and enums of a `define_schema!` that declares them.
pub struct Inline {
    /// The models, as they were written.
    pub models: Vec<InlineModel>,
    /// The enums.
    pub enums: Vec<RustEnum>,
    /// The schema, if nothing stands in the way.
    pub schema: Option<Schema>,
}

/// What an inline model has in Rust.
pub struct InlineModel {
    /// The struct.
    pub ident: Ident,
    /// Its fields and their types.
    pub fields: Vec<(Ident, syn::Type)>,
}

/// Reads and checks a `define_schema!` that declares its models.
pub fn read_inline(definition: &Definition, reader: &mut Reader) -> Inline {
    definition.check_mixed(reader);
    let (mut models, mut enums, mut shapes) = (Vec::new(), Vec::new(), Shapes::default());
    for item in &definition.items {
        read_item(item, &mut models, &mut enums, &mut shapes, reader);
    }
    let seen = |model: &RustModel| InlineModel {
        ident: model.ident.clone(),
        fields: model
            .fields
            .iter()
            .map(|field| (field.ident.clone(), field.value.clone()))
            .collect(),
    };
    let inline_models = models.iter().map(seen).collect();
    let roles = definition.raw_roles(reader);
    let kept = enums.iter().map(RustEnum::copy).collect();
    let raw = resolve(Items { models, enums, shapes, roles }, reader);
    let schema = crate::check::check(raw, &mut reader.diagnostics);
    Inline {
        models: inline_models,
        enums: kept,
        schema: schema.filter(|_| !reader.diagnostics.has_errors()),
    }
}

/// Reads one item of a `define_schema!` that declares its models.
pub(crate) fn read_item<'i>(
    item: &'i Item,
    models: &mut Vec<RustModel>,
    enums: &mut Vec<RustEnum>,
    shapes: &mut Shapes<'i>,
    reader: &mut Reader,
) {
    match item {
        Item::Struct(item) if is_plain(&item.attrs) => {
            shapes.structs.insert(plain(&item.ident), item);
        }
        Item::Struct(item) => {
            models.push(read_model(&item.ident, &item.generics, &item.attrs, &item.fields, reader))
        }
        Item::Enum(item) if is_plain(&item.attrs) => {
            shapes.enums.insert(plain(&item.ident), item);
        }
        Item::Enum(item) => {
            enums.push(read_enum(
                &item.ident,
                &item.generics,
                &item.attrs,
                &item.variants,
                false,
                reader,
            ));
        }
        Item::Use(_) => {}
        other => {
            reader
                .say_at(Code::RustSyntax, other, "a schema holds structs and enums")
                .help("move this out of the macro");
        }
    }
}

/// Whether a struct or an enum stands there for the shape of some JSON: it derives serde's traits.
pub(crate) fn is_plain(attributes: &[Attribute]) -> bool {
    derives(attributes, "JsonSchema")
        || derives(attributes, "Deserialize")
        || derives(attributes, "Serialize")
}

/// Whether an item derives this.
pub(crate) fn derives(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().any(|attribute| super::scan::derives(&attribute.meta.to_token_stream(), name))
}
