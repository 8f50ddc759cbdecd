//! Writes the nodes of `ddl.rs` as SQL.

use super::ddl::{
    ColumnDef, Condition, Constant, Digits, IndexDef, Key, Preset, Rule, Storage, TableDef,
};
use super::names::{Expr, Ident, List, Parts, Sql, Whole, expr, sql};

/// The current time in the stored form of dates.
pub(crate) const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z'";

/// Whether a `CREATE` statement has an `IF NOT EXISTS` clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CreateMode {
    /// Skips an object that exists.
    IfNotExists,
    /// The object cannot exist.
    Always,
}

impl CreateMode {
    fn clause(self) -> &'static str {
        match self {
            CreateMode::IfNotExists => "IF NOT EXISTS ",
            CreateMode::Always => "",
        }
    }
}

impl TableDef<'_> {
    /// Returns the statement that creates the table.
    pub(crate) fn create(&self, mode: CreateMode) -> Expr {
        let mut parts = Parts::default();
        parts.add(&expr!("CREATE TABLE ", mode.clause(), self.name, " ("));
        for (at, column) in self.columns.iter().enumerate() {
            parts.add(&if at == 0 { "\n  " } else { ",\n  " });
            parts.add(column);
        }
        if !self.key.is_empty() {
            parts.add(&expr!(",\n  PRIMARY KEY (", List(&self.key), ")"));
        }
        if !self.unique.is_empty() {
            parts.add(&expr!(",\n  UNIQUE (", List(&self.unique), ")"));
        }
        for key in &self.foreign_keys {
            parts.add(&expr!(",\n  FOREIGN KEY (", List(&key.columns), ") REFERENCES "));
            parts.add(&expr!(key.target, " (", List(&key.target_columns), ")"));
            parts.add(&" DEFERRABLE INITIALLY DEFERRED");
        }
        parts.add(&"\n) STRICT;");
        Expr::new(&parts)
    }
}

impl IndexDef<'_> {
    /// Returns the statement that creates the index on this table.
    pub(crate) fn create(&self, table: &Ident<'_>, mode: CreateMode) -> Expr {
        let kind = if self.unique { "CREATE UNIQUE INDEX " } else { "CREATE INDEX " };
        let index =
            expr!(kind, mode.clause(), self.name, " ON ", table, " (", List(&self.columns), ")");
        match &self.rows {
            Condition::All => expr!(index, ";"),
            Condition::NotNull(column) => expr!(index, " WHERE ", column, " IS NOT NULL;"),
            Condition::Equal(column, value) => expr!(index, " WHERE ", column, " = ", value, ";"),
        }
    }
}

impl Sql for ColumnDef<'_> {
    fn write(&self, out: &mut String) {
        sql!(out, self.name, " ", self.storage);
        sql!(out, if self.not_null && self.key != Key::AutoIncrement { " NOT NULL" } else { "" });
        match self.key {
            Key::No => {}
            Key::Primary => out.push_str(" PRIMARY KEY"),
            Key::AutoIncrement => out.push_str(" PRIMARY KEY AUTOINCREMENT"),
        }
        if let Some(preset) = &self.preset {
            sql!(out, " DEFAULT ", preset);
        }
        if let Some(check) = self.rule.check(&self.name) {
            let name = Ident::new(format!("{}_check", self.name.as_str()));
            sql!(out, " CONSTRAINT ", name, " CHECK (", check, ")");
        }
        for table in &self.references {
            sql!(out, " REFERENCES ", table, " (\"id\") DEFERRABLE INITIALLY DEFERRED");
        }
    }
}

impl Sql for Storage {
    fn write(&self, out: &mut String) {
        out.push_str(self.name());
    }
}

impl Storage {
    /// Returns the type's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Storage::Text => "TEXT",
            Storage::Integer => "INTEGER",
            Storage::Real => "REAL",
        }
    }
}

