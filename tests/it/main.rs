//! The whole program against the simulator and the real engine: everything the world can see.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod cancel;
mod engine;
mod extract;
mod harness;
mod inputs;
mod matrix;
mod pipeline;
mod publish;
mod soak;
mod tidy;
mod watching;
mod workflow;
