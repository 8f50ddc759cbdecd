//! The routes that belong to no model: commits, claims, credentials, synchronisation, turns, data
//! sources, webhooks and the coordinator itself.

use super::route::Parameter::{Header, Path, Queries, Query, Shared};
use super::route::Reply::{Body, Component, Empty, Text};
use super::route::{Parameter, Route, Routes};
use super::shared::{CREATE, READ_ONE, WRITE};

// Tags with a space cannot collide with model keys.
const COMMITS: &str = "Ablo commits";
const CLAIMS: &str = "Ablo claims";
const CREDENTIALS: &str = "Ablo credentials";
const SYNC: &str = "Ablo synchronisation";
const TURNS: &str = "Ablo turns";
const SOURCES: &str = "Ablo data sources";
const WEBHOOKS: &str = "Ablo webhooks";
const COORDINATOR: &str = "Ablo coordinator";

/// Tags: name, description.
pub(super) const TAGS: [(&str, &str); 8] = [
    (COMMITS, "Several writes to rows of any models, applied as a whole or not at all."),
    (CLAIMS, "Claims on rows, by claim id. The wire calls a claim an intent."),
    (CREDENTIALS, "Tokens, the identity of a credential, and secret keys."),
    (SYNC, "Rows of all models, the socket that streams changes, and presence."),
    (TURNS, "Turns of agents, which writes can name as their cause."),
    (SOURCES, "Databases of the application that hold its rows."),
    (WEBHOOKS, "Endpoints that are sent the changes of the organisation."),
    (COORDINATOR, "The coordinator and its schema."),
];

const CLAIM_ROUTES: [Routes; 3] = [
    (
        "/v1/commits",
        &[],
        &[Route {
            id: "createCommit",
            tag: COMMITS,
            summary: "Commit several writes",
            parameters: &[Shared("IdempotencyKey"), Shared("Holder")],
            body: Some(("CommitRequest", true)),
            replies: &[("200", Component("Receipt"))],
            errors: WRITE,
            ..Route::POST
        }],
    ),
    (
        "/v1/intents",
        &[Shared("Holder")],
        &[
            Route {
                id: "listIntents",
                tag: CLAIMS,
                summary: "List claims",
                parameters: &[
                    Query("model", "Only claims on rows of the model with this key."),
                    Query("id", "Only claims on the row with this id."),
                    Query("field", "Only claims that name this field."),
                ],
                replies: &[("200", Body("The active and the queued claims.", "IntentList"))],
                ..Route::GET
            },
            Route {
                id: "createIntent",
                tag: CLAIMS,
                summary: "Claim a row",
                body: Some(("IntentBody", true)),
                replies: &[("201", Component("Claimed")), ("202", Component("Queued"))],
                errors: CREATE,
                ..Route::POST
            },
        ],
    ),
    (
        "/v1/intents/{id}",
        &[Path("id", "The id of the claim."), Shared("Holder")],
        &[Route {
            id: "deleteIntent",
            tag: CLAIMS,
            summary: "Release a claim",
            replies: &[("200", Body("The claim is released.", "IntentReleased"))],
            ..Route::DELETE
        }],
    ),
];

const CREDENTIAL_ROUTES: [Routes; 7] = [
    (
        "/auth/capability",
        &[],
        &[Route {
            id: "exchangeCredential",
            tag: CREDENTIALS,
            summary: "Exchange a key or token for a token",
            body: Some(("ExchangeRequest", true)),
            replies: &[("200", Body("A token with equal or fewer rights.", "ExchangeResponse"))],
            ..Route::POST
        }],
    ),
    (
        "/auth/identity",
        &[],
        &[Route {
            id: "getIdentity",
            tag: CREDENTIALS,
            summary: "Return the identity of the caller",
            replies: &[("200", Body("The participant and its rights.", "Identity"))],
            ..Route::GET
        }],
    ),
    (
        "/auth/check",
        &[],
        &[
            Route {
                id: "checkCredential",
                tag: CREDENTIALS,
                summary: "Check a credential",
                replies: &[("204", Empty("The credential is valid."))],
                ..Route::GET
            },
            Route {
                method: "head",
                id: "checkCredentialHead",
                tag: CREDENTIALS,
                summary: "Check a credential",
                replies: &[("204", Empty("The credential is valid."))],
                ..Route::GET
            },
        ],
    ),
    (
        "/v1/capabilities",
        &[],
        &[Route {
            id: "createCapability",
            tag: CREDENTIALS,
            summary: "Create a token",
            body: Some(("CapabilityCreate", true)),
            replies: &[("200", Body("A token with equal or fewer rights.", "CapabilityCreated"))],
            ..Route::POST
        }],
    ),
    (
        "/v1/capabilities/{id}",
        &[Path("id", "The id of the capability or secret key.")],
        &[
            Route {
                id: "getCapability",
                tag: CREDENTIALS,
                summary: "Return the state of a credential",
                replies: &[("200", Body("Its rights and times.", "CapabilityState"))],
                errors: READ_ONE,
                ..Route::GET
            },
            Route {
                id: "deleteCapability",
                tag: CREDENTIALS,
                summary: "Revoke a credential and the tokens that were exchanged for it",
                replies: &[("200", Body("It is revoked.", "CapabilityDeleted"))],
                errors: READ_ONE,
                ..Route::DELETE
            },
        ],
    ),
    (
        "/v1/capabilities/{id}/rotate",
        &[Path("id", "The id of the capability or secret key.")],
        &[Route {
            id: "rotateCapability",
            tag: CREDENTIALS,
            summary: "Replace a credential by one with the same rights",
            body: Some(("CapabilityRotate", false)),
            replies: &[("200", Body("The new credential.", "CapabilityCreated"))],
            errors: READ_ONE,
            ..Route::POST
        }],
    ),
    (
        "/v1/keys",
        &[],
        &[
            Route {
                id: "listKeys",
                tag: CREDENTIALS,
                summary: "List secret keys",
                replies: &[("200", Body("The keys, without their tokens.", "KeyList"))],
                ..Route::GET
            },
            Route {
                id: "createKey",
                tag: CREDENTIALS,
                summary: "Create a secret key",
                body: Some(("KeyCreate", true)),
                replies: &[("201", Body("The key, which is shown once.", "KeyCreated"))],
                ..Route::POST
            },
        ],
    ),
];

