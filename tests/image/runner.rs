//! A step of a job as actions/runner starts it: mounts, variables, file commands, translated paths.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use crate::extract;

/// The user of hosted runners; a root that runs the tests can give files away.
const RUNNER: u32 = 1001;
/// Annotations the runner keeps of a kind.
const ANNOTATIONS: usize = 10;
/// Bytes of a summary the runner keeps.
const SUMMARY: usize = 1 << 20;
/// Files for commands a step may give, by variable; a step of ours gives none by the last three.
const COMMAND_FILES: [(&str, &str); 5] = [
    ("GITHUB_OUTPUT", "set_output_1"),
    ("GITHUB_STEP_SUMMARY", "step_summary_1"),
    ("GITHUB_ENV", "set_env_1"),
    ("GITHUB_PATH", "add_path_1"),
    ("GITHUB_STATE", "save_state_1"),
];

/// A step with a machine of its own.
pub(crate) struct Step {
    inputs: Vec<(String, String)>,
    options: Vec<String>,
    name: String,
    work: TempDir,
}

/// What the step left.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) log: String,
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) summary: String,
    pub(crate) step: Step,
}

/// Returns the image under test.
pub(crate) fn image() -> String {
    std::env::var("IMAGE").expect("IMAGE names the image: run `sh tests/image.sh`")
}

/// Returns the entry point that action.yml names.
pub(crate) fn entry_point() -> String {
    let action = include_str!("../../action.yml");
    let named = action
        .lines()
        .find_map(|line| line.strip_prefix("  entrypoint: "));
    named.expect("action.yml names an entry point").to_owned()
}

