//! Writes typed rows into a table, as a stream of Arrow record batches.
//!
//! One thread converts and encodes, another one sends: neither waits while the other works.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use anyhow::{Context, Result, anyhow, bail, ensure};
use arrow_array::RecordBatch;
use hyperdb_api::Connection;

use super::explain::explain;
use super::files::LinkedFiles;
use super::names::quote;
use super::stream::{StreamEncoder, schema_message};
use super::target::LoadTarget;
use super::types::sql_type;
use crate::columnar::Part;
use crate::data::{Column, ColumnType};
use crate::events::{Event, Observer, Progress};
use crate::table::Table;

/// Bytes sent at once. Larger ones gain nothing and keep the other thread waiting at both ends.
const CHUNK_BYTES: usize = 1 << 20;
/// Chunks that may wait: what is converted while the engine starts. With them the memory of a load is bounded.
const CHUNKS_AHEAD: usize = 12;
/// Bytes of one COPY statement. The engine queues without limit what it is sent and has not stored yet; between
/// two statements it has stored everything. Short statements cost time: the end of each has one core busy.
const STATEMENT_BYTES: usize = 96 << 20;

/// Rows on their way to the engine: a thread of its own converts them.
pub(super) struct RowStream<'scope> {
    chunks: Receiver<EncodedRows>,
    converter: ScopedJoinHandle<'scope, Result<u64, Stopped>>,
}

impl<'scope> RowStream<'scope> {
    /// Begins to convert the rows of a table that the engine does not read by itself.
    pub(super) fn of(
        scope: &'scope Scope<'scope, '_>,
        table: &'scope Table,
    ) -> Option<RowStream<'scope>> {
        let is_ours = table.columnar().is_none();
        is_ours.then(|| RowStream::convert(scope, table, None))
    }

    fn convert(
        scope: &'scope Scope<'scope, '_>,
        table: &'scope Table,
        part: Option<&'scope Part>,
    ) -> RowStream<'scope> {
        let (to_sender, chunks) = sync_channel(CHUNKS_AHEAD);
        let converter = scope.spawn(move || convert(table, part, &to_sender));
        RowStream { chunks, converter }
    }

    /// Sends all of them. The sender ends when the converter is done; when the sender fails, the converter's
    /// next chunk does.
    fn store(
        self,
        connection: &Connection,
        table: &Table,
        name: &str,
        observer: &dyn Observer,
    ) -> Result<()> {
        let sent = send(connection, name, table.columns(), self.chunks, observer);
        let filled = self
            .converter
            .join()
            .map_err(|_| anyhow!("the conversion of the rows broke off"))?;
        match (filled, sent) {
            (Err(Stopped::Rows(error)), _) | (_, Err(error)) => Err(error),
            (Err(Stopped::Refused), Ok(_)) => bail!("the Hyper engine did not take the rows"),
            (Ok(n_rows), Ok(stored)) => {
                ensure!(
                    stored == n_rows,
                    "the Hyper engine stored {stored} of {n_rows} rows"
                );
                Ok(())
            }
        }
    }
}

/// Creates the target table and fills it with every row; `files` are those the engine can reach.
///
/// `rows` are those of the table, if their conversion has begun already.
pub(super) fn insert<'scope>(
    connection: &Connection,
    scope: &'scope Scope<'scope, '_>,
    (table, rows): (&'scope Table, Option<RowStream<'scope>>),
    target: &LoadTarget,
    files: Option<&LinkedFiles>,
    observer: &dyn Observer,
) -> Result<()> {
    let name = target.name(table);
    create(connection, table, target)?;
    let stream = |part| {
        let rows = RowStream::convert(scope, table, part);
        rows.store(connection, table, &name, observer)
    };
    match (table.columnar(), rows) {
        (None, Some(rows)) => rows.store(connection, table, &name, observer),
        (None, None) => stream(None),
        (Some(parquet), _) => {
            let (own, rest): (Vec<&Part>, Vec<&Part>) = parquet
                .parts()
                .iter()
                .partition(|part| part.expressions().is_some());
            if let (Some(files), false) = (files, own.is_empty()) {
                read_files(connection, (table, &own), files, &name, observer, &stream)?;
            }
            for part in rest {
                if part.is_refused() {
                    observer.on(Event::Note(format!(
                        "`{}` is read row by row: it has what Hyper does not read by itself",
                        part.origin()
                    )));
                }
                stream(Some(part))?;
            }
            Ok(())
        }
    }
}

/// Lets the engine read the files; what it refuses is converted here, which tells the row.
fn read_files<'t>(
    connection: &Connection,
    (table, parts): (&'t Table, &[&'t Part]),
    files: &LinkedFiles,
    name: &str,
    observer: &dyn Observer,
    stream: &dyn Fn(Option<&'t Part>) -> Result<()>,
) -> Result<()> {
    match files.insert(connection, table, parts, name) {
        Ok(stored) => {
            let said: u64 = parts.iter().map(|part| part.rows()).sum();
            ensure!(
                stored == said,
                "the Parquet files say they have {said} rows and have {stored}"
            );
            if has_misfits(connection, table.columns(), name)? {
                // Our own reader knows in which row.
                for part in parts {
                    stream(Some(*part))?;
                }
                bail!("the Parquet files have changed while they were read");
            }
            observer.on(Event::Progress(Progress::Rows(stored)));
            Ok(())
        }
        // Without a code it did not answer at all.
        Err(error) if error.sqlstate().is_none() => {
            Err(anyhow!(explain(&error)).context("failed to read the Parquet files"))
        }
        Err(error) => {
            let reason = explain(&error).message;
            let reason = reason.lines().next().unwrap_or_default();
            observer.on(Event::Note(format!(
                "the Parquet files are read row by row: Hyper refused them ({reason})"
            )));
            for part in parts {
                stream(Some(*part))?;
            }
            Ok(())
        }
    }
}

