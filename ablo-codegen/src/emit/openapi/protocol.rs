//! The routes that belong to no model: commits over many rows, and claims by their ids.

use super::operation::{Title, operation, plain_body, responses};
use super::shared;
use crate::emit::json::names::Ref;
use crate::emit::json::write::{Array, Object};

// Tags with a space cannot collide with model keys.
const COMMITS: &str = "Ablo commits";
const CLAIMS: &str = "Ablo claims";

/// Writes the tags of these routes.
pub(super) fn tags(tags: &mut Array<'_>) {
    for (name, about) in [
        (COMMITS, "Several writes to rows of any models, applied as a whole or not at all."),
        (CLAIMS, "Claims on rows, by claim id. The wire calls a claim an intent."),
    ] {
        tags.inline(|tag| {
            tag.string("name", name);
            tag.string("description", about);
        });
    }
}

/// Writes the paths of these routes.
pub(super) fn paths(paths: &mut Object<'_>) {
    paths.object("/v1/commits", commit);
    paths.object("/v1/intents", |path| {
        path.inline_array("parameters", |parameters| parameters.refers(Ref::Parameter("Holder")));
        list(path);
        create(path);
    });
    paths.object("/v1/intents/{id}", delete);
}

fn commit(path: &mut Object<'_>) {
    let title = Title { id: &["createCommit"], tag: COMMITS, summary: &["Commit several writes"] };
    operation(path, "post", &title, |operation| {
        operation.inline_array("parameters", |parameters| {
            parameters.refers(Ref::Parameter("IdempotencyKey"));
            parameters.refers(Ref::Parameter("Holder"));
        });
        request(operation, "CommitRequest");
        responses(operation, shared::COMMIT, |responses| {
            responses.refers("200", Ref::Response("Receipt"));
            responses.refers("201", Ref::Response("Receipt"));
        });
    });
}

fn list(path: &mut Object<'_>) {
    let title = Title { id: &["listIntents"], tag: CLAIMS, summary: &["List claims"] };
    operation(path, "get", &title, |operation| {
        operation.array("parameters", |parameters| {
            for (name, about) in [
                ("model", "Only claims on rows of the model with this key."),
                ("id", "Only claims on the row with this id."),
                ("field", "Only claims that name this field."),
            ] {
                parameters.object(|parameter| {
                    parameter.string("name", name);
                    parameter.string("in", "query");
                    parameter.string("description", about);
                    parameter.inline("schema", |schema| schema.string("type", "string"));
                });
            }
        });
        responses(operation, shared::READ_MANY, |responses| {
            responses.refers("200", Ref::Response("IntentList"))
        });
    });
}

fn create(path: &mut Object<'_>) {
    let title = Title { id: &["createIntent"], tag: CLAIMS, summary: &["Claim a row"] };
    operation(path, "post", &title, |operation| {
        request(operation, "IntentBody");
        responses(operation, shared::WRITE, |responses| {
            responses.refers("200", Ref::Response("Claimed"));
            responses.refers("201", Ref::Response("Claimed"));
            responses.refers("202", Ref::Response("Queued"));
        });
    });
}

fn delete(path: &mut Object<'_>) {
    path.array("parameters", |parameters| {
        parameters.object(|parameter| {
            parameter.string("name", "id");
            parameter.string("in", "path");
            parameter.boolean("required", true);
            parameter.string("description", "The id of the claim.");
            parameter.inline("schema", |schema| schema.string("type", "string"));
        });
        parameters.refers(Ref::Parameter("Holder"));
    });
    let title = Title { id: &["deleteIntent"], tag: CLAIMS, summary: &["Release a claim"] };
    operation(path, "delete", &title, |operation| {
        responses(operation, shared::READ_MANY, |responses| {
            responses.refers("200", Ref::Response("IntentReleased"))
        });
    });
}

fn request(operation: &mut Object<'_>, schema: &'static str) {
    operation.inline("requestBody", |body| {
        body.boolean("required", true);
        plain_body(body, schema);
    });
}
