//! Conversion of [`Cell`]s: as parameters to the type that the statement expects, and as results
//! from the types that statements return. Other types travel as text; see `store::sql_template`.

use super::super::Row;
use crate::error::StoreError;
use crate::value::Cell;
use bytes::BytesMut;
use std::error::Error;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

impl ToSql for Cell {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match (self, ty) {
            (Cell::Null, _) => Ok(IsNull::Yes),
            (Cell::Text(text), &(Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME)) => {
                text.to_sql(ty, out)
            }
            (Cell::Integer(number), &Type::INT8) => number.to_sql(ty, out),
            (Cell::Integer(number), &Type::INT4) => i32::try_from(*number)?.to_sql(ty, out),
            (Cell::Integer(number), &Type::INT2) => i16::try_from(*number)?.to_sql(ty, out),
            (Cell::Real(number), &Type::FLOAT8) => number.to_sql(ty, out),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the column is of single precision, and so is the value"
            )]
            (Cell::Real(number), &Type::FLOAT4) => (*number as f32).to_sql(ty, out),
            (Cell::Boolean(flag), &Type::BOOL) => flag.to_sql(ty, out),
            _ => Err(format!("cannot convert {self:?} to the type {ty}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        // `to_sql` checks the type.
        true
    }

    to_sql_checked!();
}

/// Converts a row of a query result.
pub(super) fn row(row: &tokio_postgres::Row) -> Result<Row, StoreError> {
    let cell = |(at, column): (usize, &tokio_postgres::Column)| cell(row, at, column.type_());
    row.columns().iter().enumerate().map(cell).collect()
}

fn cell(row: &tokio_postgres::Row, at: usize, ty: &Type) -> Result<Cell, StoreError> {
    Ok(match *ty {
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME => {
            row.try_get::<_, Option<String>>(at)?.into()
        }
        Type::INT8 => row.try_get::<_, Option<i64>>(at)?.into(),
        Type::INT4 => row.try_get::<_, Option<i32>>(at)?.map(i64::from).into(),
        Type::INT2 => row.try_get::<_, Option<i16>>(at)?.map(i64::from).into(),
        Type::FLOAT8 => row.try_get::<_, Option<f64>>(at)?.map_or(Cell::Null, Cell::Real),
        Type::FLOAT4 => row
            .try_get::<_, Option<f32>>(at)?
            .map_or(Cell::Null, |number| Cell::Real(number.into())),
        Type::BOOL => row.try_get::<_, Option<bool>>(at)?.map_or(Cell::Null, Cell::Boolean),
        _ => {
            return Err(StoreError::Fault(format!("unsupported column type {ty} in a result")));
        }
    })
}
