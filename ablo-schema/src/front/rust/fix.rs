//! Applies the fixes of diagnostics to a source and its modules.

use super::Cfg;
use super::file::{LoadModule, Read, read_configured};
use crate::front::edits::{MAX_ROUNDS, chosen, edited};
use std::collections::BTreeMap;

/// A source after its fixes.
#[derive(Debug)]
pub struct Fixed {
    /// The number of fixes.
    pub applied: usize,
    /// The result of reading the source, with its texts.
    pub read: Read,
}

/// The text that declares a module, the inline modules around it, and its name.
type Key = (usize, Vec<String>, String);

/// Applies the fixes that need no decision, and reads the source again until none is left. The
/// texts of modules are loaded once.
///
/// Fixes after which there are more errors than before are not applied.
///
/// ```
/// use ablo_schema::front::rust::{Cfg, fix};
/// let text = "#[derive(AbloModel)] #[ablo(mutabel)] struct Task { title: Strng }";
/// let fixed = fix(text, &Cfg::default(), &mut |_| Err("there are no files".to_owned()));
/// assert_eq!(
///     fixed.read.texts[0],
///     "#[derive(AbloModel)] #[ablo(mutable)] struct Task { title: String }"
/// );
/// ```
#[must_use]
pub fn fix(text: &str, cfg: &Cfg, load: &mut LoadModule<'_>) -> Fixed {
    let mut modules = BTreeMap::new();
    let mut root = text.to_owned();
    let (read, mut order) = read_cached(&root, cfg, &mut modules, load);
    let mut fixed = Fixed { applied: 0, read };
    for _ in 0..MAX_ROUNDS {
        let located = fixed.read.locate();
        let fixes = chosen(located.into_iter().filter_map(|one| one.fix));
        let texts = fixed.read.texts.iter().enumerate();
        let texts: Vec<String> = texts.map(|(file, text)| edited(text, file, &fixes)).collect();
        if fixes.is_empty() || texts == fixed.read.texts {
            break;
        }
        let mut texts = texts.into_iter();
        root = texts.next().unwrap_or(root);
        let mut next = modules.clone();
        next.extend(order.into_iter().zip(texts.map(Ok)));
        let (again, new_order) = read_cached(&root, cfg, &mut next, load);
        if again.diagnostics.error_count() > fixed.read.diagnostics.error_count() {
            break;
        }
        (modules, order) = (next, new_order);
        fixed = Fixed { applied: fixed.applied + fixes.len(), read: again };
    }
    fixed
}

/// Reads a source whose modules are loaded at most once. Also returns the modules in the order of
/// their texts.
fn read_cached(
    root: &str,
    cfg: &Cfg,
    modules: &mut BTreeMap<Key, Result<String, String>>,
    load: &mut LoadModule<'_>,
) -> (Read, Vec<Key>) {
    let mut order = Vec::new();
    let read = read_configured(root, cfg, &mut |wanted| {
        let key = (wanted.file, wanted.inline_modules.to_vec(), wanted.name.to_owned());
        let text = modules.entry(key.clone()).or_insert_with(|| load(wanted)).clone();
        order.extend(text.is_ok().then_some(key));
        text
    });
    (read, order)
}
