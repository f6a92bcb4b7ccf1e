//! Reads files of every format: where records begin and end, and what their values are as tokens.

pub mod csv;
pub mod decoder;
pub mod envelope_keys;
pub mod json;
pub mod position;
pub mod record;
pub mod refusal;
pub mod text;
pub mod xml;
