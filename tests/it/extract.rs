//! Reads `.hyper` files back with the real engine, through hyperdb-api alone.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use hyperdb_api::{Catalog, Connection, HyperProcess, Parameters};

/// One engine for all reads of a process; it ends with the process.
static ENGINE: LazyLock<HyperProcess> = LazyLock::new(|| {
    let folder = std::env::temp_dir();
    let mut parameters = Parameters::new();
    parameters.set("log_config", "cerr,string,fatal");
    parameters.set("log_dir", folder.to_str().unwrap());
    HyperProcess::new(Some(&hyperd()), Some(&parameters)).expect("the engine starts")
});

/// Returns where the engine is: `HYPERD_PATH` or where the set-up puts it.
pub(crate) fn hyperd() -> PathBuf {
    let set_up = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/hyper");
    let path = std::env::var_os("HYPERD_PATH").map_or_else(|| PathBuf::from(set_up), PathBuf::from);
    assert!(
        path.exists(),
        "there is no engine at {}: run `sh tests/setup.sh`",
        path.display()
    );
    if path.is_dir() {
        path.join("hyperd")
    } else {
        path
    }
}

/// Returns every table of the file: name, columns with types, and rows in order of their text.
pub(crate) fn read(file: &Path) -> String {
    // The engine opens files for writing; the one that arrived is evidence and stays as it is.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.hyper");
    std::fs::copy(file, &copy).unwrap();
    let endpoint = ENGINE.endpoint().expect("it listens");
    let connection = Connection::without_database(endpoint).unwrap();
    let alias = format!("file{}", file.as_os_str().len() + usize::from(rand()));
    connection
        .execute_command(&format!(
            "ATTACH DATABASE \"{}\" AS \"{alias}\"",
            copy.display()
        ))
        .unwrap();
    let text = tables(&connection, &alias);
    connection
        .execute_command(&format!("DETACH DATABASE \"{alias}\""))
        .unwrap();
    text
}

fn tables(connection: &Connection, alias: &str) -> String {
    let catalog = Catalog::new(connection);
    let mut text = String::new();
    for schema in catalog.get_schema_names(Some(alias)).unwrap() {
        let name = hyperdb_api::SchemaName::try_new(&schema)
            .unwrap()
            .with_database(alias)
            .unwrap();
        for table in catalog.get_table_names(name).unwrap() {
            text += &format!("{schema}.{table}\n");
            text += &rows(
                connection,
                &format!(
                    "\"{alias}\".\"{schema}\".\"{}\"",
                    table.replace('"', "\"\"")
                ),
            );
        }
    }
    text
}

fn rows(connection: &Connection, table: &str) -> String {
    let mut result = connection
        .execute_query(&format!("SELECT * FROM {table} LIMIT 0"))
        .unwrap();
    while result.next_chunk().unwrap().is_some() {}
    let schema = result.schema().unwrap();
    let columns: Vec<(String, String)> = schema
        .columns()
        .iter()
        .map(|column| (column.name().to_owned(), column.sql_type().to_string()))
        .collect();
    drop(result);
    let header: Vec<String> = columns
        .iter()
        .map(|(name, sql_type)| format!("{name} {sql_type}"))
        .collect();
    let casts: Vec<String> = columns
        .iter()
        .map(|(name, _)| format!("CAST(\"{}\" AS text)", name.replace('"', "\"\"")))
        .collect();
    let query = format!("SELECT {} FROM {table}", casts.join(", "));
    let mut lines: Vec<String> = connection
        .fetch_all(query.as_str())
        .unwrap()
        .iter()
        .map(|row| {
            let cells = (0..columns.len())
                .map(|index| row.get_string(index).unwrap_or_else(|| "NULL".into()));
            cells.collect::<Vec<_>>().join(" | ")
        })
        .collect();
    lines.sort();
    let mut text = format!("  {}\n", header.join(", "));
    for line in lines {
        text += &format!("  {line}\n");
    }
    text
}

fn rand() -> u16 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let hash = RandomState::new().build_hasher().finish();
    u16::try_from(hash & 0xFFFF).unwrap_or_default()
}
