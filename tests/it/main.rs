//! The whole program against the simulator and the real engine: everything the world can see.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod access;
mod answers;
mod arrow;
mod auth;
mod cancel;
mod code_map;
mod conformance;
mod disk;
mod echoes;
mod engine;
mod extract;
mod flaky_proxy;
mod formats;
mod graphql;
mod guards;
mod harness;
mod http;
mod inputs;
mod limits;
mod lines;
mod matrix;
mod network;
mod paging;
mod paging_trouble;
mod panics;
mod parquet;
mod pipeline;
mod progress;
mod publish;
mod recipes;
mod rows;
mod sandbox;
mod secrets;
mod server;
mod soak;
mod speculation;
mod sql;
mod tidy;
mod workflow;
mod workspace;
