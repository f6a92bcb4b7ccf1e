//! Arrow files that are broken, and decoding that breaks on them.

use crate::columnar::decode;
use crate::readers::position::DataProblem;

/// Runs the decoder.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, DataProblem>) -> Result<T, DataProblem> {
    decode::guarded(|| broken("its parts contradict each other"), work)
}

/// Says that a file cannot be read, in the words of the library.
pub(crate) fn broken(words: &str) -> DataProblem {
    DataProblem::new(format!("this is no readable Arrow file: {words}"))
        .hint("was it completely written and transferred? Files of other formats want `format`")
}
