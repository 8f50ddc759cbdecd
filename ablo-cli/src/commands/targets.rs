//! `ablo targets`: lists the targets and their options.

use crate::outcome::Outcome;

pub(crate) fn run() -> Outcome {
    let mut text = String::new();
    for target in ablo_codegen::targets() {
        text += &format!("{}\n    {}\n", target.id(), target.about());
        for (name, meaning) in target.options() {
            text += &format!("    {name}: {meaning}\n");
        }
    }
    text += "\nIn ablo.toml, every target also has the option `out`, the folder of its files.\n";
    Outcome::text(text)
}
