//! Whether it is the disk that has no room, and how much of it there is.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::say::size;

/// Whether a failure says that this machine's disk takes no more: full, or beyond a quota or a limit of size.
pub fn is_full(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        matches!(
            kind,
            Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
        )
    })
}

/// Says of a run's folder what room there was and what the run took; to be asked while its files are there.
pub fn describe(folder: &Path) -> String {
    let shown = folder.parent().unwrap_or(folder).display();
    let room = rustix::fs::statvfs(folder).ok().map(|disk| {
        let bytes = |blocks: u64| size(blocks.saturating_mul(disk.f_frsize));
        format!(
            "the {} of {} that are free",
            bytes(disk.f_bavail),
            bytes(disk.f_blocks)
        )
    });
    format!(
        "the disk of `{shown}` has too little room: this run has {} there and needs more than {}; free some, keep \
         fewer rows or columns, or use a larger runner",
        size(used(folder)),
        room.as_deref().unwrap_or("what is free")
    )
}

/// Bytes of all files in a folder of our own. What cannot be read counts for nothing.
fn used(folder: &Path) -> u64 {
    let mut bytes = 0u64;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = folder.read_dir() else {
            continue;
        };
        for entry in entries.flatten() {
            // Links are not followed: what they lead to is not ours.
            match entry.metadata() {
                Ok(found) if found.is_dir() => folders.push(entry.path()),
                Ok(found) => bytes = bytes.saturating_add(found.len()),
                Err(_) => {}
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_known_however_deep_it_lies() {
        for (kind, is) in [
            (ErrorKind::StorageFull, true),
            (ErrorKind::QuotaExceeded, true),
            (ErrorKind::FileTooLarge, true),
            (ErrorKind::PermissionDenied, false),
            (ErrorKind::ReadOnlyFilesystem, false),
        ] {
            let error = anyhow::Error::new(io::Error::from(kind))
                .context("a")
                .context("b");
            assert_eq!(is_full(&error), is, "{kind:?}");
        }
    }

    #[test]
    fn what_a_run_has_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let ours = folder.path().join("ours");
        std::fs::create_dir_all(ours.join("tmp")).unwrap();
        std::fs::write(ours.join("a"), [0; 1_000]).unwrap();
        std::fs::write(ours.join("tmp/b"), [0; 500]).unwrap();
        std::os::unix::fs::symlink("a", ours.join("link")).unwrap();
        assert_eq!(used(&ours), 1_501);
        let told = describe(&ours);
        let start = format!(
            "the disk of `{}` has too little room: this run has 1.5 KB there and needs more than the ",
            folder.path().display()
        );
        assert!(told.starts_with(&start), "{told}");
        assert!(told.contains(" that are free; "), "{told}");
    }
}
