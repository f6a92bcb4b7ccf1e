//! The machine a run is on: its folders and programs, and the files of the workspace an input names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::raw::var;
use crate::source::WorkspacePath;

/// Places and programs on this machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Root of the files a workflow may name.
    pub workspace: PathBuf,
    /// For files of a run.
    pub temp: PathBuf,
    /// `HYPERD_PATH`.
    pub hyperd: Option<PathBuf>,
}

impl Machine {
    /// Takes them from the variables of the runner.
    pub(super) fn from_vars(vars: &HashMap<String, String>) -> Machine {
        Machine {
            workspace: var(vars, "GITHUB_WORKSPACE")
                .map_or_else(|| PathBuf::from("."), PathBuf::from),
            temp: temp_folder(vars),
            hyperd: var(vars, "HYPERD_PATH").map(PathBuf::from),
        }
    }
}

/// The workspace under both of its names.
pub(super) struct Workspace {
    inside: PathBuf,
    // The runner translates only the beginning of a value; on later lines the host's path remains.
    outside: Option<PathBuf>,
}

impl Workspace {
    /// `runner_workspace` is the host folder that holds the checkout (`RUNNER_WORKSPACE`).
    pub(super) fn new(workspace: &Path, runner_workspace: Option<&str>) -> Workspace {
        let outside = runner_workspace
            .map(Path::new)
            .and_then(|parent| Some(parent.join(parent.file_name()?)));
        Workspace {
            inside: workspace.to_owned(),
            outside,
        }
    }

    /// Returns the folder as this process has it.
    pub(super) fn folder(&self) -> &Path {
        &self.inside
    }

    /// Reads the path of a file; it may be written as the host has it.
    pub(super) fn parse(&self, text: &str) -> Result<WorkspacePath, String> {
        let rest = self
            .outside
            .as_ref()
            .and_then(|outside| Path::new(text).strip_prefix(outside).ok());
        let text = rest.and_then(Path::to_str).unwrap_or(text);
        WorkspacePath::parse(text, &self.inside)
    }
}

/// `RUNNER_TEMP` is a path of the host on older runners, and then not there in the container.
fn temp_folder(vars: &HashMap<String, String>) -> PathBuf {
    let named = var(vars, "RUNNER_TEMP")
        .map(PathBuf::from)
        .filter(|folder| folder.is_dir());
    named.unwrap_or_else(|| PathBuf::from(var(vars, "TMPDIR").unwrap_or("/tmp")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_path_on_a_later_line_is_translated() {
        let workspace = Workspace::new(
            Path::new("/github/workspace"),
            Some("/home/runner/work/repo"),
        );
        assert_eq!(
            workspace
                .parse("/home/runner/work/repo/repo/a.csv")
                .map(|path| path.as_str().to_owned()),
            Ok("a.csv".into())
        );
        assert!(workspace.parse("/home/runner/work/other/a.csv").is_err());
    }
}
