//! The image, used as runners use it. `sh tests/image.sh` builds it and runs this.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::print_stdout, reason = "measurements are shown")]

#[path = "../it/extract.rs"]
mod extract;
mod runner;

use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use publish_to_tableau::report::OUTPUTS;
use runner::{Step, docker, image};
use tableau_simulator::{CONTENT_URL, Page, Simulator, TOKEN_NAME, TOKEN_SECRET};

/// Between SIGINT and SIGTERM when the runner cancels a step.
const PATIENCE: Duration = Duration::from_millis(7_500);
/// Compressed bytes of everything but the engine.
const BESIDE_THE_ENGINE: u64 = 10_000_000;

/// The README's first workflow.
fn dog(site: &Simulator) -> Step {
    let message = "https://images.dog.ceo/breeds/hound-afghan/n02088094_1003.jpg";
    let answer = format!("{{\"message\": \"{message}\", \"status\": \"success\"}}");
    site.serve("/dog/random", Page::json(answer));
    Step::new()
        .input("source", site.origin_url("dog/random"))
        .input(
            "sql",
            "SELECT split_part(message, '/', -2) AS breed, -- the folder's name\n       \
             message AS \"image url\",\n       _fetched_at AS created_at\nFROM input\n",
        )
        .input("datasource", "dog_api_output")
        .input("hyper", "out/of/nothing/dog.hyper")
        .input("server-url", site.url())
        .input("site", CONTENT_URL)
        .input("project", "Sales")
        .input("pat-name", TOKEN_NAME)
        .input("pat-secret", TOKEN_SECRET)
}

/// Fails unless everything below a folder belongs to the workspace's owner and may be read.
#[track_caller]
fn assert_belongs(step: &Step, folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = std::fs::metadata(&path).unwrap();
        let owner = (metadata.uid(), metadata.gid());
        assert_eq!(owner, step.owner(), "owner of {}", path.display());
        let mode = metadata.mode() & 0o777;
        let expected = if metadata.is_dir() { 0o755 } else { 0o644 };
        assert_eq!(mode, expected, "{mode:o} of {}", path.display());
        if metadata.is_dir() {
            assert_belongs(step, &path);
        }
    }
}

/// Names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_dog_job_publishes_twice() {
    let site = Simulator::start();
    let first = dog(&site).run().succeeded();
    let named: Vec<&str> = first.outputs.keys().map(String::as_str).collect();
    let mut declared = OUTPUTS;
    declared.sort_unstable();
    assert_eq!(named, declared);
    assert_eq!(first.output("published"), "true");
    assert_eq!(first.output("rows"), "1");
    assert_eq!(first.output("failed-stage"), "");
    assert_eq!(first.output("hyper"), "out/of/nothing/dog.hyper");
    assert!(
        first
            .summary
            .contains("## ✅ Published [dog&#95;api&#95;output]("),
        "{}",
        first.summary
    );
    assert!(!first.log.contains("::error"), "{}", first.log);
    assert!(!first.log.contains("::warning"), "{}", first.log);

    let workspace = first.step.workspace();
    assert_eq!(names(&workspace), ["out"]);
    assert_belongs(&first.step, &workspace);
    assert_eq!(names(&workspace.join("out/of/nothing")), ["dog.hyper"]);
    let rows = extract::read(&workspace.join("out/of/nothing/dog.hyper"));
    assert!(rows.contains("image url"), "{rows}");
    let left = ["_github_home", "_github_workflow", "_runner_file_commands"];
    assert_eq!(names(&first.step.temp()), left);

    let second = dog(&site).run().succeeded();
    assert_eq!(
        second.output("datasource-id"),
        first.output("datasource-id")
    );
    assert_eq!(site.site(|site| site.datasources.len()), 1);
}

#[test]
fn paths_of_the_host_are_understood_in_every_line() {
    let step = Step::new()
        .file("a.csv", "id,name\n1,a\n")
        .file("b.csv", "id,name\n2,b\n");
    let workspace = step.workspace();
    let host = workspace.display();
    let source = format!("{host}/a.csv\n{host}/b.csv\n");
    let hyper = format!("{host}/both.hyper");
    let ended = step
        .input("publish", "false")
        .input("source", source)
        .input("hyper", hyper)
        .run()
        .succeeded();
    assert_eq!(ended.output("rows"), "2");
    assert_eq!(ended.output("hyper"), "both.hyper");
    assert_eq!(
        names(&ended.step.workspace()),
        ["a.csv", "b.csv", "both.hyper"]
    );
    assert_belongs(&ended.step, &ended.step.workspace());
}

