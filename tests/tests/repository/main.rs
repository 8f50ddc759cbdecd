//! The repository itself: layers, language, documentation and dependencies.

mod book;
mod cycles;
mod dependencies;
mod language;
mod modules;
mod resolve;
mod tidy;
