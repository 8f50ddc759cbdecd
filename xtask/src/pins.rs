//! Updates the pinned versions of tools that read what ablo generates: `package.json` of the
//! bundlers, with its lock file, and `versions.toml` of the consumers of OpenAPI and JSON Schema.

use crate::step::{Step, root, run_all};
use std::fmt::Write;
use std::fs;
use std::process::Command;

const FOLDER: &str = "tests/judges/bundlers";
const CONSUMERS: &str = "tests/judges/consumers/versions.toml";

/// Sets each tool to its newest version within the range under `held`.
pub(crate) fn update() -> Result<(), String> {
    bundlers()?;
    let path = root().join(CONSUMERS);
    let text = fs::read_to_string(&path).map_err(|error| format!("{CONSUMERS}: {error}"))?;
    let updated = updated(&text, newest)?;
    fs::write(path, updated).map_err(|error| format!("{CONSUMERS}: {error}"))
}

/// Returns `versions.toml` with the versions that `newest` finds for a registry, a name and a
/// range.
fn updated(
    text: &str,
    newest: impl Fn(&str, &str, Option<&str>) -> Result<String, String>,
) -> Result<String, String> {
    let pair = |line: &str| {
        let (name, value) = line.split_once(" = ")?;
        Some((name.trim_matches('"').to_owned(), value.trim_matches('"').to_owned()))
    };
    let held: Vec<(String, String)> =
        text.lines().skip_while(|line| *line != "[held]").skip(1).map_while(pair).collect();
    let (mut out, mut registry) = (String::new(), "");
    for line in text.lines() {
        if let Some(section) = line.strip_prefix('[') {
            registry = section.trim_end_matches(']');
        }
        let line = match pair(line).filter(|_| registry != "held") {
            Some((name, _)) => {
                let range = held.iter().find(|(held, _)| *held == name);
                let version = newest(registry, &name, range.map(|(_, range)| range.as_str()))?;
                format!("\"{name}\" = \"{version}\"")
            }
            None => line.to_owned(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{line}");
    }
    Ok(out)
}

/// Returns the newest version of a package.
fn newest(registry: &str, name: &str, range: Option<&str>) -> Result<String, String> {
    let (program, arguments, before, after): (_, Vec<String>, _, _) = match registry {
        "npm" => {
            let wanted = format!("{name}@{}", range.unwrap_or("latest"));
            ("npm", vec!["view".into(), wanted, "version".into(), "--json".into()], "\"", "\"")
        }
        "pypi" => {
            let index = ["-m", "pip", "index", "versions", name].map(str::to_owned);
            ("python3", index.into(), " (", ")")
        }
        "crates" => {
            let wanted = range.map_or(name.to_owned(), |range| format!("{name}@{range}"));
            ("cargo", vec!["info".into(), wanted], "\nversion: ", "\n")
        }
        other => return Err(format!("{CONSUMERS}: unknown registry `{other}`")),
    };
    // Within the repository, cargo would return the version of the lock file.
    let run = Command::new(program).args(&arguments).current_dir(std::env::temp_dir()).output();
    let output = run.map_err(|error| format!("{program}: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = match registry {
        // A range has several versions, in order.
        "npm" => printed.trim_end().trim_end_matches([']', '\n']).rfind("\n").unwrap_or(0),
        _ => 0,
    };
    let found = printed[last..].split_once(before).and_then(|(_, rest)| rest.split_once(after));
    let version = found.map(|(version, _)| version.split(' ').next().unwrap_or(version).to_owned());
    version.ok_or_else(|| {
        format!("{name}: {printed}{}", String::from_utf8_lossy(&output.stderr).trim_end())
    })
}

/// Updates the bundlers, and locks their packages.
fn bundlers() -> Result<(), String> {
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
    fn versions_are_updated_within_their_ranges() {
        let text = "# About.\n\n[held]\n\"a\" = \"^1\"\n\n[npm]\n\"a\" = \"1.0.0\"\n\n[crates]\n\
            \"b\" = \"2.0.0\"\n";
        let newest = |registry: &str, name: &str, range: Option<&str>| {
            Ok(format!("{registry}-{name}-{}", range.unwrap_or("any")))
        };
        let expected = text.replace("1.0.0", "npm-a-^1").replace("2.0.0", "crates-b-any");
        assert_eq!(updated(text, newest), Ok(expected));
    }

    #[test]
    fn members_are_read() {
        let text =
            "{\n  \"held\": {\n    \"@a/b\": \"^1\",\n    \"c\": \"2\"\n  },\n  \"d\": {}\n}";
        assert_eq!(members(text, "held").collect::<Vec<_>>(), [("@a/b", "^1"), ("c", "2")]);
        assert_eq!(members(text, "none").count(), 0);
    }
}