#[test]
fn the_temp_folder_is_named_as_the_next_step_knows_it() {
    let ended = Step::new()
        .file("a.csv", "id\n1\n")
        .input("publish", "false")
        .input("source", "a.csv")
        .run()
        .succeeded();
    let hyper = Path::new(ended.output("hyper"));
    assert!(hyper.starts_with(ended.step.temp()), "{}", hyper.display());
    assert!(extract::read(hyper).contains('1'));
}

#[test]
fn wrong_inputs_are_all_told_within_the_runners_limits() {
    let columns: Vec<String> = (0..30).map(|n| format!("c{n}: number")).collect();
    let ended = Step::new()
        .input("source", "a.csv")
        .input("columns", columns.join("\n"))
        .run();
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    assert_eq!(ended.output("failed-stage"), "inputs");
    assert!(ended.log.contains("::error title=input server-url::"));
    assert!(ended.summary.contains("c29"), "{}", ended.summary);
}

#[test]
fn nothing_but_mounted_folders_is_written_and_no_capability_needed() {
    let site = Simulator::start();
    let step = dog(&site);
    let (user, group) = step.owner();
    let ended = step
        .options(["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"])
        .options(["--user", &format!("{user}:{group}")])
        .run()
        .succeeded();
    assert_eq!(ended.output("published"), "true");
    assert_belongs(&ended.step, &ended.step.workspace());
}

