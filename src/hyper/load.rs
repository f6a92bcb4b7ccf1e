//! Writes typed rows into a table through the engine's binary protocol.

use anyhow::{Context, Result, ensure};
use hyperdb_api::{Connection, Inserter, Persistence, SqlType, TableDefinition};

use super::{RESULT, SCHEMA, TableName, shape};
use crate::events::{Event, Observer, Progress};
use crate::table::{ColumnType, Table, Value};

/// The engine counts days from Julian day 0.
const JULIAN_DAY_OF_1970: i32 = 2_440_588;
/// The same in microseconds.
const JULIAN_MICROS_OF_1970: i64 = 210_866_803_200_000_000;
/// Up to this precision a decimal is stored in 64 bits, beyond it in 128.
const SHORT_PRECISION: u8 = 18;
/// Rows between two progress events.
const REPORT_EVERY: u64 = 100_000;

/// Where rows go.
pub(super) enum Target<'a> {
    /// The result table itself.
    Result(&'a TableName),
    /// A temporary table of its own name: a second database attached would end the resolution of plain names.
    Staging,
}

/// Creates the target table and fills it with every row.
pub(super) fn insert(
    connection: &Connection,
    table: &Table,
    target: &Target,
    observer: &dyn Observer,
) -> Result<()> {
    let definition = define(table, target);
    let create = definition
        .to_create_sql(true)
        .context("the table cannot be defined")?;
    shape::run(connection, &create, std::slice::from_ref(table))?;
    // Dropping an inserter that was fed but not executed would leave the connection out of step;
    // on any error here the whole engine is discarded, so nothing is ever sent after it.
    let mut inserter = Inserter::new(connection, &definition).context("the table takes no rows")?;
    let mut n_rows = 0u64;
    table.for_each_row(|row| -> Result<()> {
        for (value, column) in row.iter().zip(table.columns()) {
            add(&mut inserter, value, column.column_type)?;
        }
        inserter.end_row()?;
        n_rows += 1;
        if n_rows.is_multiple_of(REPORT_EVERY) {
            observer.on(Event::Progress(Progress::Rows(n_rows)));
        }
        Ok(())
    })?;
    let stored = inserter
        .execute()
        .map_err(|error| shape::explain(&error, &[]))
        .context("the Hyper engine did not take the rows")?;
    ensure!(
        stored == n_rows,
        "the Hyper engine stored {stored} of {n_rows} rows"
    );
    Ok(())
}

/// Returns the engine's type for a column.
pub(super) fn sql_type(column_type: ColumnType) -> SqlType {
    match column_type {
        ColumnType::Text => SqlType::text(),
        ColumnType::Boolean => SqlType::bool(),
        ColumnType::BigInt => SqlType::big_int(),
        ColumnType::Double => SqlType::double(),
        ColumnType::Decimal { precision, scale } => {
            SqlType::numeric(precision.into(), scale.into())
        }
        ColumnType::Date => SqlType::date(),
        ColumnType::Timestamp => SqlType::timestamp(),
    }
}

fn define(table: &Table, target: &Target) -> TableDefinition {
    let empty = match target {
        Target::Result(name) => TableDefinition::new(name.as_str())
            .with_schema(SCHEMA)
            .with_database(RESULT),
        Target::Staging => {
            TableDefinition::new(table.name()).with_persistence(Persistence::Temporary)
        }
    };
    table.columns().iter().fold(empty, |definition, column| {
        definition.add_nullable_column(&column.name, sql_type(column.column_type))
    })
}

/// Writes one value at the width its column has: the engine checks neither, and a value of
/// another width would shift everything behind it.
fn add(inserter: &mut Inserter<'_>, value: &Value<'_>, column_type: ColumnType) -> Result<()> {
    match (value, column_type) {
        (Value::Null, _) => inserter.add_null()?,
        (Value::Text(text), ColumnType::Text) => inserter.add_str(text)?,
        (Value::Boolean(value), ColumnType::Boolean) => inserter.add_bool(*value)?,
        (Value::BigInt(value), ColumnType::BigInt) => inserter.add_i64(*value)?,
        (Value::Double(value), ColumnType::Double) => inserter.add_f64(*value)?,
        (Value::Date(days), ColumnType::Date) => {
            inserter.add_i32(days + JULIAN_DAY_OF_1970)?;
        }
        (Value::Timestamp(micros), ColumnType::Timestamp) => {
            inserter.add_i64(micros + JULIAN_MICROS_OF_1970)?;
        }
        // Not `add_numeric`: it stores the digits of a value without regard to the column's scale.
        (Value::Decimal(digits), ColumnType::Decimal { precision, .. }) => {
            if precision <= SHORT_PRECISION {
                let digits =
                    i64::try_from(*digits).context("a decimal is wider than its column")?;
                inserter.add_i64(digits)?;
            } else {
                inserter.add_data128(&digits.to_le_bytes())?;
            }
        }
        (value, column_type) => {
            anyhow::bail!("a {column_type} column cannot hold {value:?}");
        }
    }
    Ok(())
}
