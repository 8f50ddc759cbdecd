//! The `ablo` command.
//!
//! Each command in [`commands`] turns its arguments into an [`outcome::Outcome`], and [`render`]
//! prints it; nothing else prints or chooses the exit status.

mod args;
mod codes;
mod commands;
mod config;
#[cfg(feature = "database")]
mod database;
mod finding;
mod input;
mod outcome;
mod render;
#[cfg(feature = "server")]
mod rows_file;
mod settings;
mod source;
mod typescript;

use clap::Parser;
use std::process::ExitCode;

/// A schema consists of many small allocations, which take a fifth of a run with the system's
/// allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match args::Cli::try_parse() {
        Ok(cli) => ExitCode::from(commands::run(cli.command) as u8),
        Err(help) => {
            // Fails only if standard output is closed.
            let _ = help.print();
            ExitCode::from(u8::try_from(help.exit_code()).unwrap_or(finding::Exit::CannotRun as u8))
        }
    }
}
