//! Workspace files: one path or a pattern, never outside the workspace.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};

use super::search::{self, Found};
use super::{Format, SourceError, StagedFile, format, unpack};
use crate::events::{Event, Observer};
use crate::workspace::{self, Refused};

/// A path or glob pattern relative to the workspace, without `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspacePath(String);

impl WorkspacePath {
    /// Takes `data/x.csv`, `data/**/*.json`, or an absolute path below the workspace.
    pub fn parse(text: &str, workspace: &Path) -> Result<WorkspacePath, String> {
        let path = Path::new(text);
        let relative = if path.is_absolute() {
            path.strip_prefix(workspace).map_err(|_| {
                format!(
                    "`{text}` is outside the workspace; the action sees files of the workspace only: write a path relative to it, such as `data/orders.csv`"
                )
            })?
        } else {
            path
        };
        let mut plain = PathBuf::new();
        for component in relative.components() {
            match component {
                Component::CurDir => {}
                Component::Normal(name) => plain.push(name),
                _ => return Err(format!("`{text}` leads out of the workspace")),
            }
        }
        match plain.to_str() {
            None | Some("") => Err(format!("`{text}` names no file")),
            Some(text) => Ok(WorkspacePath(text.to_owned())),
        }
    }

    /// Returns the path or pattern, relative to the workspace.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where files are found, and where the content of compressed ones goes.
pub(super) struct Room<'a> {
    pub(super) workspace: &'a Path,
    /// The beginning of paths that are ours.
    pub(super) unpacked: &'a Path,
    /// Most bytes of a file's content.
    pub(super) limit: u64,
    pub(super) observer: &'a dyn Observer,
}

/// Finds the files, sorted by path, and their formats.
///
/// `taken` are the files that earlier lines of the same table name, by where they lie: none is read twice.
pub(super) fn stage(
    path: &WorkspacePath,
    given: Option<Format>,
    taken: &mut HashSet<PathBuf>,
    room: &Room,
) -> Result<Vec<StagedFile>> {
    let workspace = room
        .workspace
        .canonicalize()
        .with_context(|| format!("cannot find the workspace `{}`", room.workspace.display()))?;
    let mut files = find(&path.0, &workspace, room.observer)?;
    if files.is_empty() {
        return Err(missing(&path.0, &workspace).into());
    }
    files.retain(|file| {
        let is_new = taken.insert(file.real.clone());
        if !is_new {
            room.observer.on(Event::Warning(format!(
                "`{}` is named by more than one line of `source`; it is read once",
                file.name
            )));
        }
        is_new
    });
    let files = files.into_iter().enumerate();
    files
        .map(|(index, file)| {
            let unpacked = room.unpacked.with_extension(index.to_string());
            stage_one(file, given, (&unpacked, room.limit))
        })
        .collect()
}

fn stage_one(
    file: Found,
    given: Option<Format>,
    (unpacked, limit): (&Path, u64),
) -> Result<StagedFile> {
    let Found { name: origin, real } = file;
    let is_packed = unpack::unpack(&real, unpacked, limit, &origin)?;
    let real = if is_packed { unpacked.to_owned() } else { real };
    let clues = format::Clues {
        given,
        content_type: None,
        name: unpack::inner_name(&origin),
        origin: &origin,
    };
    let format = format::detect(&real, &clues)?;
    let bytes = real
        .metadata()
        .with_context(|| format!("cannot read `{origin}`"))?
        .len();
    Ok(StagedFile {
        path: real,
        format,
        origin,
        bytes,
        rows_at: None,
    })
}

/// A file of exactly this name comes before its reading as a pattern: names may hold brackets.
fn find(pattern: &str, workspace: &Path, observer: &dyn Observer) -> Result<Vec<Found>> {
    match workspace::find_file(workspace, &workspace.join(pattern)) {
        Ok(real) => Ok(vec![Found {
            name: pattern.to_owned(),
            real,
        }]),
        Err(Refused::Missing) => search::find(pattern, workspace, observer),
        // Told with what to write instead.
        Err(Refused::Folder) => Ok(Vec::new()),
        Err(refused) => Err(SourceError {
            problem: format!("`{pattern}` {refused}"),
            hint: matches!(refused, Refused::Outside)
                .then(|| "copy the file into the workspace before this step".into()),
        }
        .into()),
    }
}

fn missing(pattern: &str, workspace: &Path) -> SourceError {
    let is_pattern = pattern.contains(['*', '?', '[']);
    let problem = if is_pattern {
        format!("no file of the workspace matches `{pattern}`")
    } else if workspace.join(pattern).is_dir() {
        format!("`{pattern}` is a folder")
    } else {
        format!("there is no file `{pattern}` in the workspace")
    };
    let hint = if workspace.join(pattern).is_dir() {
        format!("name its files: `{}/*.csv`", pattern.trim_end_matches('/'))
    } else {
        "check `source`; files of the repository are there only after `actions/checkout`".into()
    };
    SourceError {
        problem,
        hint: Some(hint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(workspace: &Path) -> Room<'_> {
        Room {
            workspace,
            unpacked: workspace,
            limit: 1 << 20,
            observer: &|_: Event| {},
        }
    }

    #[test]
    fn paths_stay_in_the_workspace() {
        let workspace = Path::new("/github/workspace");
        let parse = |text| WorkspacePath::parse(text, workspace).map(|path| path.0);
        assert_eq!(parse("./data/x.csv"), Ok("data/x.csv".into()));
        assert_eq!(
            parse("/github/workspace/data/*.csv"),
            Ok("data/*.csv".into())
        );
        assert_eq!(
            parse("../x.csv"),
            Err("`../x.csv` leads out of the workspace".into())
        );
        assert!(
            parse("/etc/passwd")
                .unwrap_err()
                .contains("outside the workspace")
        );
        assert!(parse(".").unwrap_err().contains("names no file"));
    }

    #[test]
    fn a_pattern_finds_files_in_order_and_no_hidden_ones() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        for name in [
            "a/2.csv",
            "a/b/1.csv",
            "a/.hidden.csv",
            "a/x[1].csv",
            "z.csv",
        ] {
            std::fs::write(root.join(name), "h\n1\n").unwrap();
        }
        let stage = |pattern: &str| {
            let path = WorkspacePath::parse(pattern, root).unwrap();
            let files = stage(&path, None, &mut HashSet::new(), &room(root))?;
            Ok::<_, anyhow::Error>(
                files
                    .into_iter()
                    .map(|file| file.origin)
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(
            stage("**/*.csv").unwrap(),
            ["a/2.csv", "a/b/1.csv", "a/x[1].csv", "z.csv"]
        );
        assert_eq!(stage("a/x[1].csv").unwrap(), ["a/x[1].csv"]);
        assert_eq!(stage("a").unwrap_err().to_string(), "`a` is a folder");
        assert_eq!(
            stage("b/*.csv").unwrap_err().to_string(),
            "no file of the workspace matches `b/*.csv`"
        );
    }

    #[test]
    fn a_link_out_of_the_workspace_is_refused() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(outside.path().join("secret.csv"), "h\n1\n").unwrap();
        std::os::unix::fs::symlink(
            outside.path().join("secret.csv"),
            folder.path().join("x.csv"),
        )
        .unwrap();
        let path = WorkspacePath::parse("x.csv", folder.path()).unwrap();
        let error = stage(&path, None, &mut HashSet::new(), &room(folder.path())).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`x.csv` is a link that leads out of the workspace"
        );
    }
}
