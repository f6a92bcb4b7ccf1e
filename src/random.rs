//! Chance: for waits that differ, and for separators that no content holds.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Returns a number nobody can foresee.
///
/// The standard library keys its hasher from the system's randomness. `fastrand`, which is here for `tempfile`, seeds
/// itself from the clock and the thread alone: good enough for waits, not to keep a file's content out of a request.
pub fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
