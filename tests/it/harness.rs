//! Runs the binary as the runner does and collects what it leaves: code, log, outputs, summary.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use expect_test::Expect;
use tableau_simulator::{CONTENT_URL, Simulator, TOKEN_NAME, TOKEN_SECRET};
use tempfile::TempDir;

use crate::extract;

/// One step of a workflow, with a workspace and a temp folder of its own.
pub(crate) struct Action {
    inputs: Vec<(String, String)>,
    variables: Vec<(String, String)>,
    machine: Machine,
}

/// A step that is running.
pub(crate) struct Started {
    pub(crate) child: Child,
    stdout: BufReader<ChildStdout>,
    heard: Vec<u8>,
    action: Action,
}

impl Started {
    /// Sends a signal such as `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Returns the runner's temp folder.
    pub(crate) fn temp(&self) -> PathBuf {
        self.action.machine.temp()
    }

    /// Waits until its log has a line with these words.
    #[track_caller]
    pub(crate) fn hear(&mut self, words: &str) {
        let mut begin = self.heard.len();
        while !String::from_utf8_lossy(&self.heard[begin..]).contains(words) {
            begin = self.heard.len();
            let n = self.stdout.read_until(b'\n', &mut self.heard).unwrap();
            let said = String::from_utf8_lossy(&self.heard);
            assert!(n > 0, "it ended and never said `{words}`:\n{said}");
        }
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        self.stdout.read_to_end(&mut self.heard).unwrap();
        let mut output = self.child.wait_with_output().unwrap();
        output.stdout = self.heard;
        self.action.ended(output)
    }
}

/// The folders a runner gives a step.
pub(crate) struct Machine {
    folder: TempDir,
}

/// What a step left behind.
pub(crate) struct Ended {
    /// Exit code; none if a signal ended it.
    pub(crate) code: Option<i32>,
    /// Standard output without annotations and masks.
    pub(crate) log: String,
    /// `error …` and `warning …` commands, unescaped.
    pub(crate) annotations: Vec<String>,
    /// Secrets the runner was told to mask.
    pub(crate) masked: Vec<String>,
    /// Outputs, parsed with the runner's own grammar.
    pub(crate) outputs: BTreeMap<String, String>,
    /// The job summary.
    pub(crate) summary: String,
    /// All bytes on both streams.
    pub(crate) raw: String,
    /// The folders.
    pub(crate) machine: Machine,
}

