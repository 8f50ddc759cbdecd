//! Reads `define_schema! { pub schema App { … } roles { … } }`.

use super::arguments::{Arguments, check_crate_path};
use super::casing::lower_camel;
use super::configure::{self, on_shapes};
use super::enumeration::{RustEnum, read_enum};
use super::model::{RustModel, read_model, role};
use super::resolve::{Items, resolve};
use super::shape::Shapes;
use super::{ReadContext, plain};
use crate::diag::Code;
use crate::raw::{Maybe, RawRole};
use crate::schema::Schema;
use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use std::collections::BTreeSet;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Item, Path, Token, Visibility, braced, bracketed, token};

/// The input of `define_schema!`.
pub struct Definition {
    /// Attributes and doc comments of the schema.
    pub attributes: Vec<Attribute>,
    /// The visibility of the schema.
    pub visibility: Visibility,
    /// Its name.
    pub name: Ident,
    /// The models that are listed by path, in order.
    pub listed: Vec<Listed>,
    /// The items that the schema declares.
    pub items: Vec<Item>,
    pub(crate) roles: Vec<Role>,
}

/// A model that is listed by path: `Task` or `tasks: Task`.
pub struct Listed {
    /// The attributes, of which only `cfg` is known.
    attributes: Vec<Attribute>,
    /// The name of the client's method for the model, if it is given.
    pub method: Option<Ident>,
    /// The path of the model.
    pub path: Path,
}

impl Parse for Listed {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let method = if is_named(input) {
            let method = input.parse()?;
            input.parse::<Token![:]>()?;
            Some(method)
        } else {
            None
        };
        Ok(Self { attributes, method, path: Path::parse_mod_style(input)? })
    }
}

pub(crate) struct Role {
    attributes: Vec<Attribute>,
    kind: Ident,
    field: Ident,
    multi: bool,
}

impl Parse for Role {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let kind = Ident::parse_any(input)?;
        input.parse::<Token![:]>()?;
        let field = Ident::parse_any(input)?;
        let multi = input.peek(token::Bracket);
        if multi {
            let inside;
            bracketed!(inside in input);
            if !inside.is_empty() {
                return Err(inside.error("`[]` marks a list field and must be empty"));
            }
        }
        Ok(Self { attributes, kind, field, multi })
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
            let ahead = inside.fork();
            ahead.call(Attribute::parse_outer)?;
            if is_path(&ahead) || is_named(&ahead) {
                listed.push(inside.parse()?);
                if !inside.is_empty() {
                    inside.parse::<Token![,]>()?;
                }
            } else if is_missing_comma(&ahead) {
                inside.call(Attribute::parse_outer)?;
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
            return Err(
                input.error("expected the end of `define_schema!`, which defines one schema")
            );
        }
        Ok(Self { attributes, visibility, name, listed, items, roles })
    }
}

/// Returns whether two identifiers follow each other and the first does not start an item.
fn is_missing_comma(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    !input.peek(Token![pub]) && Path::parse_mod_style(&ahead).is_ok() && ahead.peek(syn::Ident)
}

/// Returns whether a model is named here rather than declared.
fn is_path(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    Path::parse_mod_style(&ahead).is_ok() && (ahead.is_empty() || ahead.peek(Token![,]))
}

/// Returns whether the input starts with `name: `, which names the client's method for a model.
fn is_named(input: ParseStream<'_>) -> bool {
    input.peek(syn::Ident) && input.peek2(Token![:]) && !input.peek2(Token![::])
}

impl Definition {
    /// Parses the input of the macro.
    ///
    /// Reports syntax errors and returns `None`.
    pub fn parse(tokens: TokenStream, cx: &mut ReadContext) -> Option<Self> {
        if let Some(span) = super::scan::too_deep(tokens.clone()) {
            super::scan::report_too_deep("the schema", span, cx);
            return None;
        }
        match syn::parse2(tokens) {
            Ok(definition) => Some(Self::configured(definition, cx)),
            Err(error) => {
                cx.syntax(error);
                None
            }
        }
    }

    /// Removes what is not compiled.
    fn configured(mut self, cx: &mut ReadContext) -> Self {
        let mut names = BTreeSet::new();
        self.items.retain_mut(|item| {
            let (kept, doubts) = configure::item(item, on_shapes, cx);
            cx.report_doubts(&doubts);
            let name = match item {
                Item::Struct(item) => Some(plain(&item.ident)),
                Item::Enum(item) => Some(plain(&item.ident)),
                _ => None,
            };
            if kept {
                cx.add_alias(item, Vec::new());
            }
            kept && (name.is_none_or(|name| names.insert(name)) || doubts.is_empty())
        });
        let mut attributes = |attributes: &mut Vec<Attribute>| {
            let (kept, doubts) = configure::attributes(attributes, on_shapes, cx);
            cx.report_doubts(&doubts);
            kept
        };
        self.listed.retain_mut(|listed| attributes(&mut listed.attributes));
        self.roles.retain_mut(|role| attributes(&mut role.attributes));
        let is_cfg = |attribute: &&Attribute| attribute.path().is_ident("cfg");
        if let Some(attribute) = self.attributes.iter().find(is_cfg) {
            let message = "`#[cfg]` on a schema has to be outside of the macro";
            cx.report_tokens(Code::RustSyntax, attribute, message)
                .help("write it before `define_schema!`");
        }
        configure::attributes(&mut self.attributes, on_shapes, cx);
        self
    }

