//! "Did you mean" suggestions by edit distance.

/// Finds similar names, with an upper bound on the comparisons of one run.
#[derive(Debug)]
pub struct Suggest {
    comparisons_left: usize,
}

impl Default for Suggest {
    fn default() -> Self {
        Self { comparisons_left: 100_000 }
    }
}

impl Suggest {
    /// Returns the candidate most similar to `name`, if one is similar enough.
    ///
    /// ```
    /// let mut suggest = ablo_schema::diag::Suggest::default();
    /// assert_eq!(suggest.nearest("projet", ["tasks", "projects"]), Some("projects"));
    /// assert_eq!(suggest.nearest("zebra", ["tasks", "projects"]), None);
    /// ```
    pub fn nearest<'c>(
        &mut self,
        name: &str,
        candidates: impl IntoIterator<Item = &'c str>,
    ) -> Option<&'c str> {
        let mut best = None;
        let bound = (name.chars().count() / 3).max(1) + 1;
        for candidate in candidates {
            if self.comparisons_left == 0 || name.len() > 200 {
                break;
            }
            if candidate.len().abs_diff(name.len()) > bound * 4 || candidate.len() > 200 {
                continue;
            }
            self.comparisons_left -= 1;
            let distance =
                strsim::damerau_levenshtein(&name.to_lowercase(), &candidate.to_lowercase());
            if distance <= bound && best.is_none_or(|(least, _)| distance < least) {
                best = Some((distance, candidate));
            }
        }
        best.map(|(_, candidate)| candidate)
    }

    /// Returns a help line: the most similar candidate, else the list of candidates if it is short.
    pub fn help<'c>(
        &mut self,
        name: &str,
        candidates: impl IntoIterator<Item = &'c str> + Clone,
    ) -> Option<String> {
        let near = self.nearest(name, candidates.clone());
        Self::line(near, candidates)
    }

    /// Returns the help line of a name of which the most similar candidate is known.
    pub(crate) fn line<'c>(
        near: Option<&str>,
        candidates: impl IntoIterator<Item = &'c str>,
    ) -> Option<String> {
        if let Some(near) = near {
            return Some(format!("did you mean `{near}`?"));
        }
        let listed: Vec<String> =
            candidates.into_iter().take(9).map(|candidate| format!("`{candidate}`")).collect();
        match listed.len() {
            0 | 9 => None,
            _ => Some(format!("choose from {}", listed.join(", "))),
        }
    }
}
