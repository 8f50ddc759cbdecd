//! `ablo explain`: what a code means, from the tables of codes. Without a code, every one, as a page of Markdown.

use crate::codes::{self, Code};
use crate::finding::{Exit, Finding, Report, Stop};
use crate::outcome::Outcome;
use ablo_schema::diag::Suggest;

pub(crate) fn run(asked: Option<&str>) -> Result<Outcome, Stop> {
    let Some(asked) = asked else { return Ok(Outcome::text(page())) };
    let Some(code) = Code::all().find(|code| code.name == asked) else {
        return Err(unknown(asked));
    };
    let Code { name, severity, title, meaning, mend } = code;
    Ok(Outcome::text(format!(
        "{name} ({})\n{title}.\n\n{meaning}\n\nWhat to do: {mend}\n",
        severity.as_str()
    )))
}

const HEAD: &str = "\
# Diagnostic codes

Every code that a diagnostic may carry. `ablo explain <code>` shows one of them. This page is written by `cargo xtask codes`.
";

fn page() -> String {
    Code::all().fold(HEAD.to_owned(), |mut page, Code { name, severity, title, meaning, mend }| {
        let severity = severity.as_str();
        for part in [
            "\n## `",
            name,
            "`\n\n",
            title,
            " (",
            severity,
            "). ",
            meaning,
            "\n\n*What to do:* ",
            mend,
            "\n",
        ] {
            page.push_str(part);
        }
        page
    })
}

fn unknown(asked: &str) -> Stop {
    let near =
        Suggest::default().nearest(asked, Code::all().map(|code| code.name)).map(str::to_owned);
    let help = near.map(|near| format!("did you mean `{near}`?"));
    let finding =
        Finding::new(codes::EXPLAIN_UNKNOWN, format!("there is no code `{asked}`")).help(help);
    Stop::new(Exit::CannotRun, Report::about(None, vec![finding]))
}
