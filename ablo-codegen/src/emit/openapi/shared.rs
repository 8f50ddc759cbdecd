//! What operations refer to: parameters, headers, request bodies, responses and the security scheme.
//!
//! Tables of plain facts from the protocol's pages on HTTP and errors, and the functions that print them. No model is
//! known here.

use super::operation::plain_body;
use crate::emit::json::names::Ref;
use crate::emit::json::rows;
use crate::emit::json::write::Object;
use crate::shape::{BASE_FIELDS, BaseField};

/// What the document says about itself.
pub(super) const DESCRIPTION: &str = "Rows that people and agents edit together. \
    A write may carry `readAt`, the watermark its author had read, and is refused with 409 `stale_context` when the row \
    has moved since. Slow work first takes a claim on the row: others are then refused or wait in a queue. \
    A write repeated under one `Idempotency-Key` is applied once. \
    A list takes the names of fields as parameters and keeps only rows with those values. \
    Every refusal has a status outside 2xx.";

/// The protocol's schemas that the document refers to by name.
pub(super) const ROOTS: [&str; 15] = [
    "ClaimAnswer",
    "ClaimBody",
    "ClaimReleased",
    "CommitReceipt",
    "CommitRequest",
    "CreateBody",
    "DeleteBody",
    "ErrorEnvelope",
    "IntentBody",
    "IntentList",
    "IntentReleased",
    "ListPage",
    "Read",
    "ReorderBody",
    "UpdateBody",
];

/// A status and the response component that describes it.
pub(super) type ErrorResponse = (&'static str, &'static str);

/// Refusals of a route that reads many rows or none.
pub(super) const READ_MANY: &[ErrorResponse] = &[
    ("400", "BadRequest"),
    ("401", "Unauthenticated"),
    ("403", "Forbidden"),
    ("429", "TooManyRequests"),
    ("default", "Error"),
];

/// Refusals of a route that reads one row.
pub(super) const READ_ONE: &[ErrorResponse] = &[
    ("400", "BadRequest"),
    ("401", "Unauthenticated"),
    ("403", "Forbidden"),
    ("404", "NotFound"),
    ("429", "TooManyRequests"),
    ("default", "Error"),
];

/// Refusals of a route that writes or claims a row.
pub(super) const WRITE: &[ErrorResponse] = &[
    ("400", "BadRequest"),
    ("401", "Unauthenticated"),
    ("403", "Forbidden"),
    ("404", "NotFound"),
    ("409", "Conflict"),
    ("429", "TooManyRequests"),
    ("default", "Error"),
];

/// Refusals of a commit: those of its operations may come as a receipt.
pub(super) const COMMIT: &[ErrorResponse] = &[
    ("400", "CommitRejected"),
    ("401", "Unauthenticated"),
    ("403", "CommitRejected"),
    ("404", "CommitRejected"),
    ("409", "CommitRejected"),
    ("429", "TooManyRequests"),
    ("default", "Error"),
];

/// Response components whose body is the error envelope, what they mean, and the header that only they have.
const ERROR_RESPONSES: [(&str, &str, Option<&str>); 7] = [
    (
        "BadRequest",
        "The request is wrong: a body of another shape, a model that is not there, a value its field does not take.",
        None,
    ),
    (
        "Unauthenticated",
        "The credential is missing, unknown, revoked or over.",
        Some("X-Auth-Failure"),
    ),
    (
        "Forbidden",
        "The credential does not cover this; `requiredCapability` may say what would.",
        None,
    ),
    ("NotFound", "There is no such row.", None),
    (
        "Conflict",
        "Someone else holds the row (`entity_claimed`, `claim_conflict`), it has moved since `readAt` (`stale_context`), \
         the idempotency key came with another body (`idempotency_conflict`), or the database refuses the values \
         (`unique_violation`, `foreign_key_violation`).",
        None,
    ),
    (
        "TooManyRequests",
        "A quota or a limit is used up. Sent later, the same request may succeed.",
        Some("Retry-After"),
    ),
    (
        "Error",
        "Any other refusal. 404: the route is not there. 413: the body is too large. \
         422: the body is well-formed and not valid. 500: the server failed; sent again under its idempotency \
         key, a write is applied once. 503: the server cannot answer now; sent later, the same request may succeed.",
        Some("Retry-After"),
    ),
];

/// Response components with a body of the protocol: name, meaning, schema.
const SUCCESS_RESPONSES: [(&str, &str, &str); 7] = [
    ("Receipt", "The write was accepted.", "CommitReceipt"),
    ("Claimed", "The row is the caller's until the claim is released or expires.", "ClaimAnswer"),
    ("Queued", "Someone else holds the row; the caller waits in its queue.", "ClaimAnswer"),
    ("Released", "The caller holds no claim on the row any more.", "ClaimReleased"),
    ("Reordered", "The given waiters come first, in this order.", "ClaimReleased"),
    ("IntentList", "The claims, and the claims that wait.", "IntentList"),
    ("IntentReleased", "The claim is over.", "IntentReleased"),
];

