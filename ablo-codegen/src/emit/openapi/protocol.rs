//! Writes the routes that belong to no model.

use super::operation::{Title, operation, plain_body, responses};
use super::route::Parameter::{Header, Path, Queries, Query, Shared};
use super::route::Reply::{Body, Component, Empty, Text};
use super::route::{Parameter, Reply, Route};
use super::routes::{ROUTES, TAGS};
use super::shared::response_headers;
use crate::emit::json::names::Ref;
use crate::emit::json::write::{Array, Object};

/// Writes the tags of these routes.
pub(super) fn tags(tags: &mut Array<'_>) {
    for (name, about) in TAGS {
        tags.inline(|tag| {
            tag.string("name", name);
            tag.string("description", about);
        });
    }
}

/// Writes the paths of these routes.
pub(super) fn paths(paths: &mut Object<'_>) {
    for (name, common, routes) in ROUTES.into_iter().flatten() {
        paths.object(name, |path| {
            parameters(path, common);
            routes.iter().for_each(|route| write_route(path, route));
        });
    }
}

fn write_route(path: &mut Object<'_>, route: &Route) {
    let title = Title { id: &[route.id], tag: route.tag, summary: &[route.summary] };
    operation(path, route.method, &title, |operation| {
        if route.public {
            operation.inline_array("security", |_| {});
        }
        parameters(operation, route.parameters);
        if let Some((schema, required)) = route.body {
            operation.object("requestBody", |body| {
                body.boolean("required", required);
                plain_body(body, schema);
            });
        }
        responses(operation, route.errors, |responses| {
            route.replies.iter().for_each(|(status, reply)| write_reply(responses, status, reply));
        });
    });
}

fn write_reply(responses: &mut Object<'_>, status: &str, reply: &Reply) {
    let (Body(about, _) | Empty(about) | Text(about, _)) = *reply else {
        if let Component(name) = reply {
            responses.refers(status, Ref::Response(name));
        }
        return;
    };
    responses.object(status, |response| {
        response.string("description", about);
        response_headers(response, &[]);
        match *reply {
            Body(_, schema) => plain_body(response, schema),
            Text(_, media) => response.object("content", |content| {
                content.object(media, |text| {
                    text.object("schema", |schema| schema.string("type", "string"));
                });
            }),
            Empty(_) | Component(_) => {}
        }
    });
}

fn parameters(holder: &mut Object<'_>, parameters: &[Parameter]) {
    if parameters.is_empty() {
        return;
    }
    holder.inline_array("parameters", |written| {
        for parameter in parameters {
            let (location, name, about) = match *parameter {
                Shared(name) => {
                    written.refers(Ref::Parameter(name));
                    continue;
                }
                Query(name, about) | Queries(name, about) => ("query", name, about),
                Header(name, about) => ("header", name, about),
                Path(name, about) => ("path", name, about),
            };
            written.object(|member| {
                member.string("name", name);
                member.string("in", location);
                if location != "query" {
                    member.boolean("required", true);
                }
                member.string("description", about);
                member.object("schema", |schema| match parameter {
                    Queries(..) => {
                        schema.string("type", "array");
                        schema.object("items", |item| item.string("type", "string"));
                    }
                    _ => schema.string("type", "string"),
                });
            });
        }
    });
}
