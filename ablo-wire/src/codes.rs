//! The registry of wire codes (docs/protocol/errors.md §6), sorted by code for binary search. The
//! columns are documented on `CodeInfo`.

use crate::classification::{Category::*, CodeInfo, ErrorClass as Class, Recovery};

macro_rules! codes {
    ($(
        $code:literal $category:ident $status:literal $retryable:ident $recovery:ident $class:ident
        $meaning:literal;
    )*) => {
        /// All codes of the wire protocol, sorted.
        pub static CODES: &[CodeInfo] = &[$(CodeInfo {
            code: $code,
            category: $category,
            status: $status,
            retryable: codes!(@ $retryable),
            recovery: Recovery::$recovery,
            class: Class::$class,
            meaning: $meaning,
        }),*];
    };
    (@ yes) => { true };
    (@ no) => { false };
}

codes! {
    "agent_perception_missing_context" Validation 422 no None Validation
        "agent perception call has no context";
    "api_key_required" Auth 401 no AuthBlocked Authentication
        "route or client needs a key and none is configured";
    "apikey_expired" Auth 401 no AccessCredentialExpiry Authentication
        "short-lived key (ek_/rk_) has expired; mint another and retry, never sign out";
    "apikey_invalid" Auth 401 no AuthBlocked Authentication
        "presented key is not recognised or does not parse";
    "apikey_missing" Auth 401 no AuthBlocked Authentication
        "no key was sent (also thrown locally when an exchange is attempted with no key)";
    "apikey_revoked" Auth 401 no AuthBlocked Authentication
        "presented key was revoked by its owner";
    "auth_no_credentials" Auth 401 no AuthBlocked Authentication
        "request carried neither a key nor a bearer token the server understands";
    "bootstrap_fetch_timeout" Bootstrap 504 yes Transient Server "bootstrap did not finish in time";
    "bootstrap_offline" Bootstrap 503 yes Transient Server "client offline, bootstrap impossible";
    "bootstrap_offline_no_cache" Bootstrap 503 no None Server "offline and nothing cached";
    "bootstrap_response_invalid" Bootstrap 502 yes Transient Server
        "bootstrap body unusable (e.g. full without models)";
    "bootstrap_response_schema_invalid" Bootstrap 502 yes Transient Server
        "bootstrap body fails the envelope schema";
    "byo_host_not_allowed" Permission 403 no Permission Permission
        "connector host resolves to a private/loopback/link-local address";
    "byo_role_cannot_enforce_rls" Permission 403 no Permission Permission
        "connector DB role bypasses row-level security";
    "byo_role_unreadable" Permission 403 no Permission Permission
        "connector DB role could not be inspected";
    "byo_tenant_tables_unforced_rls" Permission 403 no Permission Permission
        "tenant tables lack FORCE RLS for the connector role";
    "capability_auth_disabled" Server 503 no None Server "capability auth is switched off";
    "capability_id_missing" Auth 401 no AuthBlocked Authentication
        "capability id expected but absent (client also throws it when a capability create/rotate \
            reply has no id)";
    "capability_id_required" Validation 400 no None Validation "capability id needed";
    "capability_invalid" Capability 403 no Permission Capability
        "capability unknown, revoked or expired";
    "capability_not_found" NotFound 404 no None Base "capability id unknown";
    "capability_required" Auth 401 no AuthBlocked Authentication "capability needed";
    "capability_scope_denied" Capability 403 no Permission Capability
        "key/capability scope does not include this model operation or sync group";
    "check_violation" Validation 400 no None Validation "DB CHECK constraint hit";
    "claim_conflict" Claim 409 yes Transient Claimed "another participant holds the target";
    "claim_lost" Claim 409 yes Transient Idempotency
        "own claim (or queue position) was lost before the write";
    "commit_failed" Transport 500 yes Transient Server "commit did not apply";
    "commit_no_result" Transport 504 yes Transient Server
        "commit sent, no mutation_result within 15 s";
    "commit_offline_grace_expired" Transport 503 no None Server
        "still offline after the 30 s grace";
    "commit_operation_action_required" Validation 400 no None Validation "operation has no action";
    "commit_operation_model_required" Validation 400 no None Validation "operation has no model";
    "commit_operation_required" Validation 400 no None Validation "commit has no operations";
    "commit_operation_unsupported" Validation 400 no None Validation "operation action unknown";
    "commit_operations_ambiguous" Validation 400 no None Validation
        "both operation and operations given";
    "commit_too_many_operations" Validation 400 no None Validation
        "too many operations in one commit";
    "connection_limit_exceeded" RateLimit 429 yes Transient RateLimit
        "too many sockets for principal/org";
    "constraint_violation" Validation 400 no None Validation "other DB integrity constraint hit";
    "database_timeout" Transport 504 yes Transient Server
        "the database did not answer in time; the request was stopped and changed nothing";
    "entity_claimed" Claim 409 yes Transient Claimed
        "target row is held by another participant; write refused";
    "entity_fetch_failed" Server 500 yes Transient Server "single-row fetch failed";
    "entity_not_found" NotFound 404 no None Base
        "row does not exist (client also throws it for update/delete/claim of a row not in the \
            local pool)";
    "events_required" Validation 400 no None Validation "events array missing or empty";
    "exchange_failed" Auth 401 no AuthBlocked Authentication
        "key-for-token exchange refused (client fallback when the refusal body has no code)";
    "exchange_malformed_response" Transport 502 yes Transient Server
        "exchange reply fails validation";
    "exchange_network_error" Transport 503 yes Transient Server "network failure during exchange";
    "file_upload_auth_required" Auth 401 no AuthBlocked Authentication
        "upload attempted with no session";
    "flush_timeout" Transport 504 yes Transient Server "waitForFlush timed out";
    "forbidden" Permission 403 no Permission Permission "caller may not do this";
    "foreign_key_violation" Conflict 409 no None Idempotency "DB foreign-key constraint hit";
    "grant_timeout" Intent 504 yes Transient Server "no grant within the given time";
    "idempotency_conflict" Conflict 409 no None Idempotency "same idempotency key, different body";
    "idempotency_key_expired" Conflict 409 no None Idempotency
        "idempotency key older than the retention of keys; the outcome is unknown";
    "idempotency_key_too_long" Validation 400 no None Validation
        "idempotency key over the length limit";
    "identity_missing_organization" Auth 401 no AuthBlocked Authentication
        "credential is valid but maps to no organisation";
    "identity_network_error" Transport 503 yes Transient Server
        "network failure during identity lookup";
    "identity_resolve_failed" Auth 401 no AuthBlocked Authentication
        "identity lookup refused (client fallback when the body has no code, or the identity body \
            is malformed)";
    "incompatible_change" Conflict 409 no None Idempotency
        "schema change needs force/backfill/rename";
    "ingest_failed" Validation 400 no None Validation "source event ingest failed";
    "instance_at_capacity" Transport 503 yes Transient Server
        "server has no capacity for more connections";
    "intent_conflict" Claim 409 yes Transient Claimed
        "server-internal spelling of claim_conflict; client renames it";
    "intent_id_required" Validation 400 no None Validation "intent id needed";
    "intent_lease_unavailable" Intent 503 yes Transient Server "claim subsystem unavailable; retry";
    "intent_queued" Intent 409 yes Transient Idempotency
        "request was queued behind the current holder instead of granted";
    "intent_wait_aborted" Intent 409 yes Transient Idempotency
        "waiting for the lease was aborted (signal) or the engine closed";
    "internal_error" Server 500 yes Transient Server "unclassified server failure";
    "invalid_body" Validation 400 no None Validation "body missing, unreadable or wrong shape";
    "invalid_id" Validation 400 no None Validation "bad id in request";
    "invalid_intent" Validation 400 no None Validation "intent request bad";
    "invalid_json" Validation 400 no None Validation "body is not JSON";
    "invalid_model" Validation 400 no None Validation "bad model name in request";
    "invalid_participant_kind" Validation 400 no None Validation
        "participantKind not user/agent/system";
    "invalid_request" Validation 400 no None Validation "request parameters bad";
    "invalid_schema" Validation 400 no None Validation "submitted schema does not parse";
    "issuer_register_forbidden" Permission 403 no Permission Permission
        "only sk_ keys may register a trusted issuer";
    "jwt_audience_mismatch" Auth 401 no AuthBlocked Authentication
        "aud differs from the registered audience";
    "jwt_expired" Auth 401 no SessionExpiry Authentication
        "external JWT past exp; log in again with the external IdP";
    "jwt_invalid" Auth 401 no AuthBlocked Authentication
        "external JWT failed for an unclassified reason";
    "jwt_issuer_untrusted" Auth 401 no AuthBlocked Authentication
        "iss of the JWT is not among the org's registered issuers";
    "jwt_malformed" Auth 401 no AuthBlocked Authentication "external JWT cannot be decoded";
    "jwt_missing_issuer" Auth 401 no AuthBlocked Authentication "external JWT lacks iss";
    "jwt_missing_organization" Auth 401 no AuthBlocked Authentication
        "JWT gives no organisation (no fixed org, no org claim)";
    "jwt_missing_subject" Auth 401 no AuthBlocked Authentication "external JWT lacks sub";
    "jwt_org_membership_denied" Auth 403 no Permission Permission
        "user in the JWT has no active membership in the claimed org";
    "jwt_signature_invalid" Auth 401 no AuthBlocked Authentication
        "JWT signature does not verify with the issuer's JWKS";
    "limit_exceeded" Validation 400 no None Validation
        "over a limit of the coordinator, which the body names as limit and maximum";
    "log_position_expired" Conflict 410 no None Base
        "the log no longer has the changes after this position; read the rows again";
    "log_replaced" Conflict 409 no None Idempotency
        "the log is another one than that of this position, such as a restored backup; read the \
            rows again";
    "malformed_claim" Claim 400 no None Validation "claim payload does not parse";
    "mesh_message_from_id_spoof" Validation 403 no Permission Permission
        "mesh message sender id is not the caller";
    "mesh_message_from_kind_mismatch" Validation 403 no Permission Permission
        "mesh message sender kind is not the caller's";
    "mesh_message_invalid_input" Validation 400 no None Validation "mesh message body rejected";
    "migration_failed" Server 500 no None Server "schema migration failed to run";
    "model_claimed" Claim 409 yes Transient Idempotency
        "HTTP read with ifClaimed:fail found an active holder";
    "model_claimed_timeout" Claim 409 yes Transient Idempotency "HTTP ifClaimed:wait timed out";
    "model_identifier_missing" Validation 400 no None Validation "payload has no id";
    "model_not_found" NotFound 404 no None Base
        "row of a model does not exist (404 on single read)";
    "model_not_tenant_scoped" Tenant 400 no None Validation
        "model not queryable this way (no tenant scope)";
    "model_query_failed" Validation 400 no None Validation "model query failed";
    "model_required_field_missing" Validation 400 no None Validation
        "required field absent from a model payload";
    "mutate_create_unknown_model" Tenant 400 no None Validation
        "create names a model absent from the schema";
    "mutate_update_entity_not_found" NotFound 404 no None Base "update target does not exist";
    "narrow_scope_required" Validation 400 no None Validation
        "caller must ask for a narrowed scope";
    "not_null_violation" Validation 400 no None Validation "DB NOT NULL constraint hit";
    "org_id_required" Validation 400 no None Validation "organisation id needed";
    "organization_mismatch" Permission 403 no Permission Permission
        "request targets another organisation";
    "parent_turn_foreign_agent" Permission 403 no Permission Permission
        "parent turn is another agent's";
    "parent_turn_not_found" NotFound 404 no None Base "parent turn unknown";
    "presence_identity_required" Validation 400 no None Validation
        "userId and organizationId both needed";
    "presigned_url_failed" Server 500 yes Transient Server "presigned upload URL not generated";
    "provisioner_unavailable" Server 503 no None Server "no DB provisioner configured";
    "queries_required" Validation 400 no None Validation "queries array missing or empty";
    "query_invalid_identifier" Validation 400 no None Validation "identifier not acceptable";
    "query_relation_target_unknown" Schema 500 no None Server
        "relation targets an undeclared model";
    "query_unknown_relation" Validation 400 no None Validation "relation not declared";
    "query_unsupported_operator" Validation 400 no None Validation "operator not supported";
    "queue_too_deep" Transport 503 yes Transient Server
        "claim queue (or transaction queue) deeper than allowed";
    "quota_exceeded" RateLimit 429 yes Transient RateLimit "organisation over its usage quota";
    "quota_lookup_failed" Server 503 yes Transient Server "quota could not be evaluated";
    "retries_exhausted" Server 503 no None Server
        "the coordinator tried for 12 s to apply the commit; nothing was written";
    "row_locked" Transport 503 yes Transient Server
        "another program holds a lock on the row or its table; nothing was written";
    "schema_field_consecutive_caps" Schema 400 no None Validation
        "field name has two capitals in a row";
    "schema_field_not_camelcase" Schema 400 no None Validation "field name is not camelCase";
    "schema_grants_identifier_unsafe" Schema 400 no None Validation
        "grants uses an identifier unsafe for SQL";
    "schema_grants_relation_kind" Schema 400 no None Validation
        "grants points at a relation that is not belongsTo";
    "schema_grants_relation_missing" Schema 400 no None Validation
        "grants points at a relation that is not declared";
    "schema_grants_shape_invalid" Schema 400 no None Validation "grants declaration badly shaped";
    "schema_grants_target_not_scope_root" Schema 400 no None Validation
        "grants target model has no scope";
    "schema_moved" Server 503 yes Transient Server
        "the database was migrated to a schema that this coordinator cannot serve";
    "schema_mutable_missing_meta" Schema 400 no None Validation
        "mutable model without its meta block";
    "schema_scope_invalid" Schema 500 no None Server "model's scope predicate cannot be built";
    "schema_scope_kind_invalid" Schema 400 no None Validation "scope kind breaks ^[a-z][a-z0-9_]*$";
    "schema_table_invalid" Schema 500 no None Server "model's table name unusable";
    "schema_too_large" Validation 413 no None Base "submitted schema too large";
    "server_execute_unknown_model" Tenant 400 no None Validation
        "server-side execute names an unknown model";
    "session_expired" Auth 401 no SessionExpiry Authentication
        "long-lived login has ended; sign out and log in again";
    "slide_intent_missing_deck_id" Intent 400 no None Validation "slide intent without deck id";
    "slide_intent_unknown_sibling" Intent 400 no None Validation
        "slide intent names an unknown sibling";
    "snapshot_reserved_key" Validation 400 no None Validation
        "snapshot entities use a reserved key name (stamp, isStale, …)";
    "source_api_key_unresolved" Auth 401 no AuthBlocked Authentication
        "API key for the data-source signature cannot be resolved";
    "source_network_error" Transport 503 yes Transient Server
        "network failure talking to a customer data source";
    "stale_context" Conflict 409 yes Transient StaleContext
        "row changed after the write's readAt watermark";
    "task_id_missing" Server 502 yes Transient Server "task-open reply carried no id";
    "task_id_required" Validation 400 no None Validation "task id needed";
    "tenant_model_columns_unknown" Tenant 400 no None Validation
        "columns of the tenant model cannot be determined";
    "tenant_model_missing_organization_id" Tenant 400 no None Validation
        "tenant table lacks organization_id";
    "turn_close_failed" Server 500 yes Transient Server "agent turn/task could not be closed";
    "turn_foreign_agent" Permission 403 no Permission Permission "turn is another agent's";
    "turn_not_found" NotFound 404 no None Base "turn unknown";
    "turn_open_failed" Server 500 yes Transient Server "agent turn/task could not be opened";
    "turn_validation_failed" Validation 422 no None Validation "agent turn body rejected";
    "unique_violation" Conflict 409 no None Idempotency "DB unique constraint hit";
    "unknown_model" Tenant 400 no None Validation "model not in the tenant schema";
    "upload_fields_required" Validation 400 no None Validation "upload field missing";
    "upload_items_required" Validation 400 no None Validation "upload items missing";
    "usage_invalid" Validation 400 no None Validation "usage request bad";
    "wait_for_timeout" Transport 504 yes Transient Server
        "generic wait (e.g. claim_ack in 15 s) timed out";
    "wide_scope_forbidden" Permission 403 no Permission Permission
        "caller may not ask for wideScope";
}
