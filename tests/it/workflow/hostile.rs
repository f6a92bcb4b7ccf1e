//! A Tableau, or something that answers in its place, that says what no honest server says.

use publish_to_tableau::tableau::DataState;
use tableau_simulator::{Paging, Seconds};

use super::*;

/// Returns what the work returns, and fails if it does not end.
fn ends<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (end, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || end.send(work()));
    let outcome = ended.recv_timeout(Duration::from_mins(2));
    outcome.expect("it ends within two minutes")
}

#[track_caller]
fn assert_signed_out(simulator: &Simulator) {
    let calls = simulator.calls();
    let last = calls.last().map(|call| call.trim_end_matches('!'));
    assert_eq!(last, Some("sign-out"), "{calls:?}");
}

/// A site whose calls are redirected to another one by a fault, and that other one.
fn redirecting(call: &str, status: u16) -> (Simulator, Simulator) {
    let other = Simulator::start();
    let settings = Settings {
        elsewhere: other.url(),
        description: tableau_simulator::DescriptionAtPublish::Reset,
        ..Settings::default()
    };
    let simulator = setup(settings, &[&format!("{call}=elsewhere-{status}")]);
    (simulator, other)
}

#[test]
fn no_call_is_sent_to_another_origin() {
    let statuses = |call| match call {
        "server-info" | "sign-in" => &[301, 302, 303, 307, 308][..],
        _ => &[307],
    };
    for call in [
        "server-info",
        "sign-in",
        "query-projects",
        "query-data-sources",
        "initiate-file-upload",
        "append-to-file-upload",
        "publish-data-source",
    ] {
        for status in statuses(call) {
            let (simulator, other) = redirecting(call, *status);
            let outcome = Run::new(&simulator).go();
            assert_eq!(other.calls(), [""; 0], "{call} {status}");
            assert_eq!(outcome.record.state, DataState::Untouched);
            drop(
                outcome
                    .failed("another origin")
                    .hinted(&format!("set `server-url: {}`", other.url())),
            );
            if call != "server-info" && call != "sign-in" {
                assert_signed_out(&simulator);
            }
        }
    }
    for call in [
        "query-job",
        "query-data-source",
        "update-data-source",
        "add-tags-to-data-source",
        "sign-out",
    ] {
        let (simulator, other) = redirecting(call, 307);
        let run = Run::new(&simulator).to(|to| {
            to.description = Some(Description::parse("x").unwrap());
            to.tags = vec![Tag::parse("x").unwrap()];
        });
        run.go().done(Change::Created);
        assert_eq!(other.calls(), [""; 0], "{call}");
        assert_signed_out(&simulator);
    }
}

#[test]
fn lists_without_an_end_are_given_up() {
    for paging in [Paging::Endless, Paging::EndlessWithoutTotal] {
        let (simulator, outcome) = ends(move || {
            let simulator = with(Settings {
                paging,
                ..Settings::default()
            });
            let outcome = Run::new(&simulator).impatient().go();
            (simulator, outcome)
        });
        assert_eq!(outcome.record.state, DataState::Untouched);
        drop(
            outcome
                .failed("failed to list the projects")
                .failed("the list does not end"),
        );
        assert_signed_out(&simulator);
    }
    // The other list, before and after a commit.
    for (n_lookups, is_published) in [(1, false), (3, true)] {
        let (simulator, outcome) = ends(move || {
            let fault = format!("query-data-sources#{n_lookups}=503");
            let simulator = Arc::new(Simulator::with([&*fault]));
            let mut run = Run::new(&simulator).impatient();
            let site = Arc::clone(&simulator);
            run.retrying = Some(Arc::new(move || {
                site.site(|site| site.settings.paging = Paging::Endless);
            }));
            let outcome = run.go();
            (simulator, outcome)
        });
        if is_published {
            assert_eq!(outcome.record.change, Some(Change::Created));
            drop(outcome.logged("could not be verified"));
        } else {
            drop(outcome.failed("the list does not end"));
        }
        assert_signed_out(&simulator);
    }
}

#[test]
fn absurd_numbers_of_pages_hide_nothing() {
    let simulator = with(Settings {
        paging: Paging::Absurd,
        ..Settings::default()
    });
    simulator.site(|site| {
        site.add_projects(2_500);
        site.add_project("The last one", None)
    });
    let run = Run::new(&simulator).project("The last one");
    run.go().done(Change::Created);
}

#[test]
fn projects_in_a_circle_cost_nothing() {
    let simulator = Simulator::start();
    simulator.site(|site| site.add_circle_of_projects(3_000));
    Run::new(&simulator).go().done(Change::Created);
    let run = Run::new(&simulator).project("Circle 2999");
    let outcome = run.go().done(Change::Created);
    let path = outcome.record.project_path.unwrap();
    assert!(
        path.ends_with("Circle 2999") && path.len() < 2_000,
        "{path}"
    );
    let run = Run::new(&simulator).project("Circel 2999");
    run.go().failed("there is no project `Circel 2999`");
}

