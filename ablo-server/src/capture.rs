//! Writes of other programs: triggers on the tables of models record them, and every coordinator on
//! the database appends them to the sync log.
//!
//! Watchers receive these changes within a second, and guarded writes count them. PostgreSQL only.

use crate::error::Result;
use crate::models::Models;
use crate::store::capture as triggers;
use crate::store::{Store, Tenant, Tx};
use ablo_schema::Schema;

/// The triggers on the tables of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    install: Vec<String>,
    remove: Vec<String>,
}

impl Capture {
    /// Returns the triggers on the tables of a schema in a schema of the database.
    #[must_use]
    pub fn new(schema: &Schema, database_schema: &str) -> Self {
        let models = Models::new(schema);
        Self {
            install: triggers::install(&models, database_schema),
            remove: triggers::remove(&models, database_schema),
        }
    }

    /// Returns the script that creates or replaces the triggers. It has to run as the owner of the
    /// tables, on a database that a coordinator has served.
    ///
    /// ```
    /// # use ablo_server::Capture;
    /// let document = r#"{"v":3,"models":{"notes":{"relations":{},"fields":{
    ///     "text":{"type":"string","isOptional":false,"isIndexed":false}}}},"identityRoles":[]}"#;
    /// let schema = ablo_schema::front::json::read(document).schema.ok_or("a faulty schema")?;
    /// let script = Capture::new(&schema, "public").script();
    /// assert!(script.contains("AFTER INSERT OR UPDATE OR DELETE ON \"public\".\"notes\""));
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn script(&self) -> String {
        self.install.iter().fold(String::new(), |out, statement| out + statement + ";\n")
    }

    /// Creates or replaces the triggers. Coordinators notice them within five seconds.
    ///
    /// # Errors
    /// Returns the store's error if a statement fails; nothing is changed then.
    pub async fn install(&self, store: &dyn Store) -> Result<()> {
        run(store, self.install.clone()).await
    }

    /// Drops the triggers. Changes that they recorded are still appended to the log.
    ///
    /// # Errors
    /// Returns the store's error if a statement fails; nothing is changed then.
    pub async fn remove(&self, store: &dyn Store) -> Result<()> {
        run(store, self.remove.clone()).await
    }
}

async fn run(store: &dyn Store, statements: Vec<String>) -> Result<()> {
    let job = move |tx: &mut Tx<'_>| Ok(triggers::run(tx, &statements)?);
    store.writing(Tenant::Global, job).await
}
