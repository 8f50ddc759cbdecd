//! The `ablo` command: arguments in, library calls, rendered diagnostics out.
//!
//! A command in [`commands`] turns arguments into an [`outcome::Outcome`], and [`render`] shows it: nothing else
//! prints or chooses an exit status. What a schema means is decided in `ablo-schema`, what a file says in
//! `ablo-codegen`.

mod args;
mod codes;
mod commands;
mod config;
#[cfg(feature = "server")]
mod data_source;
#[cfg(feature = "database")]
mod database;
mod finding;
mod input;
mod outcome;
mod render;
mod settings;
mod source;

use clap::Parser;
use std::process::ExitCode;

/// A schema becomes many small values: allocating them is a fifth of a run with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match args::Cli::try_parse() {
        Ok(cli) => ExitCode::from(commands::run(cli.command) as u8),
        Err(help) => {
            // Nobody is left to tell that standard output is closed.
            let _ = help.print();
            ExitCode::from(u8::try_from(help.exit_code()).unwrap_or(finding::Exit::CannotRun as u8))
        }
    }
}
