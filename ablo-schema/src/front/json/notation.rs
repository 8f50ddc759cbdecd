//! Names the notation of a text that is not JSON.

/// Returns the notation of a text that is not JSON, if it is a known one.
pub(super) fn notation(text: &str) -> Option<&'static str> {
    let start = skip_comments(text);
    let begins = |words: &[&str]| words.iter().any(|word| start.starts_with(word));
    let first = start.lines().next().unwrap_or_default();
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|one| one.is_alphanumeric() || "_-$\"".contains(one))
    };
    let is_member = |line: &str| {
        let name = line.split_once(':').map(|(name, rest)| (name, rest.trim_start() != rest));
        name.is_some_and(|(name, spaced)| is_name(name) && (spaced || line.ends_with(':')))
    };
    let typescript =
        ["import ", "export ", "const ", "let ", "var ", "type ", "interface ", "module.exports"];
    if begins(&typescript) {
        Some(if text.contains("z.object(") { "Zod" } else { "TypeScript" })
    } else if begins(&["model ", "datasource ", "generator ", "enum "]) {
        Some("Prisma")
    } else if begins(&["CREATE ", "create ", "ALTER ", "--\n", "-- "]) {
        Some("SQL")
    } else if begins(&["use ", "pub ", "#[", "//! ", "struct "]) {
        Some("Rust")
    } else if begins(&["---"]) || is_member(first.trim_end()) {
        Some("YAML")
    } else {
        None
    }
}

/// Returns the text from its first line that is no comment and no Markdown fence.
fn skip_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        let is_comment = rest.starts_with("```")
            || (rest.starts_with("//") && !rest.starts_with("//!"))
            || (rest.starts_with('#') && !rest.starts_with("#["));
        let next = match rest.strip_prefix("/*") {
            Some(comment) => comment.split_once("*/").map(|(_, rest)| rest),
            None if is_comment => rest.split_once('\n').map(|(_, rest)| rest),
            None => return rest,
        };
        let Some(next) = next else { return rest };
        rest = next.trim_start();
    }
}
