//! Synthetic schemas of any size for benchmarks. A model has about 13 fields of all kinds and 2.6
//! relations, 1.7 kB of JSON.

use std::fmt::Write;

const NOUNS: [&str; 16] = [
    "task", "report", "invoice", "order", "account", "message", "sheet", "slide", "ticket",
    "asset", "event", "policy", "layer", "section", "budget", "contract",
];
const VALUES: [&str; 4] = [
    r#"["draft","in_review","approved","archived"]"#,
    r#"["low","medium","high"]"#,
    r#"["todo","doing","done"]"#,
    r#"["été","naïve","日本語"]"#,
];

/// Returns the document of a schema with a number of models.
#[must_use]
pub fn document(models: usize) -> String {
    let mut out = String::with_capacity(models * 1800 + 64);
    out.push_str(r#"{"v":3,"models":{"#);
    for model in 0..models {
        if model > 0 {
            out.push(',');
        }
        write_model(model, &mut out);
    }
    out.push_str(
        r#"},"identityRoles":[{"kind":"org","source":{"field":"organizationId","multi":false}}]}"#,
    );
    out
}

fn key(model: usize) -> String {
    format!("{}{}s", NOUNS[model % NOUNS.len()], model / NOUNS.len())
}

fn write_model(model: usize, out: &mut String) {
    let _ = write!(out, r#""{}":{{"fields":{{"#, key(model));
    let kinds = [
        "string", "number", "boolean", "date", "json", "string", "number", "string", "enum",
        "enum", "string",
    ];
    for (at, kind) in kinds.iter().enumerate() {
        let name = NOUNS[(model + at) % NOUNS.len()];
        let (optional, indexed) = ((model + at).is_multiple_of(3), at.is_multiple_of(5));
        let _ = write!(
            out,
            r#""{name}Field{at}":{{"type":"{kind}","isOptional":{optional},"isIndexed":{indexed}"#
        );
        if *kind == "enum" {
            let _ = write!(out, r#","enumValues":{}"#, VALUES[(model + at) % VALUES.len()]);
        }
        if at % 7 == 3 {
            let _ = write!(out, r#","column":"legacy_{at}""#);
        }
        out.push_str("},");
    }
    out.push_str(r#""ownerId":{"type":"string","isOptional":true,"isIndexed":false},"#);
    out.push_str(
        r#""parentId":{"type":"string","isOptional":false,"isIndexed":false}},"relations":{"#,
    );
    // Relations only refer to earlier models, so that creates can be ordered.
    let (owner, parent) = (key(model / 2), key(model.saturating_sub(1)));
    let _ = write!(
        out,
        concat!(
            r#""owner":{{"type":"belongsTo","target":"{owner}","foreignKey":"ownerId","#,
            r#""foreignKeyColumn":"owner_id","options":{{"index":true}}}},"#
        ),
        owner = owner
    );
    let _ = write!(
        out,
        concat!(
            r#""parent":{{"type":"belongsTo","target":"{parent}","foreignKey":"parentId","#,
            r#""foreignKeyColumn":"parent_id","options":{{"parent":true,"fk":true}}}}"#
        ),
        parent = parent
    );
    if model % 5 < 3 {
        let _ = write!(
            out,
            concat!(
                r#","owned":{{"type":"hasMany","target":"{owner}","foreignKey":"ownerId","#,
                r#""foreignKeyColumn":"owner_id","orderBy":"createdAt"}}"#
            ),
            owner = owner
        );
    }
    let scope = if model == 0 { r#","scope":true"# } else { "" };
    let name = key(model);
    let _ = write!(
        out,
        concat!(
            r#"}},"load":"instant","typename":"{}{}","tableName":"{name}","#,
            r#""tenancy":{{"kind":"column","column":"organization_id"}},"#,
            r#""plane":"tenant"{scope},"mutable":true}}"#
        ),
        name[..1].to_uppercase(),
        &name[1..],
        name = name,
        scope = scope
    );
}
