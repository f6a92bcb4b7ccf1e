//! The whole program against the simulator and the real engine: everything the world can see.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod closed;
mod engine;
mod extract;
mod guards;
mod harness;
mod inputs;
mod parquet;
mod pipeline;
mod publish;
mod tidy;
mod workflow;
