//! Finds the workspace files a pattern means: each real file once, however many links lead to it.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fs::DirEntry;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use glob::{MatchOptions, Pattern, PatternError};

use crate::events::{Event, Observer};
use crate::problem::Problem;
use crate::workspace::{self, Refused};

/// Names that begin with a dot are found only where the pattern writes the dot.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// A file that was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FoundFile {
    /// Its path below the workspace as it was found, without links where there is such a way.
    pub(super) name: String,
    /// Where it lies, without links.
    pub(super) real: PathBuf,
}

/// One part of a pattern, between two slashes.
enum PatternPart {
    /// `**`: any folders, none included.
    Folders,
    /// A name, or a pattern for one.
    Name(Pattern),
}

/// A folder that has been reached and the part of the pattern its entries are held against.
struct ReachedFolder {
    real: PathBuf,
    /// Below the workspace.
    name: PathBuf,
    /// Index of the part.
    part: usize,
    /// Whether a link was followed on the way.
    is_linked: bool,
}

/// Finds what a pattern means below a canonical `root`, sorted by name.
pub(super) fn find(pattern: &str, root: &Path, observer: &dyn Observer) -> Result<Vec<FoundFile>> {
    let parts = parse(pattern).map_err(|error| {
        Problem::new(format!("`{pattern}` is no valid pattern: {}", error.msg)).hint(
            "in `source`, `*` matches within a folder name, `**` any folders, `?` one character",
        )
    })?;
    let mut search = FileSearch {
        root,
        pattern,
        parts,
        todo: VecDeque::new(),
        visited: HashSet::new(),
        files: BTreeMap::new(),
        observer,
    };
    search.reach(ReachedFolder {
        real: root.to_owned(),
        name: PathBuf::new(),
        part: 0,
        is_linked: false,
    });
    while let Some(folder) = search.todo.pop_front() {
        search.look_into(&folder)?;
    }
    let mut files: Vec<FoundFile> = search
        .files
        .into_iter()
        .map(|(real, (_, name))| FoundFile { name, real })
        .collect();
    // As paths: `a/b` stands before `a.csv`.
    files.sort_by(|a, b| Path::new(&a.name).cmp(Path::new(&b.name)));
    Ok(files)
}

fn parse(pattern: &str) -> Result<Vec<PatternPart>, PatternError> {
    Pattern::new(pattern)?;
    let mut parts = Vec::new();
    for part in pattern.split('/') {
        match (part, parts.last()) {
            ("**", Some(PatternPart::Folders)) => {}
            ("**", _) => parts.push(PatternPart::Folders),
            (name, _) => parts.push(PatternPart::Name(Pattern::new(name)?)),
        }
    }
    // At the end it means the files in these folders.
    if let Some(PatternPart::Folders) = parts.last() {
        parts.push(PatternPart::Name(Pattern::new("*")?));
    }
    Ok(parts)
}

struct FileSearch<'s> {
    root: &'s Path,
    pattern: &'s str,
    parts: Vec<PatternPart>,
    /// Folders reached without links come first, so that names have as few of them as can be.
    todo: VecDeque<ReachedFolder>,
    /// Each folder is looked into once for each part: what links make of it has an end.
    visited: HashSet<(PathBuf, usize)>,
    /// By where they lie: whether a link led there, and the name.
    files: BTreeMap<PathBuf, (bool, String)>,
    observer: &'s dyn Observer,
}

