//! Workspace files: one path or a pattern, never outside the workspace.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};

use super::detect;
use super::format::Format;
use super::search::{self, FoundFile};
use super::staged::StagedFile;
use super::unpack;
use crate::events::{Event, Observer};
use crate::problem::Problem;
use crate::workspace::{self, Refused};

/// A path or glob pattern relative to the workspace, without `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspacePath(String);

impl WorkspacePath {
    /// Takes `data/x.csv`, `data/**/*.json`, or an absolute path below the workspace.
    pub fn parse(text: &str, workspace: &Path) -> Result<WorkspacePath, String> {
        if let Some(problem) = from_elsewhere(text) {
            return Err(problem);
        }
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

/// What is a regular expression or a list to its writer.
const PATTERN: &str = "`source` takes a pattern such as `data/*.csv`, no regular expression: `*` matches within a name, `**` any folders, `?` one character; several patterns or files go on lines of their own";

/// Says why a path cannot be one here: it is written as on Windows, or as a regular expression.
fn from_elsewhere(text: &str) -> Option<String> {
    let is_drive = text.len() > 1
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text[1..].starts_with(':')
        && text[2..].starts_with(['\\', '/']);
    if is_drive || text.starts_with("\\\\") {
        return Some(format!(
            "`{text}` is a path of a Windows machine: the action sees files of the workspace only; write a path relative to it with `/`, such as `data/orders.csv`"
        ));
    }
    if !text.contains('\\') {
        return None;
    }
    let escapes = ["\\.", "\\d", "\\w", "\\s", "\\-", "\\/", "\\("];
    let signs = [".*", ".+", "]+", "]*", "^", "$", "\\d+", "\\w+"];
    let (_, ending) = text.rsplit_once("\\.").unwrap_or((text, "\\"));
    let is_expression = ending.chars().all(|c| c.is_ascii_alphanumeric())
        || escapes.iter().any(|escape| text.contains(escape))
            && signs.iter().any(|sign| text.contains(sign));
    if is_expression {
        return Some(format!(
            "`{text}` looks like a regular expression: {PATTERN}"
        ));
    }
    let plain = text.replace('\\', "/");
    Some(format!(
        "`{text}` has backslashes between folders: write `{plain}`"
    ))
}

/// What to write instead of a pattern that found nothing and is written as patterns are elsewhere.
fn no_pattern(pattern: &str) -> Option<&'static str> {
    if pattern.len() > 1 && pattern.starts_with(['"', '\'']) && pattern.ends_with(['"', '\'']) {
        return Some("the quotes are taken for a part of the name: write `source` without them");
    }
    let begin = pattern.to_ascii_lowercase();
    if ["www.", "http:", "https:", "http/", "https/"]
        .iter()
        .any(|web| begin.starts_with(web))
    {
        return Some("if it is an address, begin it with `https://`");
    }
    if let Some((name, _)) = pattern.split_once(": ")
        && !name.contains('/')
    {
        return Some(
            "if what stands before the colon is the name of a table, write it with letters, digits and `_` only, as in `my_orders: …`",
        );
    }
    let has_choice = pattern.contains('{') && pattern.contains('}') && pattern.contains(',');
    let signs = [".*", ".+", "]+", "^", "$", "(", "|"];
    let is_expression = signs.iter().any(|sign| pattern.contains(sign));
    if has_choice || is_expression || pattern.contains(' ') {
        Some(PATTERN)
    } else {
        None
    }
}

/// Where files are found, and where the content of compressed ones goes.
pub(super) struct StageContext<'a> {
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
    context: &StageContext,
) -> Result<Vec<StagedFile>> {
    let workspace = context.workspace.canonicalize().with_context(|| {
        format!(
            "cannot find the workspace `{}`",
            context.workspace.display()
        )
    })?;
    let mut files = find(&path.0, &workspace, context.observer)?;
    if files.is_empty() {
        return Err(missing(&path.0, &workspace).into());
    }
    files.retain(|file| {
        let is_new = taken.insert(file.real.clone());
        if !is_new {
            context.observer.on(Event::Warning(format!(
                "`{}` is named by more than one line of `source`; it is read once",
                file.name
            )));
        }
        is_new
    });
    let files = files.into_iter().enumerate();
    files
        .map(|(index, file)| {
            let unpacked = context.unpacked.with_extension(index.to_string());
            stage_one(file, given, (&unpacked, context.limit))
        })
        .collect()
}

