//! Prints `#[ablo(…)]` attributes.

use super::super::writer::{RUSTFMT_WIDTH, Word, Writer};
use super::list;

/// Prints words in as few attributes as possible, each on one line.
pub(super) fn print(out: &mut Writer, indent: &'static str, words: &[Word]) {
    let mut rest = words;
    while !rest.is_empty() {
        let mut width = indent.len() + "#[ablo()]".len();
        let fits = rest.iter().take_while(|word| {
            width += word.len() + 2;
            width <= RUSTFMT_WIDTH + 2
        });
        // A word that is too wide has its own line.
        let (line, others) = rest.split_at(fits.count().max(1));
        out.line(&[&indent, &"#[ablo(", &list(line.iter()), &")]"]);
        rest = others;
    }
}
