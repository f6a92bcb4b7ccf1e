//! What is not yet as the rules want it. Entries are only ever taken away; a test fails when one is no longer needed.

/// R1: imports the table does not allow, as `(file, room)`.
pub(super) const IMPORTS: &[(&str, &str)] = &[];

/// R2: circles of files.
pub(super) const CIRCLES: &[&[&str]] = &[];

/// R2: names taken from the door of the own room, as `(file, name)`.
pub(super) const THROUGH_DOORS: &[(&str, &str)] = &[];

/// R3: blocks away from the file of their type, as `(file, block)`.
pub(super) const IMPLS: &[(&str, &str)] = &[];

/// R4: names one room defines twice, as `(room, name)`.
pub(super) const TWICE: &[(&str, &str)] = &[];

/// R4: names several rooms define.
pub(super) const IN_SEVERAL_ROOMS: &[&str] = &[];

/// Rooms above the limit.
pub(super) const LARGE_ROOMS: &[&str] = &["table"];