fn stage_one(
    file: FoundFile,
    given: Option<Format>,
    (unpacked, limit): (&Path, u64),
) -> Result<StagedFile> {
    let FoundFile { name: origin, real } = file;
    let is_packed = unpack::unpack(&real, unpacked, limit, &origin)?;
    let real = if is_packed { unpacked.to_owned() } else { real };
    let clues = detect::Clues {
        given,
        content_type: None,
        name: unpack::inner_name(&origin),
        origin: &origin,
    };
    let format = detect::detect(&real, &clues)?;
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
fn find(pattern: &str, workspace: &Path, observer: &dyn Observer) -> Result<Vec<FoundFile>> {
    match workspace::find_file(workspace, &workspace.join(pattern)) {
        Ok(real) => Ok(vec![FoundFile {
            name: pattern.to_owned(),
            real,
        }]),
        Err(Refused::Missing) => search::find(pattern, workspace, observer),
        // Told with what to write instead.
        Err(Refused::Folder) => Ok(Vec::new()),
        Err(refused) => {
            let problem = Problem::new(format!("`{pattern}` {refused}"));
            Err(match refused {
                Refused::Outside => {
                    problem.hint("copy the file into the workspace before this step")
                }
                _ => problem,
            }
            .into())
        }
    }
}

fn missing(pattern: &str, workspace: &Path) -> Problem {
    let is_pattern = pattern.contains(['*', '?', '[']);
    let problem = if is_pattern {
        format!("no file of the workspace matches `{pattern}`")
    } else if workspace.join(pattern).is_dir() {
        format!("`{pattern}` is a folder")
    } else {
        format!("there is no file `{pattern}` in the workspace")
    };
    let hint = if let Some(hint) = no_pattern(pattern) {
        hint.into()
    } else if workspace.join(pattern).is_dir() {
        format!("name its files: `{}/*.csv`", pattern.trim_end_matches('/'))
    } else {
        "check `source`; files of the repository are there only after `actions/checkout`".into()
    };
    Problem::new(problem).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(workspace: &Path) -> StageContext<'_> {
        StageContext {
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
        for (text, told) in [
            ("data\\a.csv", "write `data/a.csv`"),
            (".\\data\\*.csv", "write `./data/*.csv`"),
            ("C:\\data\\a.csv", "of a Windows machine"),
            ("c:/data/a.csv", "of a Windows machine"),
            ("\\\\server\\share\\a.csv", "of a Windows machine"),
            ("data/.*\\.csv", "no regular expression"),
            ("data/\\d+\\.csv", "no regular expression"),
            ("^a\\.csv$", "no regular expression"),
        ] {
            let problem = parse(text).unwrap_err();
            assert!(problem.contains(told), "{text}: {problem}");
        }
        for text in ["data/.*", "c/a.csv", "a:b.csv", "[ab]$.csv"] {
            assert!(parse(text).is_ok(), "{text}");
        }
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
            let files = stage(&path, None, &mut HashSet::new(), &context(root))?;
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
        for pattern in [
            "a/b/.*.csv",
            "{a,b}.csv",
            "a.csv, b.csv",
            "(a|b).csv",
            "^a.csv$",
        ] {
            let error = stage(pattern).unwrap_err();
            let hint = error.downcast_ref::<Problem>().unwrap().hint.clone();
            assert!(hint.unwrap().contains("no regular expression"), "{pattern}");
        }
        for (pattern, told) in [
            ("\"a.csv\"", "without them"),
            ("'a.csv'", "without them"),
            ("www.example.com/a.csv", "`https://`"),
            ("https:/example.com/a.csv", "`https://`"),
            ("my-orders: a.csv", "letters, digits and `_`"),
            ("a.csv b.csv", "lines of their own"),
        ] {
            let error = stage(pattern).unwrap_err();
            let hint = error.downcast_ref::<Problem>().unwrap().hint.clone();
            assert!(hint.unwrap().contains(told), "{pattern}");
        }
        let error = stage("b/*.csv").unwrap_err();
        let hint = error.downcast_ref::<Problem>().unwrap().hint.clone();
        assert!(hint.unwrap().contains("actions/checkout"));
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
        let error = stage(&path, None, &mut HashSet::new(), &context(folder.path())).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`x.csv` is a link that leads out of the workspace"
        );
    }
}
