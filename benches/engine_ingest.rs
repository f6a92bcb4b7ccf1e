//! What the engine alone needs to make an extract of a file it reads itself.
//!
//! `benches/ingest.sh` compares the action with it: `engine_ingest arrow|parquet FILE`.

#![expect(
    clippy::unwrap_used,
    reason = "a measurement that fails is no measurement"
)]

use std::path::Path;

use hyperdb_api::Connection;
use publish_to_tableau::cancel::Cancel;
use publish_to_tableau::hyper::engine::{self, Engine, FileAccess};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, file] = arguments.as_slice() else {
        panic!("usage: engine_ingest arrow|parquet FILE");
    };
    let file = Path::new(file).canonicalize().unwrap();
    let folder = tempfile::tempdir_in(file.parent().unwrap()).unwrap();
    let hyperd = std::env::var_os("HYPERD_PATH").map(std::path::PathBuf::from);
    let hyperd = engine::find(hyperd.as_deref()).unwrap();
    let access = FileAccess::Folder(file.parent().unwrap());
    let engine = Engine::start(&hyperd, folder.path(), access, &Cancel::default()).unwrap();
    let connection = Connection::without_database(engine.endpoint()).unwrap();
    let file = file.display();
    let load = match mode.as_str() {
        "arrow" => {
            format!("COPY \"one\".\"Extract\".\"Extract\" FROM '{file}' WITH (FORMAT arrowstream)")
        }
        "parquet" => format!(
            "CREATE TABLE \"one\".\"Extract\".\"Extract\" AS SELECT * FROM external('{file}', FORMAT => 'parquet')"
        ),
        other => panic!("`{other}` is neither `arrow` nor `parquet`"),
    };
    let table = "CREATE TABLE \"one\".\"Extract\".\"Extract\" (id bigint, name text, flag boolean, amount double precision, at timestamp)";
    let statements = [
        "CREATE DATABASE \"one.hyper\"",
        "ATTACH DATABASE \"one.hyper\" AS \"one\"",
        "CREATE SCHEMA \"one\".\"Extract\"",
        if mode == "arrow" {
            table
        } else {
            "SET timezone='UTC'"
        },
        &load,
        "DETACH DATABASE \"one\"",
    ];
    for statement in statements {
        connection.execute_command(statement).unwrap();
    }
    drop(connection);
    engine.stop().unwrap();
}