/// Headers: name, meaning.
const HEADERS: [(&str, &str); 4] = [
    ("x-request-id", "Names the request, in `request_id` of an error too."),
    ("Ablo-Version", "The version of the error contract that the server speaks."),
    ("X-Auth-Failure", "The code of the refusal."),
    ("Retry-After", "After how many seconds to try again."),
];

/// Everything below `components` but the schemas.
pub(super) fn components(components: &mut Object<'_>) {
    components.object("parameters", parameters);
    components.object("requestBodies", |bodies| {
        request_body(bodies, "Delete", "DeleteBody", false);
        request_body(bodies, "Claim", "ClaimBody", false);
        request_body(bodies, "Reorder", "ReorderBody", true);
    });
    components.object("responses", responses);
    components.object("headers", |headers| {
        for (name, about) in HEADERS {
            headers.object(name, |header| {
                header.string("description", about);
                header.inline("schema", |schema| schema.string("type", "string"));
            });
        }
    });
    components.object("securitySchemes", |schemes| {
        schemes.object("bearer", |scheme| {
            scheme.string("type", "http");
            scheme.string("scheme", "bearer");
            scheme.string(
                "description",
                "An API key, a session token, or a token of a trusted issuer.",
            );
        });
    });
}

/// The headers of every response.
pub(super) fn response_headers(response: &mut Object<'_>, own: Option<&'static str>) {
    response.inline("headers", |headers| {
        headers.refers("x-request-id", Ref::Header("x-request-id"));
        headers.refers("Ablo-Version", Ref::Header("Ablo-Version"));
        own.into_iter().for_each(|own| headers.refers(own, Ref::Header(own)));
    });
}

/// The parameter component that filters by a base field.
pub(super) fn filter(base: BaseField) -> &'static str {
    match base {
        BaseField::Id => "WhereId",
        BaseField::CreatedAt => "WhereCreatedAt",
        BaseField::UpdatedAt => "WhereUpdatedAt",
        BaseField::OrganizationId => "WhereOrganizationId",
        BaseField::CreatedBy => "WhereCreatedBy",
    }
}

fn request_body(bodies: &mut Object<'_>, name: &str, schema: &'static str, required: bool) {
    bodies.object(name, |body| {
        body.boolean("required", required);
        plain_body(body, schema);
    });
}

fn parameters(parameters: &mut Object<'_>) {
    parameter(parameters, "Id", ["path", "id"], "The id of the row.", |schema| {
        schema.string("type", "string")
    });
    let about = "Names this write: sent again with the same body, it gives the same receipt and is not applied again. \
        Kept for 24 hours. It stands above `idempotencyKey` in the body.";
    parameter(parameters, "IdempotencyKey", ["header", "Idempotency-Key"], about, |schema| {
        schema.string("type", "string");
        schema.integer("maxLength", 255);
    });
    parameter(parameters, "Limit", ["query", "limit"], "How many rows at most.", |schema| {
        schema.string("type", "integer");
        schema.integer("minimum", 1);
        schema.integer("maximum", 100);
        schema.integer("default", 20);
    });
    parameter(
        parameters,
        "OrderBy",
        ["query", "order_by"],
        "The field that orders the rows.",
        |schema| {
            schema.string("type", "string");
            schema.string("default", "id");
        },
    );
    parameter(parameters, "Order", ["query", "order"], "In which direction.", |schema| {
        schema.string("type", "string");
        schema.strings("enum", &["asc", "desc"]);
        schema.string("default", "asc");
    });
    let about = "The `next_cursor` of the page before.";
    parameter(parameters, "StartingAfter", ["query", "starting_after"], about, |schema| {
        schema.string("type", "string");
    });
    for base in BASE_FIELDS {
        let about = "Only rows whose field of this name equals the value.";
        parameter(parameters, filter(base), ["query", base.name()], about, |schema| {
            rows::base_field_type(schema, base, false);
        });
    }
}

fn parameter(
    parameters: &mut Object<'_>,
    component: &str,
    [location, name]: [&str; 2],
    about: &str,
    schema: impl FnOnce(&mut Object<'_>),
) {
    parameters.object(component, |parameter| {
        parameter.string("name", name);
        parameter.string("in", location);
        if location == "path" {
            parameter.boolean("required", true);
        }
        parameter.string("description", about);
        parameter.inline("schema", schema);
    });
}

fn responses(responses: &mut Object<'_>) {
    for (name, about, schema) in SUCCESS_RESPONSES {
        responses.object(name, |response| {
            response.string("description", about);
            response_headers(response, None);
            plain_body(response, schema);
        });
    }
    for (name, about, header) in ERROR_RESPONSES {
        responses.object(name, |response| {
            response.string("description", about);
            response_headers(response, header);
            plain_body(response, "ErrorEnvelope");
        });
    }
    responses.object("CommitRejected", |response| {
        response.string("description", "No operation of the commit was applied.");
        response_headers(response, None);
        response.inline("content", |content| {
            content.object("application/json", |json| {
                json.object("schema", |schema| {
                    schema.array("anyOf", |either| {
                        either.refers(Ref::Schema("CommitReceipt"));
                        either.refers(Ref::Schema("ErrorEnvelope"));
                    });
                });
            });
        });
    });
}
