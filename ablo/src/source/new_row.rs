//! New rows of a typed data source: the input with what the writer left out.

use super::Call;
use crate::descriptor::ModelDescriptor;
use ablo_schema::schema::{AutoFillSource, NewValue};
use serde_json::{Map, Value};

/// Returns the members of a new row: the input, base fields, the writer's identity and defaults.
pub(super) fn new_row(
    model: &ModelDescriptor,
    id: Option<String>,
    input: Map<String, Value>,
    call: &Call,
) -> Map<String, Value> {
    let id = id.unwrap_or_else(|| uuid::Uuid::new_v4().hyphenated().to_string());
    let mut members = Map::from_iter([
        ("id".to_owned(), id.into()),
        ("createdAt".to_owned(), now()),
        ("updatedAt".to_owned(), now()),
    ]);
    let scope = [
        ("organizationId", &call.scope.organization_id),
        ("createdBy", &call.scope.participant_id),
    ];
    let scope = scope.into_iter();
    members.extend(scope.filter_map(|(name, id)| Some((name.to_owned(), id.clone()?.into()))));
    for field in model.fields {
        let fill = model.auto_fill.iter().find(|fill| fill.field == field.name);
        let fill = fill.and_then(|fill| {
            AutoFillSource::ALL.into_iter().find(|source| source.as_str() == fill.from)
        });
        let default = field.default.and_then(|default| serde_json::from_str(default).ok());
        let value = match NewValue::of(fill, default) {
            NewValue::Organization => call.scope.organization_id.clone().map(Value::from),
            NewValue::Participant => call.scope.participant_id.clone().map(Value::from),
            // On a date, `now` stands for the time of writing.
            NewValue::Default(Value::String(word))
                if word == "now" && field.kind == crate::FieldKind::Date =>
            {
                Some(now())
            }
            NewValue::Default(default) => Some(default),
            NewValue::Absent => None,
        };
        members.extend(value.map(|value| (field.name.to_owned(), value)));
    }
    members.extend(input);
    members
}

/// Returns the time in the form of dates in rows.
pub(super) fn now() -> Value {
    let millisecond = jiff::Timestamp::now().as_millisecond();
    let now = jiff::Timestamp::from_millisecond(millisecond).unwrap_or_default();
    format!("{now:.3}").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::{AutoFillDescriptor, FieldDescriptor, FieldKind};
    use crate::wire::SourceScope;

    const TASKS: ModelDescriptor = ModelDescriptor {
        key: "tasks",
        auto_fill: &[
            AutoFillDescriptor { field: "author", from: "userId" },
            AutoFillDescriptor { field: "team", from: "organizationId" },
        ],
        fields: &[
            FieldDescriptor { name: "author", default: Some("\"system\""), ..TEXT },
            FieldDescriptor { name: "team", ..TEXT },
            FieldDescriptor { name: "state", default: Some("\"open\""), ..TEXT },
            FieldDescriptor { name: "note", ..TEXT },
        ],
        ..ModelDescriptor::DEFAULT
    };
    const TEXT: FieldDescriptor =
        FieldDescriptor { kind: FieldKind::String, ..FieldDescriptor::DEFAULT };

    #[test]
    fn missing_fields_come_from_the_writer_before_defaults() {
        let mut scope = SourceScope::new();
        scope.participant_id = Some("ann".to_owned());
        scope.organization_id = Some("acme".to_owned());
        let call = Call { message_id: String::new(), signed_at: 0, scope, is_test: true };
        let row = new_row(&TASKS, Some("t1".to_owned()), Map::new(), &call);
        let text = |name: &str| row.get(name).and_then(Value::as_str);
        assert_eq!(text("author"), Some("ann"));
        assert_eq!(text("team"), Some("acme"));
        assert_eq!(text("state"), Some("open"));
        assert_eq!(text("note"), None);
        let given = Map::from_iter([("author".to_owned(), "bob".into())]);
        assert_eq!(new_row(&TASKS, None, given, &call)["author"], "bob");
    }
}