#[test]
fn projects_are_found_with_slashes_and_blanks_too_many() {
    let simulator = Simulator::start();
    for project in [
        "Sales/EMEA/",
        "/Sales/EMEA/",
        "Sales//EMEA",
        "//Sales/EMEA",
        " Sales / EMEA ",
        "sales/emea/",
    ] {
        let outcome = Run::new(&simulator).project(project).go();
        assert_eq!(
            outcome.record.project_path.as_deref(),
            Some("Sales/EMEA"),
            "{project}: {outcome:#?}"
        );
        assert!(outcome.result.is_ok());
    }
    Run::new(&simulator)
        .project("EMEA/")
        .go()
        .failed("fits 2 projects");
    Run::new(&simulator)
        .project("/EMEA/")
        .go()
        .failed("there is no project `/EMEA/`");
    Run::new(&simulator)
        .project("//")
        .go()
        .failed("there is no project `//`");
}

#[test]
fn a_file_that_is_changed_during_the_upload_is_not_committed() {
    type Change = fn(&Path);
    let in_place: Change = |path| std::fs::write(path, vec![7; 160_005]).unwrap();
    let replaced: Change = |path| {
        let other = path.with_extension("other");
        std::fs::write(&other, vec![7; 160_005]).unwrap();
        std::fs::rename(&other, path).unwrap();
    };
    let removed: Change = |path| std::fs::remove_file(path).unwrap();
    for change in [in_place, replaced, removed] {
        for fault in ["append-to-file-upload#2=429", "append-to-file-upload#4=429"] {
            let simulator = Simulator::with([fault]);
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x.hyper");
            let mut run = Run::new(&simulator);
            std::fs::write(&path, &run.file).unwrap();
            let of_hook = path.clone();
            run.retrying = Some(Arc::new(move || change(&of_hook)));
            let outcome = run.publish(&path);
            assert_eq!(calls(&simulator, "publish-data-source"), 0, "{outcome:#?}");
            assert_eq!(outcome.record.state, DataState::Untouched);
            drop(
                outcome
                    .failed("was changed or replaced while it was uploaded")
                    .hinted("`hyper`"),
            );
            assert_signed_out(&simulator);
        }
    }
}

#[test]
fn a_commit_in_the_second_of_the_last_answer_is_told_from_earlier_ones() {
    for (as_job, job, fault) in [
        (
            AsJob::Ignored,
            JobOutcome::Success,
            "publish-data-source=lose-response",
        ),
        (AsJob::Supported, JobOutcome::Vanished, "query-job=404018"),
    ] {
        let settings = Settings {
            seconds: Seconds::Real,
            as_job,
            job,
            polls_until_done: 0,
            ..Settings::default()
        };
        let simulator = setup(settings, &[fault]);
        for (n, mode, change) in [
            (1, PublishMode::CreateNew, Change::Created),
            (2, PublishMode::Overwrite, Change::Replaced),
            (3, PublishMode::Append, Change::Appended),
        ] {
            let mut run = Run::new(&simulator).mode(mode);
            run.pace.tick = Duration::from_secs(1);
            let outcome = run.go().done(change);
            assert_eq!(calls(&simulator, "publish-data-source"), n, "{outcome:#?}");
        }
    }
}

#[test]
fn absurd_waits_end_no_run_in_the_middle() {
    let waits = [
        "429+18446744073709551615s",
        "429+last-date",
        "503+253402300800s",
    ];
    for wait in waits {
        for call in [
            "server-info",
            "sign-in",
            "query-projects",
            "query-data-sources",
            "initiate-file-upload",
        ] {
            let simulator = Simulator::with([&*format!("{call}={wait}")]);
            let outcome = Run::new(&simulator).go().failed("it asks to come back in");
            assert_eq!(outcome.record.state, DataState::Untouched, "{call}");
            if !matches!(call, "server-info" | "sign-in") {
                assert_signed_out(&simulator);
            }
        }
        for call in [
            "query-data-source",
            "update-data-source",
            "add-tags-to-data-source",
            "sign-out",
        ] {
            let simulator = Simulator::with([&*format!("{call}={wait}")]);
            let run = Run::new(&simulator).to(|to| to.tags = vec![Tag::parse("x").unwrap()]);
            run.go().done(Change::Created);
            assert_signed_out(&simulator);
        }
        let simulator = Simulator::with([&*format!("query-job={wait}")]);
        let run = Run::new(&simulator).to(|to| to.wait = Duration::from_millis(300));
        let outcome = run.go().logged("warning: Tableau still works");
        assert!(outcome.result.is_ok() && outcome.record.state == DataState::Accepted);
        assert_signed_out(&simulator);
    }
}

#[test]
fn jobs_that_never_end_are_left_when_the_wait_is_over() {
    for progress in ["18446744073709551616", "-1", "255", "1e99", ""] {
        let simulator = with(Settings {
            polls_until_done: u32::MAX,
            progress: progress.into(),
            ..Settings::default()
        });
        let mut run = Run::new(&simulator).to(|to| to.wait = Duration::from_millis(200));
        run.pace.first_wait = Duration::from_millis(5);
        let outcome = run.go().logged("warning: Tableau still works");
        assert_eq!(outcome.record.state, DataState::Accepted);
        assert_signed_out(&simulator);
    }
}

#[test]
fn a_flood_of_warnings_is_dammed() {
    let simulator = with(Settings {
        polls_until_done: 100,
        warning: Some("number {n}".into()),
        ..Settings::default()
    });
    let outcome = Run::new(&simulator).go().done(Change::Created);
    let warnings = outcome
        .log
        .iter()
        .filter(|line| line.starts_with("warning: "));
    assert_eq!(warnings.count(), 21, "{:#?}", outcome.log);
    drop(outcome.logged("further warnings of Tableau are not shown"));
}
