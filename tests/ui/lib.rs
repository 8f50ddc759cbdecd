//! Empty: the programs stand in `fail` and `pass`, and `ui.rs` compiles them.
