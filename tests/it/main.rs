//! The whole program against the simulator and the real engine: everything the world can see.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod engine;
mod extract;
mod formats;
mod harness;
mod inputs;
mod pipeline;
mod publish;
mod tidy;
mod workflow;