impl FileSearch<'_> {
    fn reach(&mut self, folder: ReachedFolder) {
        if folder.is_linked {
            self.todo.push_back(folder);
        } else {
            self.todo.push_front(folder);
        }
    }

    fn look_into(&mut self, folder: &ReachedFolder) -> Result<()> {
        if !self.visited.insert((folder.real.clone(), folder.part)) {
            return Ok(());
        }
        if let PatternPart::Folders = self.parts[folder.part] {
            self.reach(ReachedFolder {
                real: folder.real.clone(),
                name: folder.name.clone(),
                part: folder.part + 1,
                is_linked: folder.is_linked,
            });
        }
        let reason = || format!("cannot search the folder `{}`", shown(&folder.name));
        for entry in std::fs::read_dir(&folder.real).with_context(reason)? {
            self.meet(folder, &entry.with_context(reason)?)?;
        }
        Ok(())
    }

    /// Holds an entry of a folder against the part of the pattern.
    fn meet(&mut self, folder: &ReachedFolder, entry: &DirEntry) -> Result<()> {
        let file_name = entry.file_name();
        // Bytes that are no text stand for a character each, so that `*` and `?` find them.
        let text = file_name.to_string_lossy();
        let name = folder.name.join(&file_name);
        let is_last = folder.part + 1 == self.parts.len();
        let is_deep = match &self.parts[folder.part] {
            PatternPart::Folders if text.starts_with('.') => return Ok(()),
            PatternPart::Folders => true,
            PatternPart::Name(part) if part.matches_with(&text, OPTIONS) => false,
            PatternPart::Name(_) => return Ok(()),
        };
        let kind = entry.file_type().with_context(|| unreadable(&name))?;
        let mut real = folder.real.join(&file_name);
        if kind.is_symlink() {
            match workspace::resolve(&real) {
                Ok(end) => real = end,
                // It is no folder.
                Err(_) if !is_last => return Ok(()),
                Err(refused) => return Err(self.refuse(&name, &refused).into()),
            }
            if !real.starts_with(self.root) {
                return self.leave(&name, is_deep);
            }
        }
        let is_linked = folder.is_linked || kind.is_symlink();
        let found = real.metadata().with_context(|| unreadable(&name))?;
        if found.is_dir() {
            if !is_last {
                let part = if is_deep {
                    folder.part
                } else {
                    folder.part + 1
                };
                self.reach(ReachedFolder {
                    real,
                    name,
                    part,
                    is_linked,
                });
            }
            return Ok(());
        }
        if !is_last {
            return Ok(());
        }
        if let Err(refused) = workspace::check_kind(&found) {
            return Err(self.refuse(&name, &refused).into());
        }
        let Some(name) = name.to_str() else {
            return Err(Problem::new(format!(
                "`{}` matches `{}`, and its name is not UTF-8",
                shown(&name),
                self.pattern
            ))
            .hint("rename the file, or write a pattern that leaves it out")
            .into());
        };
        let new = (is_linked, name.to_owned());
        let kept = self.files.entry(real).or_insert_with(|| new.clone());
        if new < *kept {
            *kept = new;
        }
        Ok(())
    }

    /// A link that leads out of the workspace: `**` goes past it, and what is meant must not be it.
    fn leave(&self, name: &Path, is_deep: bool) -> Result<()> {
        if !is_deep {
            return Err(self.refuse(name, &Refused::Outside).into());
        }
        self.observer.on(Event::Note(format!(
            "`{}` is a link that leads out of the workspace and is not searched for `{}`",
            shown(name),
            self.pattern
        )));
        Ok(())
    }

    fn refuse(&self, name: &Path, refused: &Refused) -> Problem {
        Problem::new(format!(
            "`{}`, which matches `{}`, {refused}",
            shown(name),
            self.pattern
        ))
        .hint(match refused {
            Refused::Outside => "copy the file into the workspace before this step",
            _ => "remove it, or write a pattern in `source` that leaves it out",
        })
    }
}

fn unreadable(name: &Path) -> String {
    format!("cannot read `{}`", shown(name))
}

