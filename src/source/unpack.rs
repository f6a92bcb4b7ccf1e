//! Compressed files, told by their first bytes, become what is in them.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

use anyhow::{Context, Error, Result};

use crate::http::{Coding, CodingError};
use crate::problem::Problem;
use crate::say::size;

/// Read from disk at once.
const BLOCK: usize = 256 << 10;

/// Unpacks `path` into `into` if it is compressed, and returns whether it was.
///
/// Fails when the content is longer than `limit` bytes or ends early; `origin` is for messages.
pub(super) fn unpack(path: &Path, into: &Path, limit: u64, origin: &str) -> Result<bool> {
    let reason = || format!("cannot read `{origin}`");
    let mut head = Vec::new();
    let file = File::open(path).with_context(reason)?;
    (&file)
        .take(4)
        .read_to_end(&mut head)
        .with_context(reason)?;
    let Some(coding) = Coding::of_file(&head) else {
        return Ok(false);
    };
    let packed = BufReader::with_capacity(BLOCK, File::open(path).with_context(reason)?);
    let mut target = File::create(into).context("cannot use this machine's disk")?;
    match coding.unpack(packed, &mut target, limit) {
        Ok(_) => Ok(true),
        Err(error) => Err(explain(error, coding, limit, origin)),
    }
}

/// Returns a file name without what says that it is compressed.
pub(super) fn inner_name(name: &str) -> &str {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    match extension.to_ascii_lowercase().as_str() {
        "gz" | "gzip" | "zst" | "zstd" => stem,
        _ => name,
    }
}

fn explain(error: CodingError, coding: Coding, limit: u64, origin: &str) -> Error {
    let name = coding.name();
    let damaged = "the file is damaged or was not completely written; make it anew";
    let (problem, hint) = match error {
        CodingError::Disk(error) => {
            return Error::new(error).context("cannot use this machine's disk");
        }
        CodingError::TooLong => (
            format!("`{origin}` unpacks to more than {}", size(limit)),
            "if the data is meant to be that large, raise `http: max-body=`",
        ),
        CodingError::Broken(error) if error.kind() == ErrorKind::UnexpectedEof => (
            format!("`{origin}` ends in the middle of its {name} data"),
            damaged,
        ),
        CodingError::Broken(error) => (
            format!("`{origin}` is no valid {name} file: {error}"),
            damaged,
        ),
    };
    Problem::new(problem).hint(hint).into()
}
