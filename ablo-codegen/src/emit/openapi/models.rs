//! The routes of one model: rows, one row, its claim and the claim queue.
//!
//! Every model has all eight operations. The server decides per credential and model whether a
//! client may write, so the tag documents the schema and each operation documents its errors.

use super::Entry;
use super::operation::{Title, body_with, body_with_data, operation, responses};
use super::shared::{self, filter};
use crate::emit::json::names::{ModelNames, Ref};
use crate::emit::json::rows::{self, Kinds};
use crate::emit::json::template::{RepeatedText, Template};
use crate::emit::json::write::{Array, Object};
use crate::shape::BASE_FIELDS;
use ablo_schema::schema::{FieldKind, Load, Model, Plane};

/// Query parameters that are not filters.
const RESERVED: [&str; 4] = ["limit", "order", "order_by", "starting_after"];

/// Writes the tag of a model.
pub(super) fn tag(tag: &mut Object<'_>, model: &Model) {
    let mut facts = format!("Rows of type `{}`.", model.type_name);
    if !model.mutable {
        facts.push_str(" Not mutable: writes may be rejected with 403.");
    }
    if model.plane == Plane::Control {
        facts.push_str(" Stored by the coordinator itself.");
    }
    match model.load {
        Load::Instant => {}
        Load::Lazy => facts.push_str(" Clients load them on first access."),
        Load::Manual => facts.push_str(" Clients load them only on request."),
    }
    if let Some(kind) = model.scope_kind() {
        facts.push_str(&format!(" Each row forms the sync group `{kind}:<id>`."));
    }
    tag.string("name", model.key.as_str());
    tag.string("description", &facts);
}

/// Writes the routes of models, model by model. Text that models have in common is printed once.
pub(super) struct Routes {
    any: ModelNames,
    filters: Filters,
    page: Template,
    create: Template,
    one_row: Template,
}

impl Default for Routes {
    fn default() -> Self {
        let [_, row, create, patch] = Template::PLACEHOLDERS;
        let any = ModelNames::placeholders([row, create, patch]);
        Self {
            any,
            filters: Filters::default(),
            page: Template::default(),
            create: Template::default(),
            one_row: Template::default(),
        }
    }
}

impl Routes {
    /// Writes the four paths of a model.
    pub(super) fn paths(&mut self, paths: &mut Object<'_>, entry: &Entry<'_>) {
        let Self { any, filters, page, create: creation, one_row } = self;
        let key = entry.shape.model.key.as_str();
        let names = [
            key,
            entry.names.row.as_str(),
            entry.names.create.as_str(),
            entry.names.patch.as_str(),
        ];
        let [any_key, ..] = Template::PLACEHOLDERS;
        paths.object_at(&["/v1/models/", key], |path| {
            list(
                path,
                key,
                |parameters| filters.write(parameters, entry),
                |operation| {
                    operation.template(page, names, |operation| list_responses(operation, any));
                },
            );
            path.template(creation, names, |path| create(path, any_key, any));
        });
        match &entry.names.relative {
            Some(_) => paths_of_one_row(paths, key, &entry.names),
            None => {
                paths.template(one_row, names, |paths| paths_of_one_row(paths, any_key, any));
            }
        }
    }
}

fn paths_of_one_row(paths: &mut Object<'_>, key: &str, names: &ModelNames) {
    paths.object_at(&["/v1/models/", key, "/{id}"], |path| {
        path.inline_array("parameters", |parameters| parameters.refers(Ref::Parameter("Id")));
        retrieve(path, key, names);
        update(path, key, names);
        delete(path, key);
    });
    paths.object_at(&["/v1/models/", key, "/{id}/claim"], |path| {
        path.inline_array("parameters", |parameters| {
            parameters.refers(Ref::Parameter("Id"));
            parameters.refers(Ref::Parameter("Holder"));
        });
        claim(path, key);
        release(path, key);
    });
    paths.object_at(&["/v1/models/", key, "/{id}/claim/reorder"], |path| {
        path.inline_array("parameters", |parameters| parameters.refers(Ref::Parameter("Id")));
        reorder(path, key);
    });
}