const SYNC_ROUTES: [Routes; 5] = [
    (
        "/sync/bootstrap",
        &[],
        &[Route {
            id: "bootstrap",
            tag: SYNC,
            summary: "Return the rows of all models",
            parameters: &[
                Queries("syncGroups", "Only rows of these sync groups."),
                Query(
                    "models",
                    "The models, separated by commas; by default those with `load: \
                    instant`.",
                ),
                Query("lastSyncId", "A sync id. The answer is always complete."),
                Queries(
                    "capabilities",
                    "`resume`: the client names its position when it \
                    connects, and knows archived rows by their `archivedAt`.",
                ),
            ],
            replies: &[("200", Body("The rows, by typename.", "BootstrapResponse"))],
            ..Route::GET
        }],
    ),
    (
        "/sync/query",
        &[],
        &[Route {
            id: "query",
            tag: SYNC,
            summary: "Return the rows of up to 16 queries",
            body: Some(("QueryRequest", true)),
            replies: &[("200", Body("The result of each query.", "QueryResponse"))],
            ..Route::POST
        }],
    ),
    (
        "/sync/entity/{model}/{id}",
        &[Path("model", "Any spelling of the model."), Path("id", "The id of the row.")],
        &[Route {
            id: "getEntity",
            tag: SYNC,
            summary: "Return one row",
            replies: &[("200", Body("The row.", "Row"))],
            errors: READ_ONE,
            ..Route::GET
        }],
    ),
    (
        "/sync/ws",
        &[],
        &[Route {
            id: "connect",
            tag: SYNC,
            summary: "Open the WebSocket that streams changes",
            parameters: &[
                Queries("syncGroups", "Only changes of these sync groups."),
                Query("holder", "Names the program, as the header `Ablo-Holder`."),
                Query("cursor", "Accepted without effect: the first frame has the position."),
            ],
            replies: &[("101", Empty("The connection speaks the subprotocol `ablo.sync.v1`."))],
            ..Route::GET
        }],
    ),
    (
        "/presence",
        &[Shared("Holder")],
        &[
            Route {
                id: "listPresence",
                tag: SYNC,
                summary: "List the participants that share a sync group with the caller",
                replies: &[("200", Body("The participants.", "PresenceRoster"))],
                ..Route::GET
            },
            Route {
                id: "reportPresence",
                tag: SYNC,
                summary: "Report the presence of the caller",
                body: Some(("PresencePost", true)),
                replies: &[("200", Body("It ends after 45 seconds.", "PresenceReported"))],
                ..Route::POST
            },
        ],
    ),
];

const TURN: Parameter = Path("id", "The id of the turn.");

const TURN_ROUTES: [Routes; 4] = [
    ("/v1/tasks", &[], &[Route { id: "openTask", ..OPEN_TURN }]),
    ("/v1/tasks/{id}/close", &[TURN], &[Route { id: "closeTask", ..CLOSE_TURN }]),
    ("/agent/turn", &[], &[Route { id: "openTurn", ..OPEN_TURN }]),
    ("/agent/turn/{id}/close", &[TURN], &[Route { id: "closeTurn", ..CLOSE_TURN }]),
];

const OPEN_TURN: Route = Route {
    tag: TURNS,
    summary: "Open a turn",
    body: Some(("TaskOpen", true)),
    replies: &[("200", Body("The turn.", "TaskOpened"))],
    ..Route::POST
};

const CLOSE_TURN: Route = Route {
    tag: TURNS,
    summary: "Close a turn",
    body: Some(("TaskClose", false)),
    replies: &[("200", Body("The turn is closed.", "TaskClosed"))],
    errors: READ_ONE,
    ..Route::POST
};