/// Runs `docker` to its end and returns its standard output.
#[track_caller]
pub(crate) fn docker<const N: usize>(arguments: [&str; N]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "docker {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

impl Step {
    /// A step of the repository `shop`, whose folders belong to the runner's user.
    pub(crate) fn new() -> Step {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let step = Step {
            inputs: Vec::new(),
            options: Vec::new(),
            name: format!("publish-to-tableau-test-{}-{number}", now.as_nanos()),
            work: tempfile::tempdir().unwrap(),
        };
        for folder in [
            "shop",
            "shop/shop",
            "_temp",
            "_temp/_github_home",
            "_temp/_github_workflow",
            "_temp/_runner_file_commands",
        ] {
            std::fs::create_dir(step.path(folder)).unwrap();
            give_away(&step.path(folder));
        }
        let event = step.path("_temp/_github_workflow/event.json");
        let commands = COMMAND_FILES.map(|(_, name)| step.command_file(name));
        for file in commands.iter().chain([&event]) {
            std::fs::write(file, "").unwrap();
            give_away(file);
        }
        step
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.work.path().join(inside)
    }

    fn command_file(&self, name: &str) -> PathBuf {
        self.path("_temp/_runner_file_commands").join(name)
    }

    /// Returns the workspace on the host.
    pub(crate) fn workspace(&self) -> PathBuf {
        self.path("shop/shop")
    }

    /// Returns the runner's temp folder on the host.
    pub(crate) fn temp(&self) -> PathBuf {
        self.path("_temp")
    }

    /// Returns the name the container has.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns user and group of the workspace.
    pub(crate) fn owner(&self) -> (u32, u32) {
        let workspace = std::fs::metadata(self.workspace()).unwrap();
        (workspace.uid(), workspace.gid())
    }

    /// Sets an input; the last value counts.
    pub(crate) fn input(mut self, name: &str, value: impl Into<String>) -> Step {
        self.inputs.retain(|(given, _)| given != name);
        self.inputs.push((name.to_owned(), value.into()));
        self
    }

    /// Adds options of `docker run`, as a job's `container: options:` would.
    pub(crate) fn options<const N: usize>(mut self, options: [&str; N]) -> Step {
        self.options.extend(options.map(str::to_owned));
        self
    }

    /// Writes a file into the workspace.
    pub(crate) fn file(self, name: &str, content: &str) -> Step {
        let path = self.workspace().join(name);
        std::fs::write(&path, content).unwrap();
        give_away(&path);
        self
    }

    /// Folders of the host and where the container finds them; the longest first.
    fn mounts(&self) -> [(PathBuf, &'static str); 5] {
        [
            (self.path("_temp/_github_home"), "/github/home"),
            (self.path("_temp/_github_workflow"), "/github/workflow"),
            (
                self.path("_temp/_runner_file_commands"),
                "/github/file_commands",
            ),
            (self.temp(), "/github/runner_temp"),
            (self.workspace(), "/github/workspace"),
        ]
    }

    /// Only the beginning of a value is translated, as the runner does it.
    fn translate(&self, value: &str) -> String {
        let translated = self.mounts().into_iter().find_map(|(host, inside)| {
            let rest = value.strip_prefix(host.to_str().unwrap())?;
            let is_path = rest.is_empty() || rest.starts_with('/');
            is_path.then(|| format!("{inside}{rest}"))
        });
        translated.unwrap_or_else(|| value.to_owned())
    }

    /// Returns the variables the container gets.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let mut variables: Vec<(String, String)> = [
            ("HOME", "/github/home"),
            ("GITHUB_ACTIONS", "true"),
            ("CI", "true"),
            ("GITHUB_WORKSPACE", "/github/workspace"),
            ("GITHUB_REPOSITORY", "octocat/shop"),
            ("GITHUB_EVENT_PATH", "/github/workflow/event.json"),
            ("RUNNER_OS", "Linux"),
            ("RUNNER_ARCH", "X64"),
            ("RUNNER_TEMP", "/github/runner_temp"),
            ("RUNNER_TOOL_CACHE", "/opt/hostedtoolcache"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        variables.extend(
            COMMAND_FILES
                .map(|(name, file)| (name.to_owned(), format!("/github/file_commands/{file}"))),
        );
        let workspace = self.path("shop").display().to_string();
        variables.push(("RUNNER_WORKSPACE".to_owned(), workspace));
        // Every declared input is set, most of them to nothing.
        for declared in publish_to_tableau::inputs::DECLARED {
            let given = self.inputs.iter().find(|(name, _)| *name == declared.name);
            let value = given.map_or(declared.default, |(_, value)| value);
            let name = format!("INPUT_{}", declared.name.to_uppercase());
            variables.push((name, self.translate(value)));
        }
        variables
    }

    /// Returns the options that mount the folders.
    pub(crate) fn volumes(&self) -> Vec<String> {
        let mounts = self.mounts().into_iter();
        mounts
            .flat_map(|(host, inside)| ["-v".to_owned(), format!("{}:{inside}", host.display())])
            .collect()
    }

    /// Starts the container without waiting for its end.
    pub(crate) fn start(&self) -> Child {
        let variables = self.variables();
        let mut command = Command::new("docker");
        command
            .args(["run", "--name", &self.name])
            .args(["--workdir", "/github/workspace", "--rm"])
            .args(variables.iter().flat_map(|(name, _)| ["-e", name]))
            // The host's network, so that the simulator is found.
            .args(["--entrypoint", &entry_point(), "--network", "host"])
            .args(self.volumes())
            .args(&self.options)
            .arg(image())
            .env_clear()
            .envs(
                std::env::vars_os()
                    .filter(|(name, _)| name == "DOCKER_HOST" || name == "PATH" || name == "HOME"),
            )
            // Of the docker client; the runner sets the container's own one on top.
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Runs the step to its end and holds what it leaves to the runner's limits.
    pub(crate) fn run(self) -> Ended {
        let output = self.start().wait_with_output().unwrap();
        let log = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            "",
            "on standard error"
        );
        self.ended(output.status.code(), log)
    }

    /// Does the same with a program of this machine, in no container.
    pub(crate) fn run_alone(self, program: &Path) -> Ended {
        let mut command = Command::new(program);
        command.env_clear().env("HYPERD_PATH", extract::hyperd());
        for (name, mut value) in self.variables() {
            for (host, inside) in self.mounts() {
                value = value.replace(inside, host.to_str().unwrap());
            }
            command.env(name, value);
        }
        let output = command.current_dir(self.workspace()).output().unwrap();
        self.ended(
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    }

    /// Reads what was left.
    pub(crate) fn ended(self, code: Option<i32>, log: String) -> Ended {
        for kind in ["::error", "::warning", "::notice"] {
            let annotations = log.lines().filter(|line| line.starts_with(kind)).count();
            assert!(annotations <= ANNOTATIONS, "{annotations} of {kind}");
        }
        let read = |name: &str| std::fs::read_to_string(self.command_file(name)).unwrap();
        for (variable, name) in &COMMAND_FILES[2..] {
            assert_eq!(read(name), "", "in the file of {variable}");
        }
        let summary = read("step_summary_1");
        assert!(summary.len() < SUMMARY, "{} bytes", summary.len());
        let outputs = parse(&read("set_output_1"));
        Ended {
            code,
            log,
            outputs,
            summary,
            step: self,
        }
    }
}

impl Ended {
    /// Fails with everything that was seen unless the step ended well.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Ended {
        assert_eq!(self.code, Some(0), "{}\n{}", self.log, self.summary);
        self
    }

    /// Returns an output that must be there.
    #[track_caller]
    pub(crate) fn output(&self, name: &str) -> &str {
        let value = self.outputs.get(name);
        value.unwrap_or_else(|| panic!("there is no output `{name}`"))
    }
}

fn give_away(path: &Path) {
    // Whoever is not root is the runner's user already.
    let _ = chown(path, Some(RUNNER), Some(RUNNER));
}

/// The grammar of `EnvFileKeyValuePairs`: what it refuses fails the step.
fn parse(text: &str) -> BTreeMap<String, String> {
    let mut outputs = BTreeMap::new();
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let heredoc = line.find("<<");
        let equals = line.find('=');
        let is_heredoc = heredoc.is_some_and(|at| equals.is_none_or(|equals| at < equals));
        let (name, value) = if is_heredoc {
            let (name, delimiter) = line.split_once("<<").unwrap();
            assert!(!delimiter.is_empty(), "no delimiter: {line}");
            let mut value = Vec::new();
            loop {
                let next = lines
                    .next()
                    .unwrap_or_else(|| panic!("`{delimiter}` does not come again"));
                if next == delimiter {
                    assert!(lines.peek().is_some(), "no line break after `{delimiter}`");
                    break;
                }
                value.push(next);
            }
            (name, value.join("\n"))
        } else {
            let (name, value) = line
                .split_once('=')
                .unwrap_or_else(|| panic!("neither `=` nor `<<`: {line}"));
            (name, value.to_owned())
        };
        assert!(!name.is_empty(), "no name: {line}");
        outputs.insert(name.to_owned(), value);
    }
    outputs
}