#[test]
fn a_cancelled_step_ends_in_time_and_leaves_no_engine() {
    for signal in ["-INT", "-TERM"] {
        let step = Step::new()
            .file("a.csv", "id\n1\n")
            .input("publish", "false")
            .input("source", "a.csv")
            .input(
                "sql",
                "SELECT count(*) AS n FROM generate_series(1, 1000000000000) AS s(n), input",
            );
        let mut client = step.start();
        let engines = wait_for_engine(step.name());
        let began = Instant::now();
        let sent = Command::new("kill")
            .args([signal, &client.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        let code = client.wait().unwrap().code();
        let took = began.elapsed();
        assert_eq!(code, Some(130), "after {signal}");
        assert!(took < PATIENCE, "{took:?} after {signal}");
        println!("ended {} ms after {signal}", took.as_millis());
        let filter = format!("name={}", step.name());
        assert_eq!(docker(["ps", "--all", "--quiet", "--filter", &filter]), "");
        for engine in &engines {
            assert!(
                !Path::new(&format!("/proc/{engine}")).exists(),
                "the engine {engine} outlived {signal}"
            );
        }
    }
}

/// Returns the engine's processes as the host numbers them.
fn wait_for_engine(container: &str) -> Vec<String> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_mins(1) {
        // Fails as long as the container does not run.
        let top = Command::new("docker")
            .args(["top", container, "-eo", "pid,args"])
            .output()
            .unwrap();
        let lines = String::from_utf8(top.stdout).unwrap();
        let engines: Vec<String> = lines
            .lines()
            .filter(|line| line.contains("/hyperd "))
            .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
            .collect();
        if !engines.is_empty() {
            // Into the middle of the query.
            std::thread::sleep(Duration::from_secs(1));
            return engines;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the engine does not start");
}

/// Pods of Kubernetes runners keep the container alive with `tail` and execute a script in it.
#[test]
fn runners_on_kubernetes_find_what_they_execute() {
    let step = Step::new()
        .input("publish", "false")
        .input("source", "sent.csv")
        .input("hyper", "sent.hyper");
    let name = step.name().to_owned();
    let started = Command::new("docker")
        .args(["run", "--detach", "--name", &name, "--network", "none"])
        .args(["--workdir", "/github/workspace"])
        .args(step.volumes())
        .args(["--entrypoint", "tail", &image(), "-f", "/dev/null"])
        .output()
        .unwrap();
    assert!(started.status.success(), "{started:?}");

    // The hook sends files as a tar, and runs a script of `env` lines.
    let archive = tar(&[("sent.csv", "id,name\n1,a\n")]);
    let sent = execute(
        &name,
        &["tar", "xf", "-", "-C", "/github/workspace"],
        &archive,
    );
    assert_eq!(sent, (Some(0), String::new()));
    let mut script = String::from("set -e\ncd /github/workspace\nexec env");
    for (variable, value) in step.variables() {
        script += &format!(" \"{variable}={value}\"");
    }
    script += " /usr/local/bin/publish-to-tableau\n";
    std::fs::write(step.temp().join("script.sh"), script).unwrap();
    let (code, log) = execute(&name, &["sh", "-e", "/github/runner_temp/script.sh"], &[]);
    for command in [
        "find /github/workspace -name sent.hyper",
        "tar cf /dev/null -C /github/workspace .",
        "chmod 0644 /github/workspace/sent.hyper",
        "stat -c %s /github/workspace/sent.hyper",
    ] {
        let (code, said) = execute(&name, &["sh", "-c", command], &[]);
        assert_eq!(code, Some(0), "{command}: {said}");
    }
    docker(["rm", "--force", &name]);
    let ended = step.ended(code, log).succeeded();
    assert_eq!(ended.output("rows"), "1");
    assert!(extract::read(&ended.step.workspace().join("sent.hyper")).contains('a'));
}

fn execute(container: &str, command: &[&str], input: &[u8]) -> (Option<i32>, String) {
    let mut child = Command::new("docker")
        .args(["exec", "--interactive", container])
        .args(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let mut said = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    (child.wait().unwrap().code(), said)
}

/// An archive made by this machine's `tar`.
fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let output = Command::new("tar")
        .args(["cf", "-", "-C"])
        .arg(folder.path())
        .arg(".")
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout
}

/// Pulling is most of a step's time on a fresh machine: the image may be little more than the engine.
#[test]
fn the_image_is_the_engine_and_little_else() {
    let folder = tempfile::tempdir().unwrap();
    let container = docker(["create", &image()]);
    let container = container.trim();
    let unpacked = Command::new("sh")
        .args([
            "-c",
            "docker export \"$1\" | tar -x -C \"$2\" --no-same-owner",
            "sh",
        ])
        .args([container, folder.path().to_str().unwrap()])
        .status()
        .unwrap();
    docker(["rm", container]);
    assert!(unpacked.success());

    let engine = folder.path().join("opt/hyper/hyperd");
    assert_eq!(
        std::fs::metadata(&engine).unwrap().len(),
        std::fs::metadata(extract::hyperd()).unwrap().len(),
        "the engine of the image and the one of the tests"
    );
    let notices = ["LICENSE", "NOTICES.txt", "HYPER_API_OSS_disclosure.txt"];
    for notice in notices {
        assert!(folder.path().join("opt/hyper").join(notice).exists());
    }
    std::fs::remove_file(engine).unwrap();
    let rest = Command::new("sh")
        .args(["-c", "tar -cz -C \"$1\" . | wc -c", "sh"])
        .arg(folder.path())
        .output()
        .unwrap();
    let rest: u64 = String::from_utf8(rest.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    println!("{rest} bytes (gzip) beside the engine");
    assert!(rest < BESIDE_THE_ENGINE, "{rest} bytes beside the engine");
}

/// ARM runners get an image too, with nothing in it but a sentence.
#[test]
fn an_arm_runner_is_told_what_to_change() {
    let Ok(image) = std::env::var("ARM_IMAGE") else {
        panic!("ARM_IMAGE names the image for ARM: run `sh tests/image.sh`");
    };
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("docker")
        .args(["run", "--rm", "--network", "none"])
        .args(["-e", "GITHUB_OUTPUT=/files/output", "-v"])
        .arg(format!("{}:/files", folder.path().display()))
        .args(["--entrypoint", "/usr/local/bin/publish-to-tableau", &image])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("::error "), "{said}");
    assert!(said.contains("runs-on: ubuntu-latest"), "{said}");
    let outputs = std::fs::read_to_string(folder.path().join("output")).unwrap();
    assert_eq!(outputs, "failed-stage=inputs\npublished=false\n");
}
