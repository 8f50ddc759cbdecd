//! `ablo targets`: what can be generated, and with which options.

use crate::outcome::Outcome;

pub(crate) fn run() -> Outcome {
    let mut text = String::new();
    for target in ablo_codegen::targets() {
        text += &format!("{}\n    {}\n", target.id(), target.about());
        for (name, meaning) in target.options() {
            text += &format!("    {name}: {meaning}\n");
        }
    }
    text +=
        "\nEvery target also takes `out`, the folder its files go to, in its table of ablo.toml.\n";
    Outcome::text(text)
}
