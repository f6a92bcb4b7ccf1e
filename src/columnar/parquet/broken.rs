//! Parquet files that are broken, and decoding that breaks on them.

use crate::readers::position::DataProblem;

/// Rows decoded at once: enough to amortise a call, few enough for wide rows of long texts.
pub(crate) const BATCH: usize = 4096;

/// Runs the decoder; it panics on some broken files, which must not look like a fault of ours.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, DataProblem>) -> Result<T, DataProblem> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(broken("its pages contradict each other")))
}

/// Says that a file cannot be read, in the words of the library.
pub(crate) fn broken(words: &str) -> DataProblem {
    let words = words.trim_start_matches("Parquet error: ");
    DataProblem::new(format!("this is no readable Parquet file: {words}"))
        .hint("was it completely written and transferred? Files of other formats want `format`")
}
