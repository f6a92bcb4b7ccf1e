//! Paths of the workspace: what a user names there is a regular file and lies inside, wherever links lead.

use std::fmt;
use std::fs::{FileType, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// Why a path is not taken; a clause to follow its name: "`x.csv` is a folder".
#[derive(Debug)]
pub enum Refused {
    /// There is nothing of this name.
    Missing,
    /// A link on the way leads out of the workspace.
    Outside,
    /// A link whose end is missing, or that leads in a circle.
    DeadLink,
    /// A folder where a file is meant.
    Folder,
    /// A link where a file will be made.
    Link,
    /// A FIFO, socket or device, called by what it is.
    Special(&'static str),
    /// The machine says no.
    Unreadable(io::Error),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Missing => f.write_str("is not there"),
            Refused::Outside => f.write_str("is a link that leads out of the workspace"),
            Refused::DeadLink => f.write_str("is a link that leads to nothing"),
            Refused::Folder => f.write_str("is a folder"),
            Refused::Link => f.write_str("is a link"),
            Refused::Special(what) => write!(f, "is {what} and no regular file"),
            Refused::Unreadable(error) => write!(f, "cannot be read: {error}"),
        }
    }
}

impl std::error::Error for Refused {}

/// Returns where a file of the workspace really lies; `path` is below `workspace` by its name.
pub fn find_file(workspace: &Path, path: &Path) -> Result<PathBuf, Refused> {
    let root = workspace.canonicalize().map_err(Refused::Unreadable)?;
    let real = resolve(path)?;
    if !real.starts_with(root) {
        return Err(Refused::Outside);
    }
    check_kind(&real.metadata().map_err(Refused::Unreadable)?)?;
    Ok(real)
}

/// Returns where a file that is to be made will really lie: what exists of its folders is free of links.
///
/// With a workspace it must end up inside. What is there already may only be a regular file.
pub fn find_target(workspace: Option<&Path>, path: &Path) -> Result<PathBuf, Refused> {
    let mut existing = path.parent().unwrap_or(Path::new(""));
    // `parent` of a bare name is the empty path, which is the current folder.
    let or_current = |folder: &Path| {
        if folder.as_os_str().is_empty() {
            PathBuf::from(".")
        } else {
            folder.to_owned()
        }
    };
    while or_current(existing).symlink_metadata().is_err() {
        existing = existing.parent().ok_or(Refused::Missing)?;
    }
    let real = resolve(&or_current(existing))?;
    if let Some(workspace) = workspace {
        let root = workspace.canonicalize().map_err(Refused::Unreadable)?;
        if !real.starts_with(root) {
            return Err(Refused::Outside);
        }
    }
    let rest = path.strip_prefix(existing).unwrap_or(path);
    let target = real.join(rest);
    match target.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(Refused::Unreadable(error)),
        Ok(found) if found.is_symlink() => return Err(Refused::Link),
        Ok(found) => check_kind(&found)?,
    }
    Ok(target)
}

/// Follows all links.
pub fn resolve(path: &Path) -> Result<PathBuf, Refused> {
    path.canonicalize().map_err(|error| {
        let is_there = path.symlink_metadata().is_ok();
        match error.kind() {
            // The name of the kind for a circle of links is not stable yet.
            ErrorKind::PermissionDenied => Refused::Unreadable(error),
            _ if is_there => Refused::DeadLink,
            ErrorKind::NotFound | ErrorKind::NotADirectory => Refused::Missing,
            _ => Refused::Unreadable(error),
        }
    })
}

/// Refuses everything but a regular file: others have no end, or never begin.
pub fn check_kind(found: &Metadata) -> Result<(), Refused> {
    match special(found.file_type()) {
        Some(what) => Err(Refused::Special(what)),
        None if found.is_dir() => Err(Refused::Folder),
        None => Ok(()),
    }
}

fn special(kind: FileType) -> Option<&'static str> {
    let kinds = [
        (kind.is_fifo(), "a named pipe"),
        (kind.is_socket(), "a socket"),
        (kind.is_char_device(), "a device"),
        (kind.is_block_device(), "a device"),
    ];
    kinds.into_iter().find(|(is, _)| *is).map(|(_, what)| what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, write};
    use std::os::unix::fs::symlink;

    /// A workspace and a folder beside it.
    fn places() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("w"), folder.path().join("o"));
        create_dir_all(inside.join("a/b")).unwrap();
        create_dir_all(&outside).unwrap();
        write(inside.join("a/x"), "x").unwrap();
        write(outside.join("x"), "x").unwrap();
        (folder, inside, outside)
    }

    #[test]
    fn a_file_is_where_its_links_end() {
        let (_folder, inside, outside) = places();
        let find = |name: &str| {
            let found = find_file(&inside, &inside.join(name));
            found.map_err(|refused| refused.to_string())
        };
        let real = inside.canonicalize().unwrap().join("a/x");
        assert_eq!(find("a/x"), Ok(real.clone()));
        symlink("a/x", inside.join("link")).unwrap();
        symlink("a", inside.join("folder")).unwrap();
        assert_eq!(find("link"), Ok(real.clone()));
        assert_eq!(find("folder/x"), Ok(real));
        symlink(outside.join("x"), inside.join("away")).unwrap();
        symlink(&outside, inside.join("out")).unwrap();
        symlink("nowhere", inside.join("dead")).unwrap();
        symlink("circle", inside.join("circle")).unwrap();
        symlink("/dev/null", inside.join("null")).unwrap();
        for (name, why) in [
            ("away", "is a link that leads out of the workspace"),
            ("out/x", "is a link that leads out of the workspace"),
            ("null", "is a link that leads out of the workspace"),
            ("dead", "is a link that leads to nothing"),
            ("circle", "is a link that leads to nothing"),
            ("a", "is a folder"),
            ("none", "is not there"),
            ("a/x/y", "is not there"),
        ] {
            assert_eq!(find(name), Err(why.to_owned()), "{name}");
        }
        let _socket = std::os::unix::net::UnixListener::bind(inside.join("s")).unwrap();
        assert_eq!(find("s"), Err("is a socket and no regular file".into()));
    }

    #[test]
    fn a_new_file_is_made_inside() {
        let (_folder, inside, outside) = places();
        let find = |name: &str| {
            let found = find_target(Some(&inside), &inside.join(name));
            found.map_err(|refused| refused.to_string())
        };
        let real = inside.canonicalize().unwrap();
        assert_eq!(find("a/new/er/x"), Ok(real.join("a/new/er/x")));
        assert_eq!(find("a/x"), Ok(real.join("a/x")));
        symlink("a", inside.join("folder")).unwrap();
        assert_eq!(find("folder/new/x"), Ok(real.join("a/new/x")));
        symlink(&outside, inside.join("out")).unwrap();
        symlink(outside.join("later"), inside.join("dead")).unwrap();
        symlink("a/x", inside.join("link")).unwrap();
        for (name, why) in [
            ("out/x", "is a link that leads out of the workspace"),
            ("out/new/x", "is a link that leads out of the workspace"),
            ("dead/x", "is a link that leads to nothing"),
            ("dead", "is a link"),
            ("link", "is a link"),
            ("a/b", "is a folder"),
        ] {
            assert_eq!(find(name), Err(why.to_owned()), "{name}");
        }
        assert!(find_target(None, &outside.join("new")).is_ok());
    }
}
