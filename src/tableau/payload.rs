//! The file that is published: opened once, and looked at again before it is committed.

use crate::problem::Problem;
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

/// An open file and what tells whether it stays the same.
///
/// Every chunk of every attempt is read through the one handle, so that another run that puts its own
/// file in the place of this one never gets into the middle of an upload.
pub(super) struct Payload<'p> {
    path: &'p Path,
    pub(super) file: Arc<File>,
    pub(super) bytes: u64,
    state: FileState,
}

/// What changes when a file is written to or replaced.
#[derive(PartialEq, Eq)]
struct FileState {
    device: u64,
    inode: u64,
    bytes: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
}

impl FileState {
    fn of(metadata: &Metadata) -> FileState {
        FileState {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

impl<'p> Payload<'p> {
    /// Opens a file, which must not be empty.
    pub(super) fn open(path: &'p Path) -> anyhow::Result<Payload<'p>> {
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
        let (metadata, file) =
            opened.with_context(|| format!("cannot read `{}`", path.display()))?;
        if metadata.len() == 0 {
            return Err(Problem::new(format!("the file `{}` is empty", path.display())).into());
        }
        Ok(Payload {
            path,
            file: Arc::new(file),
            bytes: metadata.len(),
            state: FileState::of(&metadata),
        })
    }

    /// Fails if the file has been written to, replaced or removed since it was opened.
    pub(super) fn check(&self) -> Result<(), Problem> {
        let is_same = |metadata: std::io::Result<Metadata>| {
            metadata.is_ok_and(|now| FileState::of(&now) == self.state)
        };
        if is_same(self.file.metadata()) && is_same(std::fs::metadata(self.path)) {
            return Ok(());
        }
        Err(Problem::new(format!(
            "the file `{}` was changed or replaced while it was uploaded, so it is not published",
            self.path.display()
        ))
        .hint("give every run and step that may work at the same time its own `hyper`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_stays_the_same_passes_and_every_change_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.hyper");
        let changes: [fn(&Path); 4] = [
            |path| std::fs::write(path, "changed").unwrap(),
            |path| std::fs::write(path, "longer than before").unwrap(),
            |path| std::fs::remove_file(path).unwrap(),
            |path| {
                std::fs::remove_file(path).unwrap();
                std::fs::write(path, "content").unwrap();
            },
        ];
        for change in changes {
            std::fs::write(&path, "content").unwrap();
            let payload = Payload::open(&path).unwrap();
            assert!(payload.check().is_ok());
            // Times of change are as coarse as the kernel's tick.
            std::thread::sleep(std::time::Duration::from_millis(20));
            change(&path);
            let problem = payload.check().unwrap_err();
            assert!(
                problem.hint.as_ref().unwrap().contains("`hyper`"),
                "{problem}"
            );
        }
        std::fs::write(&path, "").unwrap();
        assert!(Payload::open(&path).is_err());
    }
}