impl Sql for Preset<'_> {
    fn write(&self, out: &mut String) {
        match self {
            Preset::Now => sql!(out, "(", NOW, ")"),
            Preset::Constant(constant) => constant.write(out),
        }
    }
}

impl Sql for Constant<'_> {
    fn write(&self, out: &mut String) {
        match self {
            Constant::Text(text) => text.write(out),
            Constant::Number(digits) => digits.write(out),
        }
    }
}

impl Sql for Digits {
    fn write(&self, out: &mut String) {
        out.push_str(self.as_str());
    }
}

impl Rule<'_> {
    /// Returns a condition that is true for a value that the rule allows and not false for NULL.
    pub(crate) fn check(&self, value: &impl Sql) -> Option<Expr> {
        let v = Expr::new(value);
        Some(match self {
            Rule::Any => return None,
            Rule::OneOf(allowed) => expr!(v, " IN (", List(allowed), ")"),
            Rule::Flag => expr!(v, " IN (0, 1)"),
            Rule::Instant => expr!(
                "substr(",
                v,
                ", 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]Z' AND ",
                v,
                " IS strftime('%Y-%m-%dT%H:%M:%S', substr(",
                v,
                ", 1, 19), '+0 days') || substr(",
                v,
                ", 20, 8)"
            ),
            // Before SQLite 3.45, `json_valid(NULL)` is 0.
            Rule::Json => expr!("json_valid(coalesce(", v, ", 'null'))"),
            Rule::JsonArray => {
                let v = expr!("coalesce(", v, ", '[]')");
                expr!("json_valid(", v, ") AND json_type(", v, ") = 'array'")
            }
            Rule::Between(least, most) => {
                expr!(v, " BETWEEN ", Whole(*least), " AND ", Whole(*most))
            }
            Rule::Single => expr!("abs(", v, ") <= 3.4028234663852886e38"),
            Rule::Uint64 => expr!(
                without_nul(&v),
                " AND ",
                v,
                " NOT GLOB '*[^0-9]*' AND (",
                v,
                " = '0' OR ",
                v,
                " GLOB '[1-9]*') AND (length(",
                v,
                ") < 20 OR length(",
                v,
                ") = 20 AND ",
                v,
                " <= '18446744073709551615')"
            ),
            Rule::Decimal(digits) => decimal(&v, *digits),
            Rule::Uuid => expr!(
                without_nul(&v),
                " AND ",
                v,
                " NOT GLOB '*[^-0-9a-f]*' AND ",
                v,
                " GLOB '????????-????-????-????-????????????' AND length(replace(",
                v,
                ", '-', '')) = 32"
            ),
        })
    }
}

/// Returns a condition that a text has no NUL, where `GLOB` and `length()` would stop.
fn without_nul(v: &Expr) -> Expr {
    expr!("instr(", v, ", char(0)) = 0")
}

/// Returns a condition that a text is a decimal number: digits without leading zeros, with optional
/// sign and fraction.
fn decimal(v: &Expr, digits: Option<(u16, u16)>) -> Expr {
    let bare = expr!("ltrim(", v, ", '-')");
    let form = expr!(
        without_nul(v),
        " AND ",
        v,
        " NOT GLOB '*[^-0-9.]*' AND ",
        v,
        " NOT GLOB '?*-*' AND ",
        v,
        " NOT GLOB '*.*.*' AND ",
        v,
        " NOT GLOB '*.' AND ",
        bare,
        " GLOB '[0-9]*' AND ",
        bare,
        " NOT GLOB '0[0-9]*'"
    );
    let Some((precision, scale)) = digits else { return form };
    let before = i128::from(precision.saturating_sub(scale));
    let whole = match before {
        0 => expr!(bare, " GLOB '0*'"),
        _ => expr!("instr(", bare, " || '.', '.') <= ", Whole(before + 1)),
    };
    expr!(
        form,
        " AND ",
        whole,
        " AND length(",
        v,
        ") - instr(",
        v,
        " || '.', '.') <= ",
        Whole(scale.into())
    )
}