/// Whether the engine has stored what we convert nowhere: it takes days and times of years far beyond ours, and
/// decimals with more digits than their type has.
fn has_misfits(connection: &Connection, columns: &[Column], name: &str) -> Result<bool> {
    let conditions = columns.iter().filter_map(|column| {
        let [first, last] = match column.column_type {
            ColumnType::Date => ["DATE '0001-01-01'", "DATE '9999-12-31'"].map(String::from),
            ColumnType::Timestamp => [
                "TIMESTAMP '0001-01-01 00:00:00'",
                "TIMESTAMP '9999-12-31 23:59:59.999999'",
            ]
            .map(String::from),
            ColumnType::Decimal { precision, scale } => {
                let (whole, fraction) = (precision - scale, scale);
                let nines = |count: u8| "9".repeat(count.into());
                let last = format!("0{}.{}", nines(whole), nines(fraction));
                let numeric = sql_type(column.column_type);
                ["-", ""].map(|sign| format!("CAST('{sign}{last}' AS {numeric})"))
            }
            _ => return None,
        };
        let column = quote(&column.name);
        Some(format!("{column} < {first} OR {column} > {last}"))
    });
    let conditions: Vec<String> = conditions.collect();
    // The engine takes no condition of any depth.
    for some in conditions.chunks(100) {
        let query = format!("SELECT count(*) FROM {name} WHERE {}", some.join(" OR "));
        let count = connection
            .query_count(&query)
            .map_err(|error| anyhow!(explain(&error)))
            .context("failed to look over the values of the Parquet files")?;
        if count > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Why the converter ended before the last row.
enum Stopped {
    /// A row cannot be converted.
    Rows(anyhow::Error),
    /// Nobody takes the chunks any more.
    Refused,
}

impl<E: Into<anyhow::Error>> From<E> for Stopped {
    fn from(error: E) -> Stopped {
        Stopped::Rows(error.into())
    }
}

/// Rows as a part of an Arrow IPC stream.
struct EncodedRows {
    bytes: Vec<u8>,
    /// With the chunks before it.
    n_rows: u64,
}

fn convert(
    table: &Table,
    part: Option<&Part>,
    to_sender: &SyncSender<EncodedRows>,
) -> Result<u64, Stopped> {
    let mut encoder = StreamEncoder::new(table.columns(), CHUNK_BYTES)?;
    let mut n_rows = 0u64;
    let sink = |batch: RecordBatch| -> Result<(), Stopped> {
        n_rows += batch.num_rows() as u64;
        let bytes = encoder.encode(&batch)?;
        let rows = EncodedRows { bytes, n_rows };
        to_sender.send(rows).map_err(|_| Stopped::Refused)
    };
    match part {
        Some(part) => part.for_each_batch(table.columns(), CHUNK_BYTES, sink)?,
        None => table.for_each_batch(CHUNK_BYTES, sink)?,
    }
    Ok(n_rows)
}

/// Sends chunks until there are no more; returns the number of rows the engine stored.
///
/// Not by the library's own senders: they do not quote a table whose name is a word of SQL.
fn send(
    connection: &Connection,
    name: &str,
    columns: &[Column],
    chunks: Receiver<EncodedRows>,
    observer: &dyn Observer,
) -> Result<u64> {
    let failed = |error: hyperdb_api::Error| {
        anyhow!(explain(&error)).context("the Hyper engine did not take the rows")
    };
    let mut chunks = chunks.into_iter().peekable();
    let client = connection
        .tcp_client()
        .context("the connection to the engine takes no rows")?;
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let head = schema_message(columns)?;
    let mut stored = 0;
    while chunks.peek().is_some() {
        // A writer that is dropped before it is finished leaves the connection out of step; on any
        // error here the whole engine is discarded, so nothing is ever sent after it.
        let mut writer = client
            .copy_in_with_format(name, &names, "ARROWSTREAM")
            .map_err(|error| failed(error.into()))?;
        writer
            .send_direct(&head)
            .map_err(|error| failed(error.into()))?;
        let mut sent = 0;
        for chunk in chunks.by_ref() {
            writer
                .send_direct(&chunk.bytes)
                .and_then(|()| writer.flush_stream())
                .map_err(|error| failed(error.into()))?;
            observer.on(Event::Progress(Progress::Rows(chunk.n_rows)));
            sent += chunk.bytes.len();
            if sent >= STATEMENT_BYTES {
                break;
            }
        }
        stored += writer.finish().map_err(|error| failed(error.into()))?;
    }
    Ok(stored)
}

fn create(connection: &Connection, table: &Table, target: &LoadTarget) -> Result<()> {
    connection
        .execute_command(&target.creation(table))
        .map_err(|error| anyhow!(explain(&error)))
        .with_context(|| {
            format!(
                "the Hyper engine cannot create the table `{}`",
                table.name()
            )
        })?;
    Ok(())
}
