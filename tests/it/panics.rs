//! A panic anywhere ends like a failure: told with its stage, outputs, summary, sign-out, no engine, exit code 1.

use tableau_simulator::{Setup, Simulator};

use crate::harness::{Action, leftovers};

/// Read in builds for tests only: panics at the first event that tells of the text.
const PANIC: &str = "PUBLISH_TO_TABLEAU_TEST_PANIC";

/// An event of each stage, the stage it is in, and what is said of the published data.
const PLACES: [(&str, &str, &str); 8] = [
    ("inputs", "inputs", "Tableau was not contacted"),
    ("Started(Fetch)", "fetch", "the published data is as it was"),
    ("Started(Type)", "type", "the published data is as it was"),
    ("Started(Shape)", "shape", "the published data is as it was"),
    ("Finished(Shape", "shape", "the published data is as it was"),
    ("Started(Check)", "check", "the published data is as it was"),
    (
        "Started(Publish)",
        "publish",
        "the published data is as it was",
    ),
    ("signed in to", "publish", "the published data is as it was"),
];

#[test]
fn a_panic_in_any_stage_ends_like_a_failure() {
    for (place, stage, known) in PLACES {
        let site = Simulator::launch(Setup::default());
        let run = Action::publishing_to(&site)
            .file("a.csv", "a\n1\n")
            .input("source", "a.csv")
            .variable(PANIC, place)
            .run();
        assert_eq!(run.code, Some(1), "{place}: {}", run.raw);
        assert_eq!(run.output("failed-stage"), stage, "{place}");
        assert_eq!(run.output("published"), "false", "{place}");
        let [annotation] = run.annotations.as_slice() else {
            panic!("{place}: {:?}", run.annotations);
        };
        for part in [
            &format!("title={stage}::"),
            "the action itself failed (panic at src/",
            "planted at",
            "report it",
        ] {
            assert!(annotation.contains(part), "{place}: {annotation}");
        }
        let summary = run.summary.to_lowercase();
        for part in [
            "not published",
            "the action itself failed",
            &known.to_lowercase(),
        ] {
            let is_input = stage == "inputs" && part != "the action itself failed";
            assert!(
                is_input || summary.contains(part),
                "{place}: {part} is not in {summary}"
            );
        }
        assert_eq!(
            leftovers(&run.machine.temp(), &["Orders.hyper"]),
            Vec::<String>::new(),
            "{place}"
        );
        assert_eq!(
            still_running(&run.machine.temp()),
            0,
            "{place}: an engine is left"
        );
        let calls = site.calls();
        let n_of = |name: &str| calls.iter().filter(|call| call.contains(name)).count();
        assert_eq!(n_of("sign-in"), n_of("sign-out"), "{place}: {calls:?}");
        assert_eq!(
            n_of("sign-in"),
            usize::from(stage == "publish" && place != "Started(Publish)"),
            "{place}"
        );
    }
}

/// Processes that work below a folder, as an engine does, also if the folder is gone.
fn still_running(folder: &std::path::Path) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let places =
        processes.filter_map(|process| std::fs::read_link(process.path().join("cwd")).ok());
    places.filter(|place| place.starts_with(folder)).count()
}

#[test]
fn a_panic_after_the_commit_says_what_is_known() {
    let site = Simulator::launch(Setup::default());
    let run = Action::publishing_to(&site)
        .file("a.csv", "a\n1\n")
        .input("source", "a.csv")
        .variable(PANIC, "Job {")
        .run();
    assert_eq!(run.code, Some(1), "{}", run.raw);
    assert_eq!(run.output("failed-stage"), "publish");
    assert_eq!(run.output("published"), "", "{}", run.raw);
    assert_ne!(run.output("job-id"), "");
    assert!(
        run.summary.contains("goes on with it as job"),
        "{}",
        run.summary
    );
    assert!(site.calls().iter().any(|call| call.contains("sign-out")));
}

#[test]
fn what_cannot_be_written_for_the_runner_leaves_no_doubt_about_the_data() {
    for (variable, what) in [
        ("GITHUB_OUTPUT", "outputs"),
        ("GITHUB_STEP_SUMMARY", "job summary"),
    ] {
        let site = Simulator::launch(Setup::default());
        let run = Action::publishing_to(&site)
            .file("a.csv", "a\n1\n")
            .input("source", "a.csv")
            .variable(variable, "/nowhere/file")
            .run();
        assert_eq!(run.code, Some(1), "{}", run.raw);
        let [annotation] = run.annotations.as_slice() else {
            panic!("{:?}", run.annotations);
        };
        for part in [
            &format!("cannot write the {what}"),
            "/nowhere/file",
            "the data is published",
        ] {
            assert!(annotation.contains(part), "{annotation}");
        }
        assert_eq!(site.n_calls("publish-data-source"), 1);
    }
}

#[test]
fn a_machine_with_few_file_descriptors_is_told_of() {
    for limit in [5, 6, 7, 8, 10, 12, 16, 20, 24, 32] {
        let site = Simulator::launch(Setup::default());
        let action = Action::publishing_to(&site)
            .file("a.csv", "a\n1\n")
            .input("source", "a.csv");
        let program = action.command();
        let mut command = std::process::Command::new("prlimit");
        command
            .arg(format!("--nofile={limit}"))
            .arg(program.get_program())
            .env_clear()
            .envs(
                program
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .current_dir(action.workspace());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let is_done = output.status.code() == Some(0);
        assert!(
            is_done || output.status.code() == Some(1),
            "{limit}: {:?} {said}",
            output.status
        );
        assert!(is_done || said.contains("::error"), "{limit}: {said}");
        assert!(is_done || !said.contains("panic"), "{limit}: {said}");
    }
}
