//! The command, run as a process.

mod backup;
mod bad;
mod check;
mod codes;
mod commands_page;
mod config;
mod connections;
mod data_source;
mod diff;
mod existing_databases;
mod fix;
mod generate;
mod init;
mod key;
mod migrate;
mod migrate_sqlite;
mod prove;
mod rust;
mod schema;
mod serve;
mod serve_files;
mod serve_nodes;
mod serve_stalled;
mod support;
mod watch;
mod write;