fn list(
    path: &mut Object<'_>,
    key: &str,
    parameters: impl FnOnce(&mut Array<'_>),
    responses: impl FnOnce(&mut Object<'_>),
) {
    let title = Title { id: &[key, ".list"], tag: key, summary: &["List rows of `", key, "`"] };
    operation(path, "get", &title, |operation| {
        operation.array("parameters", parameters);
        responses(operation);
    });
}

fn list_responses(operation: &mut Object<'_>, names: &ModelNames) {
    responses(operation, shared::READ_MANY, |responses| {
        success(responses, "One page of rows.", "ListPage", |data| {
            data.string("type", "array");
            data.refers("items", Ref::Model(&names.row));
        });
    });
}

/// Writes the query parameters of lists.
struct Filters {
    shared: RepeatedText,
    kinds: Kinds,
}

impl Default for Filters {
    fn default() -> Self {
        let kinds = Kinds::new(|parameter, members| {
            parameter.string("in", "query");
            parameter.object("schema", |schema| schema.fragment(members));
        });
        Self { shared: RepeatedText::default(), kinds }
    }
}

impl Filters {
    fn write(&mut self, parameters: &mut Array<'_>, entry: &Entry<'_>) {
        parameters.repeat(&mut self.shared, |parameters| {
            let paging = ["Limit", "OrderBy", "Order", "StartingAfter"].into_iter();
            let shared = paging.chain(BASE_FIELDS.into_iter().map(filter));
            shared.for_each(|name| parameters.refers(Ref::Parameter(name)));
        });
        for (field, enumeration) in rows::with_enums(entry.shape, &entry.names) {
            let is_filter = field.kind != FieldKind::Json && !field.facets.secret;
            if !is_filter || RESERVED.contains(&field.name.as_str()) {
                continue;
            }
            parameters.inline(|parameter| {
                parameter.string("name", field.name.as_str());
                match (enumeration, self.kinds.get(field, false)) {
                    (None, Some(plain)) => parameter.fragment(plain),
                    (Some(name), _) => {
                        parameter.string("in", "query");
                        parameter.refers("schema", Ref::Model(name));
                    }
                    (None, None) => {
                        parameter.string("in", "query");
                        parameter.object("schema", |schema| rows::exact_type(schema, field));
                    }
                }
                if field.facets.deprecated.is_some() {
                    parameter.boolean("deprecated", true);
                }
            });
        }
    }
}

fn create(path: &mut Object<'_>, key: &str, names: &ModelNames) {
    let title =
        Title { id: &[key, ".create"], tag: key, summary: &["Create a row of `", key, "`"] };
    operation(path, "post", &title, |operation| {
        idempotent(operation);
        request(operation, "CreateBody", |data| data.reference(Ref::Model(&names.create)));
        responses(operation, shared::CREATE, |responses| {
            responses.refers("201", Ref::Response("Receipt"));
        });
    });
}

fn retrieve(path: &mut Object<'_>, key: &str, names: &ModelNames) {
    let title =
        Title { id: &[key, ".retrieve"], tag: key, summary: &["Retrieve a row of `", key, "`"] };
    operation(path, "get", &title, |operation| {
        responses(operation, shared::READ_ONE, |responses| {
            let about = "The row and its claims.";
            success(responses, about, "Read", |data| data.reference(Ref::Model(&names.row)));
        });
    });
}

fn update(path: &mut Object<'_>, key: &str, names: &ModelNames) {
    let title =
        Title { id: &[key, ".update"], tag: key, summary: &["Update a row of `", key, "`"] };
    operation(path, "patch", &title, |operation| {
        idempotent(operation);
        operation.inline("requestBody", |body| {
            body.boolean("required", true);
            body_with(body, "UpdateBody", |own| changes(own, names));
        });
        responses(operation, shared::WRITE, |responses| {
            responses.refers("200", Ref::Response("Receipt"))
        });
    });
}

/// Writes the members of an update: `data`, or `relative` instead if the model has such fields.
fn changes(own: &mut Object<'_>, names: &ModelNames) {
    if names.relative.is_none() {
        own.strings("required", &["data"]);
    }
    own.object("properties", |properties| {
        properties.object("data", |data| data.reference(Ref::Model(&names.patch)));
        if let Some(relative) = &names.relative {
            properties.object("relative", |member| member.reference(Ref::Model(relative)));
        }
    });
}

fn delete(path: &mut Object<'_>, key: &str) {
    let title =
        Title { id: &[key, ".delete"], tag: key, summary: &["Delete a row of `", key, "`"] };
    operation(path, "delete", &title, |operation| {
        idempotent(operation);
        operation.refers("requestBody", Ref::RequestBody("Delete"));
        responses(operation, shared::WRITE, |responses| {
            responses.refers("200", Ref::Response("Receipt"))
        });
    });
}

fn claim(path: &mut Object<'_>, key: &str) {
    let title = Title { id: &[key, ".claim"], tag: key, summary: &["Claim a row of `", key, "`"] };
    operation(path, "post", &title, |operation| {
        operation.refers("requestBody", Ref::RequestBody("Claim"));
        responses(operation, shared::CREATE, |responses| {
            responses.refers("201", Ref::Response("Claimed"));
            responses.refers("202", Ref::Response("Queued"));
        });
    });
}

fn release(path: &mut Object<'_>, key: &str) {
    let title = Title {
        id: &[key, ".release"],
        tag: key,
        summary: &["Release the claim on a row of `", key, "`"],
    };
    operation(path, "delete", &title, |operation| {
        responses(operation, shared::READ_MANY, |responses| {
            responses.refers("200", Ref::Response("Released"))
        });
    });
}

fn reorder(path: &mut Object<'_>, key: &str) {
    let title = Title {
        id: &[key, ".reorder"],
        tag: key,
        summary: &["Reorder the claim queue of a row of `", key, "`"],
    };
    operation(path, "post", &title, |operation| {
        operation.refers("requestBody", Ref::RequestBody("Reorder"));
        responses(operation, shared::READ_MANY, |responses| {
            responses.refers("200", Ref::Response("Reordered"))
        });
    });
}

fn idempotent(operation: &mut Object<'_>) {
    operation.inline_array("parameters", |parameters| {
        parameters.refers(Ref::Parameter("IdempotencyKey"));
        parameters.refers(Ref::Parameter("Holder"));
    });
}

fn request(operation: &mut Object<'_>, envelope: &'static str, data: impl FnOnce(&mut Object<'_>)) {
    operation.inline("requestBody", |body| {
        body.boolean("required", true);
        body_with_data(body, envelope, data);
    });
}

fn success(
    responses: &mut Object<'_>,
    about: &str,
    envelope: &'static str,
    data: impl FnOnce(&mut Object<'_>),
) {
    responses.inline("200", |response| {
        response.string("description", about);
        shared::response_headers(response, &[]);
        body_with_data(response, envelope, data);
    });
}
