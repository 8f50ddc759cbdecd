//! In which order things of one scope get new names, so that no two share one on the way.

use std::collections::{BTreeMap, BTreeSet};

/// One rename.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rename<K> {
    /// What is renamed.
    pub(crate) what: K,
    /// Its name by then.
    pub(crate) from: String,
    /// Its name after.
    pub(crate) to: String,
}

/// Puts renames in order. A name that is still in use when nothing else can go on is left through a name for the time being.
pub(crate) fn ordered<K: Clone>(renames: Vec<Rename<K>>) -> Vec<Rename<K>> {
    let renames: Vec<_> = renames.into_iter().filter(|rename| rename.from != rename.to).collect();
    let holders: BTreeMap<String, usize> =
        renames.iter().map(|rename| rename.from.clone()).zip(0..).collect();
    let mut done = vec![false; renames.len()];
    let mut out = Vec::with_capacity(renames.len());
    let mut waiting: Vec<Rename<K>> = Vec::new();
    for start in 0..renames.len() {
        // Whoever holds the wanted name goes first, and so on, up to a free name or back to the start.
        let mut line = Vec::new();
        let mut seen = BTreeSet::new();
        let mut next = Some(start);
        while let Some(at) =
            next.filter(|at| !done.get(*at).copied().unwrap_or(true) && seen.insert(*at))
        {
            line.push(at);
            next = renames.get(at).and_then(|rename| holders.get(&rename.to)).copied();
        }
        let is_cycle = next.is_some_and(|at| seen.contains(&at));
        for (place, at) in line.into_iter().rev().enumerate() {
            let (Some(rename), Some(done)) = (renames.get(at), done.get_mut(at)) else { continue };
            *done = true;
            if is_cycle && place == 0 {
                let aside = format!("ablo moves {}", waiting.len() + 1);
                out.push(Rename {
                    what: rename.what.clone(),
                    from: rename.from.clone(),
                    to: aside.clone(),
                });
                waiting.push(Rename {
                    what: rename.what.clone(),
                    from: aside,
                    to: rename.to.clone(),
                });
            } else {
                out.push(rename.clone());
            }
        }
    }
    out.extend(waiting);
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
            assert!(names.remove(from), "{from} is not there: {ordered:?}");
            assert!(names.insert(to.clone()), "{to} is in use: {ordered:?}");
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
    fn a_chain_starts_at_its_free_end() {
        assert_eq!(run(&[("a", "b"), ("b", "c"), ("c", "d")], &["z"]).len(), 3);
        assert_eq!(run(&[("c", "d"), ("a", "b"), ("b", "c")], &[]).len(), 3);
    }

    #[test]
    fn a_ring_goes_through_a_name_for_the_time_being() {
        assert_eq!(run(&[("a", "b"), ("b", "a")], &[]).len(), 3);
        assert_eq!(
            run(&[("a", "b"), ("b", "c"), ("c", "a"), ("x", "y"), ("y", "x"), ("p", "q")], &["k"])
                .len(),
            8
        );
    }

    #[test]
    fn what_keeps_its_name_is_left_alone() {
        assert!(run(&[("a", "a")], &[]).is_empty());
    }
}
