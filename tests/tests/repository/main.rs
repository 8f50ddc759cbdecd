//! The repository itself: layers, language, documentation and dependencies.

mod book;
mod dependencies;
mod language;
mod tidy;
