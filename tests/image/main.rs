//! The image, used as runners use it. `sh tests/image.sh` builds it and runs this.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::print_stdout, reason = "measurements are shown")]

#[path = "../it/extract.rs"]
mod extract;
mod runner;

use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use publish_to_tableau::report::OUTPUTS;
use runner::{Ended, Step, docker, entry_point, image};
use tableau_simulator::{CONTENT_URL, Page, Settings, Setup, Simulator, TOKEN_NAME, TOKEN_SECRET};

/// Between SIGINT and SIGTERM when the runner cancels a step.
const PATIENCE: Duration = Duration::from_millis(7_500);
/// Until a container works; one on a busy machine takes long to start.
const START_LIMIT: Duration = Duration::from_mins(5);
/// Compressed bytes an image may have more than the engine.
const BESIDE_THE_ENGINE: u64 = 10_000_000;
/// Runs whose median is told.
const RUNS: usize = 5;

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
            .contains("## ✅ Published [`dog_api_output`]("),
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
    let metadata = std::fs::metadata(hyper).unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), ended.step.owner());
    assert_eq!(metadata.mode() & 0o777, 0o644);
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
fn a_thousand_nasty_columns_stay_within_the_runners_limits() {
    let nasty = "%0A::error::x </details>|`*[a](https://example.com)";
    let names: Vec<String> = (0..1000).map(|n| format!("{nasty} {n}")).collect();
    let row = vec![nasty; 1000].join(",");
    let ended = Step::new()
        .file("x.csv", &format!("{}\n{row}\n{row}\n", names.join(",")))
        .input("publish", "false")
        .input("source", "x.csv")
        .input("csv", "delimiter=,")
        .run()
        .succeeded();
    assert!(!ended.log.contains("::error"), "{}", ended.log);
    assert!(
        ended.summary.contains("<summary>1,000 columns</summary>"),
        "{}",
        ended.summary
    );
    assert_eq!(
        ended.output("schema").matches("\"name\":").count(),
        1000,
        "columns in the output"
    );
}

#[test]
fn nothing_but_mounted_folders_is_written_and_no_capability_needed() {
    let site = Simulator::start();
    let step = dog(&site);
    let (user, group) = step.owner();
    let ended = step
        .options(["--read-only", "--cap-drop", "ALL"])
        .options(["--security-opt", "no-new-privileges"])
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
        let client = step.start();
        let engines = wait_for_engine(step.name());
        for engine in &engines {
            wait_for_work(engine);
        }
        let ended = cancel(step, client, (signal, "in SQL"));
        assert_eq!(ended.output("published"), "false");
        for engine in &engines {
            assert!(
                !Path::new(&format!("/proc/{engine}")).exists(),
                "the engine {engine} outlived {signal}"
            );
        }
    }
}

#[test]
fn a_step_that_is_cancelled_while_tableau_works_signs_out() {
    for signal in ["-INT", "-TERM"] {
        let site = Simulator::launch(Setup {
            settings: Settings {
                polls_until_done: u32::MAX,
                ..Settings::default()
            },
            ..Setup::default()
        });
        let step = dog(&site);
        let client = step.start();
        let began = Instant::now();
        while site.n_calls("query-job") == 0 {
            assert!(began.elapsed() < START_LIMIT, "no publish job");
            std::thread::sleep(Duration::from_millis(20));
        }
        let ended = cancel(step, client, (signal, "while Tableau works"));
        assert_eq!(ended.output("published"), "");
        assert!(!ended.output("job-id").is_empty(), "{}", ended.log);
        assert!(!site.site(|site| site.has_sessions()));
    }
}

