//! The expansion of each macro.

use crate::recover::{recovered_enum, recovered_model};
use crate::report::errors;
use crate::root::root;
use crate::spans::{Spans, text};
use ablo_codegen::emit::rust::expand::{
    Enumeration, Field, Method, Model, Schema, SchemaModel, print_enum, print_model, print_schema,
};
use ablo_schema::Hashes;
use ablo_schema::front::rust::casing::{key_of, plural_key_of};
use ablo_schema::front::rust::definition::{Definition, Inline, read_inline};
use ablo_schema::front::rust::derive::{Derived, read, read_derived_enum};
use ablo_schema::front::rust::{ReadContext, RustEnum};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt as _;
use syn::{Attribute, DeriveInput, Item, ItemStruct, Path, Visibility};

/// Expands `#[derive(AbloModel)]`: the descriptor of the user's struct.
pub(crate) fn model(tokens: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(tokens) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let root = match root(&input.attrs) {
        Ok(root) => root,
        Err(error) => return error,
    };
    let mut cx = ReadContext::default();
    let Derived { schema, fields, targets } = read(&input, &mut cx);
    let errors = errors(&mut cx);
    let Some(schema) = schema else {
        let recovered = recovered_model(&input, &root, &errors);
        return quote!(#errors #recovered);
    };
    let fields: Vec<Field> = fields
        .iter()
        .map(|field| Field { name: field.ident.to_string(), value: text(&field.value) })
        .collect();
    let targets: Vec<String> = targets.iter().map(|target| text(&target.path)).collect();
    let names = Model {
        root: &root,
        visibility: &text(&input.vis),
        name: &input.ident.to_string(),
        fields: &fields,
        targets: &targets,
    };
    let printed = print_model(&schema, 0, &names);
    let mut spans = Spans::default();
    spans.record(input.to_token_stream());
    let table = spans.respan(&printed);
    let attributes = input.attrs.iter().map(ToTokens::to_token_stream).collect();
    spans.record_constants(attributes);
    let checks = foreign_keys(&schema, &targets, &spans);
    quote!(#errors #table #checks)
}

/// Names the fields that relations use on the other side, so that rustc checks that they exist.
fn foreign_keys(schema: &ablo_schema::Schema, targets: &[String], spans: &Spans) -> TokenStream {
    let Some(model) = schema.models().first() else { return TokenStream::new() };
    let printed = ablo_codegen::emit::rust::expand::print_foreign_keys(model, targets);
    spans.respan(&printed)
}

/// Expands `#[derive(AbloEnum)]`.
pub(crate) fn enumeration(tokens: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(tokens) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let root = match root(&input.attrs) {
        Ok(root) => root,
        Err(error) => return error,
    };
    let mut cx = ReadContext::default();
    let read = read_derived_enum(&input, &mut cx);
    let errors = errors(&mut cx);
    let Some(read) = read.filter(|_| errors.is_empty()) else {
        let recovered = recovered_enum(&input, &root);
        return quote!(#errors #recovered);
    };
    let mut spans = Spans::default();
    spans.record(input.to_token_stream());
    spans.respan(&print_enum(&variants(&read, &root, None)))
}

fn variants(read: &RustEnum, root: &str, visibility: Option<&str>) -> Enumeration {
    Enumeration {
        root: root.to_owned(),
        visibility: visibility.map(str::to_owned),
        name: read.ident.to_string(),
        other: read.other.as_ref().map(Ident::to_string),
        variants: read
            .variants
            .iter()
            .map(Ident::to_string)
            .zip(read.values().map(str::to_owned))
            .collect(),
    }
}

/// Expands `define_schema!`, which names or declares its models.
pub(crate) fn schema(tokens: TokenStream, mut cx: ReadContext) -> TokenStream {
    let mut spans = Spans::default();
    spans.record(tokens.clone());
    let Some(definition) = Definition::parse(tokens, &mut cx) else {
        return errors(&mut cx);
    };
    let root = match root(&definition.attributes) {
        Ok(root) => root,
        Err(error) => return error,
    };
    if definition.items.is_empty() {
        named(&definition, &root, &mut cx, &spans)
    } else {
        inline(&definition, &root, &mut cx, &spans)
    }
}

fn named(definition: &Definition, root: &str, cx: &mut ReadContext, spans: &Spans) -> TokenStream {
    definition.check_repeated(cx);
    let models: Vec<SchemaModel> = definition
        .listed
        .iter()
        .map(|listed| SchemaModel {
            path: text(&listed.path),
            method: match &listed.method {
                Some(method) => Method::Written(method.to_string()),
                None => assumed(&listed.path),
            },
        })
        .collect();
    let printed = print_definition(definition, root, None, &models);
    let (errors, schema) = (errors(cx), spans.respan(&printed));
    quote!(#errors #schema)
}

/// The method of a model whose key is set by a derive elsewhere, which this macro cannot see.
fn assumed(path: &Path) -> Method {
    let name = path.segments.last().map(|last| last.ident.unraw().to_string()).unwrap_or_default();
    Method::Assumed { plural: plural_key_of(&name), default: key_of(&name) }
}

fn print_definition(
    definition: &Definition,
    root: &str,
    hashes: Option<(&str, &str)>,
    models: &[SchemaModel],
) -> String {
    let roles: Vec<_> = definition.roles().collect();
    let attributes: TokenStream = definition
        .attributes
        .iter()
        .filter(|attribute| !attribute.path().is_ident("ablo"))
        .map(ToTokens::to_token_stream)
        .collect();
    print_schema(&Schema {
        root,
        attributes: &text(&attributes),
        visibility: &text(&definition.visibility),
        name: &definition.name.to_string(),
        hashes,
        models,
        roles: &roles,
    })
}

fn inline(definition: &Definition, root: &str, cx: &mut ReadContext, spans: &Spans) -> TokenStream {
    let Inline { models, enums, schema } = read_inline(definition, cx);
    definition.check_repeated(cx);
    let errors = errors(cx);
    let items: TokenStream =
        definition.items.iter().map(|item| item_without_attributes(item, &enums)).collect();
    let idents: Vec<String> = models.iter().map(|model| model.ident.to_string()).collect();
    let printed_enums = |printed: &mut String| {
        for read in &enums {
            let visibility = visibility_of(definition, &read.ident);
            printed.push_str(&print_enum(&variants(read, root, Some(&visibility))));
        }
    };
    let Some(schema) = schema else {
        let structs = definition.items.iter().filter_map(|item| match item {
            Item::Struct(item) if idents.contains(&item.ident.to_string()) => {
                Some(DeriveInput::from(item.clone()))
            }
            _ => None,
        });
        let recovered: TokenStream =
            structs.map(|input| recovered_model(&input, root, &errors)).collect();
        let mut printed = String::new();
        printed_enums(&mut printed);
        let models = idents.iter().map(|ident| inline_model(ident, key_of(ident)));
        printed.push_str(&print_definition(definition, root, None, &models.collect::<Vec<_>>()));
        let tables = spans.respan(&printed);
        return quote!(#errors #items #recovered #tables);
    };
    let mut printed = String::new();
    for (at, model) in models.iter().enumerate() {
        let visibility = visibility_of(definition, &model.ident);
        let fields: Vec<Field> = model
            .fields
            .iter()
            .map(|(ident, ty)| Field { name: ident.to_string(), value: text(ty) })
            .collect();
        let targets: Vec<String> = schema
            .models()
            .get(at)
            .into_iter()
            .flat_map(|model| &model.relations)
            .map(|relation| {
                let target = schema.models().iter().position(|model| model.key == relation.target);
                target.and_then(|target| idents.get(target)).cloned().unwrap_or_default()
            })
            .collect();
        let names = Model {
            root,
            visibility: &visibility,
            name: &model.ident.to_string(),
            fields: &fields,
            targets: &targets,
        };
        printed.push_str(&print_model(&schema, at, &names));
    }
    printed_enums(&mut printed);
    let hashes = Hashes::of(&schema);
    let hashes = (hashes.schema.to_string(), hashes.content.to_string());
    let keys = schema.models().iter().map(|model| model.key.as_str().to_owned());
    let models: Vec<SchemaModel> =
        idents.iter().zip(keys).map(|(ident, key)| inline_model(ident, key)).collect();
    printed.push_str(&print_definition(definition, root, Some((&hashes.0, &hashes.1)), &models));
    let tables = spans.respan(&printed);
    quote!(#errors #items #tables)
}

/// A model with a known key. As for listed models, the default key gives the method its plural.
fn inline_model(ident: &str, key: String) -> SchemaModel {
    let name = ident.trim_start_matches("r#");
    let key = if key == key_of(name) { plural_key_of(name) } else { key };
    SchemaModel { path: ident.to_owned(), method: Method::Key(key) }
}

/// Returns an item without `#[ablo(…)]`. Enums of the schema are printed with the descriptors.
fn item_without_attributes(item: &Item, enums: &[RustEnum]) -> TokenStream {
    match item.clone() {
        Item::Struct(mut item) => {
            strip(&mut item.attrs);
            item.fields.iter_mut().for_each(|field| strip(&mut field.attrs));
            let derives = usual_derives(&item);
            quote!(#derives #item)
        }
        Item::Enum(item) if enums.iter().any(|read| read.ident == item.ident) => TokenStream::new(),
        Item::Enum(mut item) => {
            strip(&mut item.attrs);
            item.variants.iter_mut().for_each(|variant| strip(&mut variant.attrs));
            item.to_token_stream()
        }
        item => item.to_token_stream(),
    }
}

fn strip(attributes: &mut Vec<Attribute>) {
    attributes.retain(|attribute| !attribute.path().is_ident("ablo"));
}

/// Returns the default derives of rows, unless the author wrote a `derive`.
fn usual_derives(item: &ItemStruct) -> TokenStream {
    if item.attrs.iter().any(|attribute| attribute.path().is_ident("derive")) {
        return TokenStream::new();
    }
    quote!(#[derive(::core::clone::Clone, ::core::fmt::Debug, ::core::cmp::PartialEq)])
}

fn visibility_of(definition: &Definition, ident: &Ident) -> String {
    let found = definition.items.iter().find_map(|item| match item {
        Item::Struct(item) if item.ident == *ident => Some(&item.vis),
        Item::Enum(item) if item.ident == *ident => Some(&item.vis),
        _ => None,
    });
    text(found.unwrap_or(&Visibility::Inherited))
}