/// A path for messages: bytes that are no text as `\xe9`.
fn shown(path: &Path) -> String {
    match path.to_str() {
        Some("") => ".".into(),
        Some(text) => text.to_owned(),
        None => path
            .as_os_str()
            .as_encoded_bytes()
            .escape_ascii()
            .to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, write};
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let file = folder.path().join(file);
            create_dir_all(file.parent().unwrap()).unwrap();
            write(file, "h\n1\n").unwrap();
        }
        folder
    }

    fn names(folder: &tempfile::TempDir, pattern: &str) -> Result<Vec<String>, String> {
        let root = folder.path().canonicalize().unwrap();
        let found = find(pattern, &root, &|_: Event| {}).map_err(|error| error.to_string())?;
        Ok(found.into_iter().map(|found| found.name).collect())
    }

    #[test]
    fn patterns_mean_what_they_meant() {
        let files = [
            "a/2.csv",
            "a/b/1.csv",
            "a/b/c/3.csv",
            "a/.hidden.csv",
            ".h/4.csv",
            "a/x[1].csv",
            "z.csv",
            "z.txt",
        ];
        let folder = folder(&files);
        for (pattern, expected) in [
            (
                "**/*.csv",
                &["a/2.csv", "a/b/1.csv", "a/b/c/3.csv", "a/x[1].csv", "z.csv"][..],
            ),
            ("*.csv", &["z.csv"]),
            ("a/*/*.csv", &["a/b/1.csv"]),
            ("a/**/b/**/*.csv", &["a/b/1.csv", "a/b/c/3.csv"]),
            ("**/b/*", &["a/b/1.csv"]),
            ("a/**/**/3.csv", &["a/b/c/3.csv"]),
            ("a/b/**", &["a/b/1.csv", "a/b/c/3.csv"]),
            (".h/*.csv", &[".h/4.csv"]),
            ("**/.*.csv", &["a/.hidden.csv"]),
            ("?.[ct][sx][vt]", &["z.csv", "z.txt"]),
            ("**/[!0-9]*.csv", &["a/x[1].csv", "z.csv"]),
            ("z.csv/*", &[]),
            ("none/**", &[]),
        ] {
            assert_eq!(names(&folder, pattern).unwrap(), expected, "{pattern}");
        }
        for wrong in ["a**b", "[", "***", "a/[b/c]"] {
            let problem = names(&folder, wrong).unwrap_err();
            assert!(problem.contains("is no valid pattern"), "{problem}");
        }
    }

    #[test]
    fn each_real_file_is_found_once_by_its_plainest_name() {
        let folder = folder(&["data/a.csv", "data/b/c.csv"]);
        let at = |name: &str| folder.path().join(name);
        symlink("..", at("data/up")).unwrap();
        symlink("b", at("data/aa")).unwrap();
        symlink("a.csv", at("data/0.csv")).unwrap();
        symlink("data", at("0")).unwrap();
        symlink("self", at("self")).unwrap();
        let all = ["data/a.csv", "data/b/c.csv"];
        assert_eq!(names(&folder, "**/*.csv").unwrap(), all);
        assert_eq!(names(&folder, "**").unwrap_err().matches("self").count(), 1);
        assert_eq!(names(&folder, "data/*.csv").unwrap(), ["data/a.csv"]);
        // Named by the user, a link is as good as what it leads to.
        assert_eq!(names(&folder, "0/*/c.csv").unwrap(), ["0/b/c.csv"]);
        assert_eq!(names(&folder, "data/up/data/*.csv").unwrap().len(), 1);
        assert_eq!(names(&folder, "data/0*").unwrap(), ["data/0.csv"]);
    }

    #[test]
    fn what_is_no_file_of_the_workspace_is_refused() {
        let (folder, outside) = (folder(&["a.csv", "d/b.csv"]), folder(&["secret.csv"]));
        let at = |name: &str| folder.path().join(name);
        symlink(outside.path(), at("out")).unwrap();
        // Beside the way it is passed by, on it it is an error.
        assert_eq!(names(&folder, "**/*.csv").unwrap(), ["a.csv", "d/b.csv"]);
        for pattern in ["out/*.csv", "o*/*.csv"] {
            let problem = names(&folder, pattern).unwrap_err();
            assert!(problem.contains("leads out of the workspace"), "{problem}");
        }
        symlink(outside.path().join("secret.csv"), at("d/s.csv")).unwrap();
        symlink("gone", at("d/dead.csv")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("d/sock.csv")).unwrap();
        for (pattern, why) in [
            ("d/s.*", "leads out of the workspace"),
            ("d/de*.csv", "leads to nothing"),
            ("d/so*.csv", "is a socket and no regular file"),
        ] {
            let problem = names(&folder, pattern).unwrap_err();
            assert!(problem.contains(why), "{problem}");
        }
    }

    #[test]
    fn a_name_that_is_no_text_matters_only_if_it_matches() {
        let folder = folder(&["a.csv"]);
        let at = |name: &[u8]| folder.path().join(std::ffi::OsStr::from_bytes(name));
        write(at(b"caf\xe9.csv"), "h\n1\n").unwrap();
        create_dir_all(at(b"d\xff")).unwrap();
        write(at(b"d\xff/x.txt"), "h\n1\n").unwrap();
        assert_eq!(names(&folder, "a*.csv").unwrap(), ["a.csv"]);
        for (pattern, name) in [("*.csv", r"caf\xe9.csv"), ("**/*.txt", r"d\xff/x.txt")] {
            let problem = names(&folder, pattern).unwrap_err();
            let expected = format!("`{name}` matches `{pattern}`, and its name is not UTF-8");
            assert_eq!(problem, expected);
        }
    }
}