    /// Returns whether clients may write rows of models that do not say.
    pub(crate) fn mutable(&self, cx: &mut ReadContext) -> Maybe<bool> {
        let arguments = super::attribute::read(&self.attributes, cx);
        let mut arguments = Arguments::new(arguments, "a schema", &["crate", "mutable"], cx);
        check_crate_path(&mut arguments, cx);
        let at = arguments.span("mutable");
        let flag = arguments.flag("mutable", cx);
        if let Some(at) = at.filter(|_| self.items.is_empty()) {
            cx.report(
                Code::RustMixedSchema,
                at,
                "models that derive `AbloModel` are compiled alone",
            )
            .help("write `#[ablo(mutable)]` on each model, or declare the models here");
        }
        flag
    }

    /// Returns the roles in raw form.
    pub(crate) fn raw_roles(&self, cx: &mut ReadContext) -> Vec<RawRole<'static>> {
        let mut read = |one: &Role| {
            let kind = cx.text(plain(&one.kind), one.kind.span());
            let field = cx.text(lower_camel(&plain(&one.field)), one.field.span());
            role(Some(kind), Some(field), one.multi)
        };
        self.roles.iter().map(&mut read).collect()
    }

    /// Iterates over the roles: kind, field, and whether the field is a list.
    pub fn roles(&self) -> impl Iterator<Item = (String, String, bool)> {
        self.roles
            .iter()
            .map(|role| (plain(&role.kind), lower_camel(&plain(&role.field)), role.multi))
    }

    /// Reports models, client methods and roles that are listed twice.
    pub fn check_repeated(&self, cx: &mut ReadContext) {
        let paths = self.listed.iter().map(|listed| listed.path.to_token_stream());
        let paths = paths.map(|path| (path.to_string(), path, "model"));
        let methods = self.listed.iter().filter_map(|listed| listed.method.as_ref());
        let methods = methods.map(|name| (plain(name), name.to_token_stream(), "client method"));
        let roles =
            self.roles.iter().map(|role| (plain(&role.kind), role.kind.to_token_stream(), "role"));
        let mut seen = BTreeSet::new();
        for (name, tokens, noun) in paths.chain(methods).chain(roles) {
            if !seen.insert((noun, name.clone())) {
                let message = format!("duplicate {noun} `{name}`");
                let verb = if noun == "client method" { "rename" } else { "remove" };
                cx.report_tokens(Code::RustRepeatedAttribute, &tokens, message)
                    .help(format!("{verb} one of the two"));
            }
        }
    }

    /// Reports a schema that both names and declares models.
    pub fn check_mixed(&self, cx: &mut ReadContext) {
        if let Some(listed) = self.listed.first().filter(|_| !self.items.is_empty()) {
            let path = &listed.path;
            cx.report_tokens(
                Code::RustMixedSchema,
                path,
                "the schema both names and declares models",
            )
            .help(
                "either name or declare all models: a macro sees only the models that are \
                declared in it",
            );
        }
    }
}

/// The models and enums of a `define_schema!` that declares its models.
pub struct Inline {
    /// The models as written.
    pub models: Vec<InlineModel>,
    /// The enums.
    pub enums: Vec<RustEnum>,
    /// The schema, unless there are errors.
    pub schema: Option<Schema>,
}

/// An inline model in Rust.
pub struct InlineModel {
    /// The struct.
    pub ident: Ident,
    /// The fields and their types.
    pub fields: Vec<(Ident, syn::Type)>,
}

/// Reads and validates a `define_schema!` that declares its models.
pub fn read_inline(definition: &Definition, cx: &mut ReadContext) -> Inline {
    definition.check_mixed(cx);
    let (mut models, mut enums, mut shapes) = (Vec::new(), Vec::new(), Shapes::default());
    for item in &definition.items {
        read_item(item, &mut models, &mut enums, &mut shapes, cx);
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
    let roles = definition.raw_roles(cx);
    let kept = enums.iter().map(RustEnum::copy).collect();
    let mutable = definition.mutable(cx);
    let raw = resolve(Items { models, enums, shapes, roles, mutable }, cx);
    let schema = crate::check::check(raw, &mut cx.diagnostics);
    Inline {
        models: inline_models,
        enums: kept,
        schema: schema.filter(|_| !cx.diagnostics.has_errors()),
    }
}

/// Reads one item of a `define_schema!` that declares its models.
pub(crate) fn read_item<'i>(
    item: &'i Item,
    models: &mut Vec<RustModel>,
    enums: &mut Vec<RustEnum>,
    shapes: &mut Shapes<'i>,
    cx: &mut ReadContext,
) {
    match item {
        Item::Struct(item) if is_plain(&item.attrs) => {
            shapes.structs.insert(plain(&item.ident), item);
        }
        Item::Struct(item) => {
            models.push(read_model(&item.ident, &item.generics, &item.attrs, &item.fields, cx))
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
                cx,
            ));
        }
        Item::Use(_) | Item::Type(_) => {}
        other => {
            cx.report_tokens(
                Code::RustSyntax,
                other,
                "only structs and enums are allowed in a schema",
            )
            .help("move this out of the macro");
        }
    }
}

/// Returns whether an item only defines the shape of some JSON: it derives the traits of serde or
/// schemars.
pub(crate) fn is_plain(attributes: &[Attribute]) -> bool {
    derives(attributes, "JsonSchema")
        || derives(attributes, "Deserialize")
        || derives(attributes, "Serialize")
}

/// Returns whether an item derives `name`.
pub(crate) fn derives(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().any(|attribute| configure::derives(&attribute.meta.to_token_stream(), name))
}
