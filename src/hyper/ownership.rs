//! Whom folders and files belong to that we make: often we run as root in somebody else's workspace.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use anyhow::{Context, Result};

/// Creates a folder and those above it, each with the owner of the folder it is created in.
///
/// We may run as root in somebody else's workspace, who wants to clean it up afterwards.
pub fn create_folders(folder: &Path) -> Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().unwrap_or(Path::new("."));
    create_folders(parent)?;
    fs::create_dir(folder)
        .and_then(|()| give(folder, parent))
        .with_context(|| format!("cannot create the folder `{}`", folder.display()))
}

/// Moves a finished file to where it was wanted: readable by everybody, with the owner of the folder.
pub(super) fn hand_over(built: &Path, target: &Path) -> std::io::Result<()> {
    fs::set_permissions(built, Permissions::from_mode(0o644))?;
    let folder = match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    give(built, folder)?;
    fs::rename(built, target)
}

/// Gives a file or folder to the owner of another.
fn give(path: &Path, to_owner_of: &Path) -> std::io::Result<()> {
    let to_owner_of = if to_owner_of.as_os_str().is_empty() {
        Path::new(".")
    } else {
        to_owner_of
    };
    let (owner, ours) = (fs::metadata(to_owner_of)?, fs::metadata(path)?);
    if (owner.uid(), owner.gid()) == (ours.uid(), ours.gid()) {
        return Ok(());
    }
    // Only root may give files away; anybody else keeps what is theirs.
    match chown(path, Some(owner.uid()), Some(owner.gid())) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    }
}
