//! Decoders of other people's libraries: how many rows at once, and what if they break.

use crate::readers::position::DataProblem;

/// Rows decoded at once: enough to amortise a call, few enough for wide rows of long texts.
pub(crate) const BATCH: usize = 4096;

/// Runs a decoder; it panics on some broken files, which must not look like a fault of ours.
pub(crate) fn guarded<T>(
    broken: impl FnOnce() -> DataProblem,
    work: impl FnOnce() -> Result<T, DataProblem>,
) -> Result<T, DataProblem> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|_| Err(broken()))
}