impl Machine {
    fn new() -> Machine {
        let folder = tempfile::tempdir().unwrap();
        for name in ["workspace", "temp", "files"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Machine { folder }
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    pub(crate) fn temp(&self) -> PathBuf {
        self.folder.path().join("temp")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("files").join(name)
    }
}

impl Action {
    /// A step without inputs.
    pub(crate) fn new() -> Action {
        Action {
            inputs: Vec::new(),
            variables: Vec::new(),
            machine: Machine::new(),
        }
    }

    /// A step that publishes `Orders` to the project `Sales` of the simulator's site.
    pub(crate) fn publishing_to(site: &Simulator) -> Action {
        Action::new()
            .input("server-url", site.url())
            .input("site", CONTENT_URL)
            .input("pat-name", TOKEN_NAME)
            .input("pat-secret", TOKEN_SECRET)
            .input("project", "Sales")
            .input("datasource", "Orders")
    }

    /// A step that only builds.
    pub(crate) fn building() -> Action {
        Action::new().input("publish", "false")
    }

    /// Sets an input; the last value counts.
    pub(crate) fn input(mut self, name: &str, value: impl Into<String>) -> Action {
        self.inputs.retain(|(given, _)| given != name);
        self.inputs.push((name.to_owned(), value.into()));
        self
    }

    /// Sets a variable of the job.
    pub(crate) fn variable(mut self, name: &str, value: impl Into<String>) -> Action {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Writes a file into the workspace.
    pub(crate) fn file(self, path: &str, content: impl AsRef<[u8]>) -> Action {
        let path = self.machine.workspace().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    /// Returns the workspace the step will see.
    pub(crate) fn workspace(&self) -> PathBuf {
        self.machine.workspace()
    }

    /// Prepares the command as the runner would start it in the container.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_publish-to-tableau"));
        command
            .env_clear()
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_WORKSPACE", self.machine.workspace())
            .env("GITHUB_OUTPUT", self.machine.file("output"))
            .env("GITHUB_STEP_SUMMARY", self.machine.file("summary"))
            .env("RUNNER_TEMP", self.machine.temp())
            .env("HYPERD_PATH", extract::hyperd())
            .env("PUBLISH_TO_TABLEAU_TEST_WAIT", "0")
            .current_dir(self.machine.workspace())
            .stdin(Stdio::null());
        for (name, value) in &self.inputs {
            command.env(
                format!("INPUT_{}", name.replace(' ', "_").to_uppercase()),
                value,
            );
        }
        command.envs(self.variables.iter().cloned());
        command
    }

    /// Runs the step to its end.
    pub(crate) fn run(self) -> Ended {
        let output = self.command().output().unwrap();
        self.ended(output)
    }

    /// Starts the step and lets it run.
    pub(crate) fn start(self) -> Started {
        let mut command = self.command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Started {
            child,
            stdout,
            heard: Vec::new(),
            action: self,
        }
    }

    fn ended(self, output: Output) -> Ended {
        let raw =
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        let mut ended = Ended {
            code: output.status.code(),
            log: String::new(),
            annotations: Vec::new(),
            masked: Vec::new(),
            outputs: parse_outputs(&read(&self.machine.file("output"))),
            summary: read(&self.machine.file("summary")),
            raw,
            machine: self.machine,
        };
        ended.sort_lines();
        ended
    }
}

impl Ended {
    fn sort_lines(&mut self) {
        for line in self.raw.lines() {
            if let Some(secret) = line.strip_prefix("::add-mask::") {
                self.masked.push(unescape(secret));
            } else if line.starts_with("::error") || line.starts_with("::warning") {
                self.annotations
                    .push(unescape(line.trim_start_matches(':')));
            } else {
                self.log += line;
                self.log.push('\n');
            }
        }
    }

    /// Returns all that was printed and shown, but for what only tells the runner what to mask.
    pub(crate) fn shown(&self) -> String {
        let lines = self.raw.lines();
        let printed: Vec<&str> = lines
            .filter(|line| !line.starts_with("::add-mask::"))
            .collect();
        format!(
            "{}\n{}\n{:?}",
            printed.join("\n"),
            self.summary,
            self.outputs
        )
    }

    /// Returns an output; every declared one is set, most of them empty.
    pub(crate) fn output(&self, name: &str) -> &str {
        self.outputs
            .get(name)
            .unwrap_or_else(|| panic!("there is no output `{name}`"))
    }

    /// Returns the built file as this machine knows it.
    pub(crate) fn hyper(&self) -> PathBuf {
        self.machine.workspace().join(self.output("hyper"))
    }

    /// Returns what the built file holds.
    pub(crate) fn rows(&self) -> String {
        extract::read(&self.hyper())
    }

    /// Compares code, annotations and the outputs that are not empty.
    #[track_caller]
    pub(crate) fn check(&self, expected: &Expect) {
        let mut text = String::new();
        match self.code {
            Some(code) => writeln!(text, "exit {code}").unwrap(),
            None => text.push_str("ended by a signal\n"),
        }
        for annotation in &self.annotations {
            writeln!(text, "{annotation}").unwrap();
        }
        for (name, value) in self.outputs.iter().filter(|(_, value)| !value.is_empty()) {
            writeln!(text, "{name}={value}").unwrap();
        }
        expected.assert_eq(&self.normalise(&text));
    }

    /// Fails with everything that was seen unless the run ended well.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Ended {
        assert_eq!(self.code, Some(0), "{}", self.shown());
        self
    }

    /// Fails unless the run failed at a stage, with a message that holds all of these words.
    #[track_caller]
    pub(crate) fn failed(self, stage: &str, words: &[&str]) -> Ended {
        let code = if stage == "inputs" { 2 } else { 1 };
        assert_eq!(self.code, Some(code), "{}", self.shown());
        assert_eq!(self.output("failed-stage"), stage, "{}", self.shown());
        let told = self.annotations.join("\n");
        for word in words {
            assert!(told.contains(word), "`{word}` is not in:\n{told}");
            // The summary escapes punctuation; its longest plain part must be there.
            let plain = word
                .split(|c: char| !c.is_alphanumeric() && c != ' ')
                .max_by_key(|part| part.len())
                .unwrap();
            assert!(
                self.summary.contains(plain),
                "`{plain}` is not in:\n{}",
                self.summary
            );
        }
        self
    }

    /// Replaces what differs from machine to machine and run to run.
    pub(crate) fn normalise(&self, text: &str) -> String {
        let text = text.replace(self.machine.folder.path().to_str().unwrap(), "MACHINE");
        let mut rest = text.as_str();
        let mut normal = String::new();
        while let Some((before, after)) = rest.split_once("http://127.0.0.1:") {
            normal += before;
            normal += "http://127.0.0.1:PORT";
            rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
        }
        normal + rest
    }
}

/// Writes a program for the shell.
///
/// Another process does: what this one has open for writing is open in each process that another thread
/// starts meanwhile, and the kernel executes nothing that somebody may still write to.
pub(crate) fn write_script(path: &Path, text: &str) {
    let draft = path.with_extension("draft");
    std::fs::write(&draft, text).unwrap();
    let copied = Command::new("install")
        .args(["-m", "755"])
        .args([&draft, path])
        .status();
    assert!(copied.unwrap().success());
}

/// Returns whether a folder holds anything but the named entries.
pub(crate) fn leftovers(folder: &Path, expected: &[&str]) -> Vec<String> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let names = entries.map(|name| name.into_string().unwrap());
    names
        .filter(|name| !expected.contains(&name.as_str()))
        .collect()
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_default()
}

fn unescape(text: &str) -> String {
    text.replace("%0A", "\n")
        .replace("%0D", "\r")
        .replace("%3A", ":")
        .replace("%2C", ",")
        .replace("%25", "%")
}

/// The grammar of actions/runner for `GITHUB_OUTPUT`: whichever of `=` and `<<` comes first decides.
fn parse_outputs(text: &str) -> BTreeMap<String, String> {
    let mut outputs = BTreeMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').expect("a line ends");
        let (equals, heredoc) = (line.find('='), line.find("<<"));
        match (equals, heredoc) {
            (Some(at), heredoc) if heredoc.is_none_or(|other| at < other) => {
                outputs.insert(line[..at].to_owned(), line[at + 1..].to_owned());
                rest = after;
            }
            (_, Some(at)) => {
                let (name, delimiter) = (&line[..at], &line[at + 2..]);
                let end = format!("\n{delimiter}\n");
                let with_break = format!("\n{after}");
                let length = with_break.find(&end).expect("the delimiter comes again");
                outputs.insert(
                    name.to_owned(),
                    with_break[..length].trim_start_matches('\n').to_owned(),
                );
                rest = &after[(length + end.len()).saturating_sub(1)..];
            }
            _ => panic!("a line of the outputs file is neither: {line}"),
        }
    }
    outputs
}
