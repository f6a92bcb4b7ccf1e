//! The simulator's contract, row by row, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod cli;
mod client;
mod connections;
mod documents;
mod engine;
mod faults;
mod jobs;
mod life;
mod lists;
mod made;
mod packages;
mod publish;
mod replace;
mod sessions;
mod uploads;
