//! The finished extract: where it lies, and what is known of it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::describe::ResultColumn;

/// Every `.hyper` file begins like this.
const MAGIC: &[u8] = b"Hyper";

/// A complete `.hyper` file: detached, the engine stopped, readable by the runner's user.
#[derive(Clone, Debug)]
pub struct Extract {
    /// Where it lies.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Rows in the result table.
    pub rows: u64,
    /// Columns of the result table, in order.
    pub columns: Vec<ResultColumn>,
}

/// Reads back the beginning of the file; returns its size.
pub(super) fn check(file: &Path) -> Result<u64> {
    let mut head = [0; MAGIC.len()];
    let mut opened = File::open(file).context("the engine left no file behind")?;
    opened
        .read_exact(&mut head)
        .context("the engine left an empty file behind")?;
    if head != *MAGIC {
        bail!("the engine left a file behind that is no Hyper file");
    }
    Ok(opened.metadata()?.len())
}
