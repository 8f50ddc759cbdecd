//! The case of names of types, which several targets spell alike.

use heck::ToPascalCase as _;

/// Returns a name in Pascal case.
///
/// A name that needs no new words, as nearly all of a schema, is copied: heck takes some thousand
/// instructions for one.
pub(crate) fn pascal_case(name: &str) -> String {
    if !is_camel_case(name) {
        return name.to_pascal_case();
    }
    let mut name = name.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    name
}

/// Returns whether a name has only letters and digits, the first is a letter, and each capital
/// letter begins a word: there is a small one between it and the one before it.
fn is_camel_case(name: &str) -> bool {
    let mut is_word = true;
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| match byte {
            b'a'..=b'z' => {
                is_word = true;
                true
            }
            b'A'..=b'Z' => std::mem::take(&mut is_word),
            b'0'..=b'9' => true,
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_pascal_case() {
        for (name, expected) in
            [("weatherReports", "WeatherReports"), ("API_key$2", "ApiKey2"), ("", ""), ("é", "É")]
        {
            assert_eq!(pascal_case(name), expected);
        }
    }

    /// All names of up to five characters of these kinds.
    #[test]
    fn copied_names_are_those_of_heck() {
        let mut names = vec![String::new()];
        for _ in 0..5 {
            let longer =
                names.iter().flat_map(|name| ["a", "B", "1", "_"].map(|more| name.clone() + more));
            names = names.iter().cloned().chain(longer).collect();
            names.sort_unstable();
            names.dedup();
        }
        assert_eq!(names.len(), 1365);
        for name in names {
            assert_eq!(pascal_case(&name), name.to_pascal_case(), "{name}");
        }
    }
}