/// Tells the docker client, as the runner does; the step ends soon, and its container is gone.
#[track_caller]
fn cancel(step: Step, client: Child, (signal, when): (&str, &str)) -> Ended {
    let began = Instant::now();
    let sent = Command::new("kill")
        .args([signal, &client.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    let output = client.wait_with_output().unwrap();
    let took = began.elapsed();
    let log = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(130), "after {signal}: {log}");
    assert!(took < PATIENCE, "{took:?} after {signal}");
    println!("ended {} ms after {signal} {when}", took.as_millis());
    let filter = format!("name={}", step.name());
    assert_eq!(docker(["ps", "--all", "--quiet", "--filter", &filter]), "");
    let ended = step.ended(output.status.code(), log);
    assert!(ended.log.contains("::error"), "{}", ended.log);
    assert!(ended.summary.contains("cancelled"), "{}", ended.summary);
    ended
}

/// Returns the engine's processes as the host numbers them.
fn wait_for_engine(container: &str) -> Vec<String> {
    let began = Instant::now();
    while began.elapsed() < START_LIMIT {
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
            return engines;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the engine does not start");
}

/// Waits until the engine has worked for a second, which is many times what its start takes.
fn wait_for_work(engine: &str) {
    let began = Instant::now();
    let used = || {
        let stat = std::fs::read_to_string(format!("/proc/{engine}/stat")).unwrap();
        // `utime` and `stime` are the fields 14 and 15, and the name in front may hold spaces.
        let fields = stat.rsplit(") ").next().unwrap().split(' ').skip(11);
        fields
            .take(2)
            .map(|n| n.parse::<u64>().unwrap())
            .sum::<u64>()
    };
    while used() < 100 {
        assert!(began.elapsed() < START_LIMIT, "the engine does nothing");
        std::thread::sleep(Duration::from_millis(20));
    }
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
    // As registries keep them: the image layer by layer, the engine by itself.
    let layers = folder.path().join("layers.tar");
    docker(["save", "--output", layers.to_str().unwrap(), &image()]);
    let of_image = gzipped(
        "for layer in $(tar -tf \"$1\" | grep -E '(layer.tar|blobs/sha256/.*[0-9a-f])$'); do \
         tar -xOf \"$1\" \"$layer\" | gzip; done",
        &layers,
    );
    let of_engine = gzipped("gzip < \"$1\"", &engine);
    let (of_image, of_engine) = (of_image.join().unwrap(), of_engine.join().unwrap());
    println!(
        "the image has {of_image} bytes (gzip), the engine alone {of_engine}: {} more",
        of_image.saturating_sub(of_engine)
    );
    assert!(of_image > of_engine, "no layer was found");
    assert!(of_image - of_engine <= BESIDE_THE_ENGINE);
}

/// Counts what a script writes, while other things are done.
fn gzipped(script: &str, file: &Path) -> JoinHandle<u64> {
    let mut command = Command::new("sh");
    command
        .args(["-euc", &format!("{{ {script}; }} | wc -c"), "sh"])
        .arg(file);
    std::thread::spawn(move || {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        said.trim().parse().unwrap()
    })
}

/// A container costs its start; what it starts is the binary of the image in both cases.
#[test]
fn a_container_costs_little_more_than_its_program() {
    let site = Simulator::start();
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("publish-to-tableau");
    let created = docker(["create", &image()]);
    let inside = format!("{}:{}", created.trim(), entry_point());
    docker(["cp", &inside, program.to_str().unwrap()]);
    docker(["rm", created.trim()]);
    let median = |run: &dyn Fn()| {
        let mut took = [Duration::ZERO; RUNS];
        for took in &mut took {
            let began = Instant::now();
            run();
            *took = began.elapsed();
        }
        took.sort_unstable();
        took[RUNS / 2]
    };
    let contained = median(&|| {
        dog(&site).run().succeeded();
    });
    let alone = median(&|| {
        dog(&site).run_alone(&program).succeeded();
    });
    println!(
        "the dog job takes {} ms in a container, {} ms without (medians of {RUNS})",
        contained.as_millis(),
        alone.as_millis()
    );
    assert!(contained < alone + PATIENCE);
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
        .args(["--entrypoint", &entry_point(), &image])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("::error "), "{said}");
    assert!(said.contains("runs-on: ubuntu-latest"), "{said}");
    let outputs = std::fs::read_to_string(folder.path().join("output")).unwrap();
    assert_eq!(outputs, "failed-stage=inputs\npublished=false\n");
}
