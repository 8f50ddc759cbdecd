//! Rows in bulk: export and import, with or without a running coordinator.

use crate::engine::bulk::{self, BulkRow};
use crate::engine::{Engine, plan, read, violation};
use crate::error::{ApiError, EngineError, Result, StoreError};
use crate::existing;
use crate::identity::{Identity, everything};
use crate::models::{Model, ModelId, Models};
use crate::store::{Store, Tenant, Tx};
use crate::value::ValueKind;
use ablo_schema::Schema;
use ablo_wire::Query;
use std::sync::Arc;

/// The participant that imported rows name as their creator, unless they name another.
const IMPORTER: &str = "import";

/// The rows of one model in one organisation, in bulk.
///
/// Imported rows have no entry of the sync log each. Instead, watchers connect again and load the
/// rows: at most once in ten seconds while an import runs, and one second after its end.
#[derive(Clone)]
pub struct Bulk {
    store: Arc<dyn Store>,
    engine: Arc<Engine>,
    who: Identity,
    model: ModelId,
}

impl std::fmt::Debug for Bulk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bulk").field("model", &self.model().key).finish_non_exhaustive()
    }
}

/// The type of a field, as far as a text needs it to become a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextForm {
    /// The text is the value: strings, enums, dates, UUIDs, and numbers that JSON has as strings.
    Text,
    /// The text is JSON: numbers, booleans and documents.
    Json,
}

/// A field of an exported row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkField {
    /// The member of the row.
    pub member: String,
    /// How its values become text.
    pub form: TextForm,
}

/// A row that was read and may be imported.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportRow(BulkRow);

impl ImportRow {
    /// Returns the id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }
}

/// The outcome of an import of a set of rows.
#[derive(Clone, Debug, Default)]
pub struct ImportReport {
    /// The number of rows that were inserted.
    pub inserted: usize,
    /// The number of rows that existed with these values.
    pub present: usize,
    /// The rows that were not inserted, by their position, and why.
    pub refused: Vec<(usize, ApiError)>,
}

impl Bulk {
    /// Returns the rows of a model in an organisation.
    ///
    /// # Errors
    /// Returns `unknown_model`.
    ///
    /// ```
    /// # use ablo_server::{Bulk, DbPath, Sqlite};
    /// # use std::sync::Arc;
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let document = r#"{"v":3,"models":{"notes":{"relations":{},"fields":{
    ///     "text":{"type":"string","isOptional":false,"isIndexed":false}}}},"identityRoles":[]}"#;
    /// let schema = ablo_schema::front::json::read(document).schema.ok_or("a faulty schema")?;
    /// let store = Arc::new(Sqlite::open(&DbPath::Memory, &schema)?);
    /// let notes = Bulk::new(&schema, store, "acme", "notes")?;
    /// let row = notes.parse(r#"{"id":"n1","text":"imported"}"#)?;
    /// assert_eq!(notes.import(vec![row]).await?.inserted, 1);
    /// let (rows, next) = notes.page(None, 100).await?;
    /// assert!(rows[0].contains(r#""text":"imported""#) && next.is_none());
    /// # Ok(()) }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    /// #     .block_on(run()).unwrap();
    /// ```
    pub fn new(
        schema: &Schema,
        store: Arc<dyn Store>,
        organization: &str,
        model: &str,
    ) -> Result<Self, ApiError> {
        Self::with_models(Models::new(schema), store, organization, model)
    }

    /// Returns the rows of a model in tables that another program made, as [`Bulk::new`].
    ///
    /// # Errors
    /// Returns `unknown_model`, or the store's error if the catalog cannot be read.
    pub fn over_existing(
        schema: &Schema,
        store: Arc<dyn Store>,
        organization: &str,
        model: &str,
    ) -> Result<Self> {
        let mut models = Models::new(schema);
        existing::map_base_columns(&mut models, &*store)?;
        Ok(Self::with_models(models, store, organization, model)?)
    }

    fn with_models(
        models: Models,
        store: Arc<dyn Store>,
        organization: &str,
        model: &str,
    ) -> Result<Self, ApiError> {
        let engine = Arc::new(Engine::with_models(models, store.dialect()));
        let model = plan::find(&engine.models, model)?.id;
        let who = Identity {
            participant: IMPORTER.to_owned(),
            capability: IMPORTER.to_owned(),
            ..everything(organization)
        };
        Ok(Self { store, engine, who, model })
    }

    fn model(&self) -> &Model {
        self.engine.models.get(self.model)
    }

