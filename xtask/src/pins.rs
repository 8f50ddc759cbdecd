//! Updates `tests/judges/bundlers/package.json`, which pins the tools that build and run the
//! generated TypeScript, and its lock file.

use crate::step::{Step, root, run_all};
use std::fs;

const FOLDER: &str = "tests/judges/bundlers";

/// Sets each tool to its newest version within the range under `held`, and locks the packages.
pub(crate) fn update() -> Result<(), String> {
    let path = root().join(FOLDER).join("package.json");
    let text = fs::read_to_string(&path).map_err(|error| format!("{FOLDER}: {error}"))?;
    let held: Vec<(&str, &str)> = members(&text, "held").collect();
    let mut steps = Vec::new();
    for (group, flag) in [
        ("dependencies", "--save"),
        ("optionalDependencies", "--save-optional"),
        ("devDependencies", "--save-dev"),
    ] {
        let wanted: Vec<String> = members(&text, group)
            .map(|(name, _)| {
                let range = held.iter().find(|(held, _)| *held == name);
                format!("{name}@{}", range.map_or("latest", |(_, range)| range))
            })
            .collect();
        let mut arguments = vec!["--prefix", FOLDER, "install", flag, "--save-exact"];
        arguments.extend(["--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"]);
        arguments.extend(wanted.iter().map(String::as_str));
        steps.push(Step::new(group, "npm", &arguments));
    }
    run_all(steps)
}

/// Returns the members of an object of texts in a document that npm formats: one a line.
fn members<'t>(text: &'t str, object: &str) -> impl Iterator<Item = (&'t str, &'t str)> {
    let open = format!("\"{object}\": {{");
    let body = text.split_once(&open).and_then(|(_, rest)| rest.split_once('}'));
    body.map_or("", |(body, _)| body).lines().filter_map(|line| {
        let (name, value) = line.trim().trim_end_matches(',').split_once(": ")?;
        Some((name.trim_matches('"'), value.trim_matches('"')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read() {
        let text =
            "{\n  \"held\": {\n    \"@a/b\": \"^1\",\n    \"c\": \"2\"\n  },\n  \"d\": {}\n}";
        assert_eq!(members(text, "held").collect::<Vec<_>>(), [("@a/b", "^1"), ("c", "2")]);
        assert_eq!(members(text, "none").count(), 0);
    }
}
