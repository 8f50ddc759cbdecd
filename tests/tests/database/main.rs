//! Provisioning, migrations and pulls on PostgreSQL and SQLite.

mod approvals;
mod earlier_layout;
mod migrate_apply;
mod migrate_codes;
mod migrate_engine;
mod migrate_faults;
mod migrate_locks;
mod migrate_plan;
mod migrate_pull;
mod postgres_conformance;
mod postgres_existing;
mod postgres_facets;
mod postgres_history;
mod postgres_isolation;
mod postgres_migrate;
mod postgres_provision;
mod postgres_regressions;
mod postgres_service;
mod sqlite_casts;
mod sqlite_engine;
mod sqlite_migrate;
mod sqlite_provision;
mod sqlite_versions;
