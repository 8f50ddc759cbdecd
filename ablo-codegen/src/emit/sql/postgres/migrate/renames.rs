//! Orders renames in one scope so that no two objects have the same name at any time.

use std::collections::{BTreeMap, BTreeSet};

/// One rename.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rename<K> {
    /// The renamed object.
    pub(crate) what: K,
    /// The old name.
    pub(crate) from: String,
    /// The new name.
    pub(crate) to: String,
}

/// Orders renames. A cycle is broken by renaming one object to a temporary name first.
pub(crate) fn ordered<K: Clone>(renames: Vec<Rename<K>>) -> Vec<Rename<K>> {
    let renames: Vec<_> = renames.into_iter().filter(|rename| rename.from != rename.to).collect();
    let holders: BTreeMap<String, usize> =
        renames.iter().map(|rename| rename.from.clone()).zip(0..).collect();
    let mut done = vec![false; renames.len()];
    let mut out = Vec::with_capacity(renames.len());
    let mut deferred: Vec<Rename<K>> = Vec::new();
    for start in 0..renames.len() {
        // The object with the wanted name is renamed first, and so on up to a free name or back to
        // the start.
        let mut chain = Vec::new();
        let mut seen = BTreeSet::new();
        let mut next = Some(start);
        while let Some(at) =
            next.filter(|at| !done.get(*at).copied().unwrap_or(true) && seen.insert(*at))
        {
            chain.push(at);
            next = renames.get(at).and_then(|rename| holders.get(&rename.to)).copied();
        }
        let is_cycle = next.is_some_and(|at| seen.contains(&at));
        for (nth, at) in chain.into_iter().rev().enumerate() {
            let (Some(rename), Some(done)) = (renames.get(at), done.get_mut(at)) else { continue };
            *done = true;
            if is_cycle && nth == 0 {
                let temporary = format!("ablo moves {}", deferred.len() + 1);
                out.push(Rename {
                    what: rename.what.clone(),
                    from: rename.from.clone(),
                    to: temporary.clone(),
                });
                deferred.push(Rename {
                    what: rename.what.clone(),
                    from: temporary,
                    to: rename.to.clone(),
                });
            } else {
                out.push(rename.clone());
            }
        }
    }
    out.extend(deferred);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(renames: &[(&str, &str)], others: &[&str]) -> Vec<(String, String)> {
        let mut names: BTreeSet<String> = renames
            .iter()
            .map(|(from, _)| (*from).to_owned())
            .chain(others.iter().map(|name| (*name).to_owned()))
            .collect();
        let list = renames
            .iter()
            .map(|(from, to)| Rename { what: (), from: (*from).to_owned(), to: (*to).to_owned() })
            .collect();
        let ordered: Vec<_> =
            ordered(list).into_iter().map(|rename| (rename.from, rename.to)).collect();
        for (from, to) in &ordered {
            assert!(names.remove(from), "{from} does not exist: {ordered:?}");
            assert!(names.insert(to.clone()), "{to} is taken: {ordered:?}");
        }
        let wanted: BTreeSet<String> = renames
            .iter()
            .map(|(_, to)| (*to).to_owned())
            .chain(others.iter().map(|name| (*name).to_owned()))
            .collect();
        assert_eq!(names, wanted);
        ordered
    }

    #[test]
    fn chains_start_at_the_free_name() {
        assert_eq!(run(&[("a", "b"), ("b", "c"), ("c", "d")], &["z"]).len(), 3);
        assert_eq!(run(&[("c", "d"), ("a", "b"), ("b", "c")], &[]).len(), 3);
    }

    #[test]
    fn cycles_use_a_temporary_name() {
        assert_eq!(run(&[("a", "b"), ("b", "a")], &[]).len(), 3);
        assert_eq!(
            run(&[("a", "b"), ("b", "c"), ("c", "a"), ("x", "y"), ("y", "x"), ("p", "q")], &["k"])
                .len(),
            8
        );
    }

    #[test]
    fn unchanged_names_are_not_renamed() {
        assert!(run(&[("a", "a")], &[]).is_empty());
    }
}
