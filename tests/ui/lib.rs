//! Empty: `ui.rs` compiles the programs in `fail` and `pass`.
