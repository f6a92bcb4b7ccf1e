//! What the engine alone needs for a file of one row: start, create, insert, detach, stop.
//!
//! `benches/run.sh` compares the action with it.

#![expect(
    clippy::unwrap_used,
    reason = "a measurement that fails is no measurement"
)]

use hyperdb_api::Connection;
use publish_to_tableau::cancel::Cancel;
use publish_to_tableau::hyper::engine::{self, Engine, FileAccess};

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let hyperd = std::env::var_os("HYPERD_PATH").map(std::path::PathBuf::from);
    let hyperd = engine::find(hyperd.as_deref()).unwrap();
    let engine = Engine::start(
        &hyperd,
        folder.path(),
        FileAccess::Nothing,
        &Cancel::default(),
    )
    .unwrap();
    let connection = Connection::without_database(engine.endpoint()).unwrap();
    for statement in [
        "CREATE DATABASE \"one.hyper\"",
        "ATTACH DATABASE \"one.hyper\" AS \"one\"",
        "CREATE SCHEMA \"one\".\"Extract\"",
        "CREATE TABLE \"one\".\"Extract\".\"Extract\" (breed text, image_url text, created_at timestamp)",
        "INSERT INTO \"one\".\"Extract\".\"Extract\" VALUES ('hound', 'https://example.com/1.jpg', '2026-01-01 00:00:00')",
        "DETACH DATABASE \"one\"",
    ] {
        connection.execute_command(statement).unwrap();
    }
    drop(connection);
    engine.stop().unwrap();
}