const SOURCE_ROUTES: [Routes; 3] = [
    (
        "/v1/datasource",
        &[],
        &[Route {
            id: "registerDataSource",
            tag: SOURCES,
            summary: "Accept a connection string without effect",
            body: Some(("Row", false)),
            replies: &[("200", Body("The coordinator does not use it.", "DataSourceAnswer"))],
            ..Route::POST
        }],
    ),
    (
        "/v1/sources",
        &[],
        &[Route {
            id: "listSources",
            tag: SOURCES,
            summary: "List data sources",
            replies: &[("200", Body("The state of each data source.", "SourceStates"))],
            ..Route::GET
        }],
    ),
    (
        "/source/events",
        &[],
        &[Route {
            id: "pushEvents",
            tag: SOURCES,
            summary: "Push events of a data source, signed as Standard Webhooks with its key",
            parameters: &[
                Header("webhook-id", "The id of the message."),
                Header("webhook-timestamp", "The time in seconds since 1970."),
                Header("webhook-signature", "`v1,` and the HMAC-SHA256 in base64."),
            ],
            body: Some(("PushBody", true)),
            replies: &[("200", Body("The events are applied.", "PushAnswer"))],
            public: true,
            ..Route::POST
        }],
    ),
];

const ENDPOINT: Parameter = Path("id", "The id of the endpoint.");

const WEBHOOK_ROUTES: [Routes; 4] = [
    (
        "/v1/webhook_endpoints",
        &[],
        &[
            Route {
                id: "listWebhookEndpoints",
                tag: WEBHOOKS,
                summary: "List webhook endpoints",
                replies: &[("200", Body("The endpoints.", "WebhookList"))],
                ..Route::GET
            },
            Route {
                id: "createWebhookEndpoint",
                tag: WEBHOOKS,
                summary: "Create a webhook endpoint",
                body: Some(("WebhookCreate", true)),
                replies: &[("201", Body("It, with its `secret`.", "WebhookEndpoint"))],
                ..Route::POST
            },
        ],
    ),
    (
        "/v1/webhook_endpoints/{id}",
        &[ENDPOINT],
        &[
            Route {
                id: "getWebhookEndpoint",
                tag: WEBHOOKS,
                summary: "Return a webhook endpoint",
                replies: &[("200", Body("The endpoint.", "WebhookEndpoint"))],
                errors: READ_ONE,
                ..Route::GET
            },
            Route {
                id: "updateWebhookEndpoint",
                tag: WEBHOOKS,
                summary: "Change a webhook endpoint",
                body: Some(("WebhookUpdate", true)),
                replies: &[("200", Body("The endpoint.", "WebhookEndpoint"))],
                errors: READ_ONE,
                ..Route::PATCH
            },
            Route {
                id: "deleteWebhookEndpoint",
                tag: WEBHOOKS,
                summary: "Delete a webhook endpoint",
                replies: &[("200", Body("It is deleted.", "WebhookDeleted"))],
                errors: READ_ONE,
                ..Route::DELETE
            },
        ],
    ),
    (
        "/v1/webhook_endpoints/{id}/dead_letters",
        &[ENDPOINT],
        &[Route {
            id: "listDeadLetters",
            tag: WEBHOOKS,
            summary: "List messages that an endpoint did not accept",
            replies: &[("200", Body("The oldest 100.", "DeadLetterList"))],
            errors: READ_ONE,
            ..Route::GET
        }],
    ),
    (
        "/v1/webhook_endpoints/{id}/redrive",
        &[ENDPOINT],
        &[Route {
            id: "redriveWebhookEndpoint",
            tag: WEBHOOKS,
            summary: "Send dead letters again and enable the endpoint",
            replies: &[("200", Body("They are sent again.", "Redriven"))],
            errors: READ_ONE,
            ..Route::POST
        }],
    ),
];

const COORDINATOR_ROUTES: [Routes; 4] = [
    (
        "/health",
        &[],
        &[Route {
            id: "getHealth",
            tag: COORDINATOR,
            summary: "Return whether the database can be reached",
            replies: &[("200", Body("It can be reached.", "Health"))],
            public: true,
            ..Route::GET
        }],
    ),
    (
        "/openapi.json",
        &[],
        &[Route {
            id: "getOpenapi",
            tag: COORDINATOR,
            summary: "Return this document",
            replies: &[("200", Body("The document.", "Row"))],
            public: true,
            ..Route::GET
        }],
    ),
    (
        "/schema",
        &[],
        &[Route {
            id: "getSchema",
            tag: COORDINATOR,
            summary: "List models and their fields",
            replies: &[("200", Body("The models.", "SchemaSummary"))],
            ..Route::GET
        }],
    ),
    (
        "/metrics",
        &[],
        &[Route {
            id: "getMetrics",
            tag: COORDINATOR,
            summary: "Return metrics in the OpenMetrics format",
            replies: &[("200", Text("The metrics.", "application/openmetrics-text"))],
            ..Route::GET
        }],
    ),
];

/// All routes, by subject.
pub(super) const ROUTES: [&[Routes]; 7] = [
    &CLAIM_ROUTES,
    &CREDENTIAL_ROUTES,
    &SYNC_ROUTES,
    &TURN_ROUTES,
    &SOURCE_ROUTES,
    &WEBHOOK_ROUTES,
    &COORDINATOR_ROUTES,
];
