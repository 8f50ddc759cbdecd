//! Renames that SQLite also does in keys, views and triggers of other objects.
//!
//! They precede everything else that happens to the table. A table that is rebuilt keeps its name
//! and those of its columns from then on, so that other objects still find it.

use super::super::names::{Ident, expr};
use super::script::Script;
use super::table::{Pair, Strategy};

impl Pair<'_, '_> {
    /// Renames the table, and the columns of one that is rebuilt.
    pub(super) fn rename_with_references(&self, script: &mut Script) {
        let mut renames = Vec::new();
        if self.is_moved {
            let (was, is) = (&self.was.name, &self.is.name);
            renames.push(expr!("ALTER TABLE ", was, " RENAME TO ", is, ";"));
        }
        for (at, column) in self.is.columns.iter().enumerate() {
            let was = self.previous(at).filter(|_| self.is_renamed_first(at));
            let Some((_, was)) = was else { continue };
            let (table, to) = (self.moved_name(), &column.name);
            renames.push(expr!(
                "ALTER TABLE ",
                table,
                " RENAME COLUMN ",
                was.name,
                " TO ",
                to,
                ";"
            ));
        }
        if renames.is_empty() {
            return;
        }
        // Only without this setting do other objects follow.
        script.add(self.cause, &expr!("PRAGMA legacy_alter_table = OFF;"));
        for rename in renames {
            script.on(&self.was.name, self.cause, &[], &rename);
        }
        script.add(self.cause, &expr!("PRAGMA legacy_alter_table = ON;"));
    }

    /// Returns the name of the table after [`Self::rename_with_references`].
    pub(super) fn moved_name(&self) -> &Ident<'_> {
        if self.is_moved { &self.is.name } else { &self.was.name }
    }

    /// Returns whether a column of a rebuilt table is renamed before it is rebuilt.
    pub(super) fn is_renamed_first(&self, at: usize) -> bool {
        let (Some((_, was)), Some(is)) = (self.previous(at), self.is.columns.get(at)) else {
            return false;
        };
        let is_free = |name: &Ident<'_>| {
            let same = |column: &super::super::ddl::ColumnDef<'_>| {
                column.name.as_str().eq_ignore_ascii_case(name.as_str())
            };
            !self.was.columns.iter().any(same)
        };
        self.strategy == Strategy::Rebuilt && was.name != is.name && is_free(&is.name)
    }
}