    /// Returns the key of the model.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.model().key
    }

    /// Returns the fields that rows have, in their order.
    #[must_use]
    pub fn fields(&self) -> Vec<BulkField> {
        let columns = self.model().columns.iter();
        let present = columns.filter(|column| column.is_stored());
        let field = |column: &crate::models::Column| BulkField {
            member: column.member.clone(),
            form: match column.kind {
                ValueKind::Number
                | ValueKind::Float
                | ValueKind::Boolean
                | ValueKind::Integer(..)
                | ValueKind::Json => TextForm::Json,
                ValueKind::Text
                | ValueKind::Enum(_)
                | ValueKind::Date
                | ValueKind::Int64
                | ValueKind::Uint64
                | ValueKind::Decimal(_)
                | ValueKind::Uuid => TextForm::Text,
            },
        };
        present.map(field).collect()
    }

    /// Reads a row from a JSON object with the members of a row as clients read it. `id` is
    /// required; the organisation can only be that of the import.
    ///
    /// # Errors
    /// Returns the first member that cannot be stored.
    pub fn parse(&self, json: &str) -> Result<ImportRow, ApiError> {
        bulk::parse(self.model(), &self.who, json).map(ImportRow)
    }

    /// Inserts the rows that do not exist, in one transaction. If one of them cannot be inserted,
    /// each has a transaction of its own.
    ///
    /// A row that exists with the same values is counted; one with other values is refused with
    /// `unique_violation` and left as it is. So an import that was interrupted can be repeated.
    ///
    /// # Errors
    /// Returns the store's error if the database does not answer. Rows of this call may have been
    /// inserted then.
    pub async fn import(&self, rows: Vec<ImportRow>) -> Result<ImportReport> {
        let rows: Vec<BulkRow> = rows.into_iter().map(|ImportRow(row)| row).collect();
        match self.insert(rows.clone()).await {
            Ok(report) => return Ok(report),
            Err(EngineError::Refused(_) | EngineError::Store(StoreError::Constraint(_))) => {}
            Err(error) => return Err(error),
        }
        let mut all = ImportReport::default();
        for (at, row) in rows.into_iter().enumerate() {
            match self.insert(vec![row]).await {
                Ok(report) => {
                    all.inserted += report.inserted;
                    all.present += report.present;
                    all.refused.extend(report.refused.into_iter().map(|(_, error)| (at, error)));
                }
                // Some constraints are checked when the transaction is committed.
                Err(error) => match violation::describe(self.model(), error) {
                    EngineError::Refused(refusal) => all.refused.push((at, refusal)),
                    error => return Err(error),
                },
            }
        }
        Ok(all)
    }

    async fn insert(&self, rows: Vec<BulkRow>) -> Result<ImportReport> {
        let (engine, who, model) = (Arc::clone(&self.engine), self.who.clone(), self.model);
        let tenant = Tenant::Organization(self.who.organization.clone());
        let done = self
            .store
            .writing(tenant, move |tx: &mut Tx<'_>| {
                let done = bulk::insert(&engine, tx, &who, engine.models.get(model), &rows)?;
                let differs = |at: usize| {
                    let id = rows.get(at).map_or("", |row| &row.id);
                    let message = format!("the row `{id}` exists with other values");
                    (at, ApiError::new("unique_violation", message).param("id"))
                };
                Ok(ImportReport {
                    inserted: done.inserted,
                    present: done.present,
                    refused: done.differing.into_iter().map(differs).collect(),
                })
            })
            .await?;
        Ok(done)
    }

    /// Returns a page of rows as JSON objects in the order of their ids, and the cursor of the next
    /// page. Each page is read in one transaction.
    ///
    /// # Errors
    /// Returns `model_query_failed` for a cursor of another query, or the store's error.
    pub async fn page(
        &self,
        cursor: Option<String>,
        limit: u64,
    ) -> Result<(Vec<String>, Option<String>)> {
        let (engine, who) = (Arc::clone(&self.engine), self.who.clone());
        let mut query = Query::new(self.model().key.clone());
        query.limit = Some(limit);
        let tenant = Tenant::Organization(self.who.organization.clone());
        self.store
            .reading(tenant, move |tx: &mut Tx<'_>| {
                let (rows, next) = read::query_page(&engine, tx, &who, &query, cursor.as_deref())?;
                Ok((rows.into_iter().map(|row| row.into_inner()).collect(), next))
            })
            .await
    }
}
