//! Lists that are late: what an earlier run published must not be taken for this run's own work.

use publish_to_tableau::tableau::DataState;

use super::*;

/// A site whose lists show each publish `lists` lists later.
fn late(lists: u32, as_job: AsJob, job: JobOutcome) -> Simulator {
    with(Settings {
        index_lag: lists,
        as_job,
        job,
        ..Settings::default()
    })
}

/// An earlier run has created the data source, and no list shows it yet.
fn created_unseen(lists: u32) -> (Simulator, Run) {
    let simulator = late(lists, AsJob::Ignored, JobOutcome::Success);
    let run = Run::new(&simulator);
    run.go().done(Change::Created);
    let mut next = Run::new(&simulator);
    next.file[10] ^= 1;
    (simulator, next)
}

fn fault(simulator: &Simulator, fault: &str) {
    simulator.add_fault(fault.parse().unwrap());
}

#[test]
fn overwrite_publishes_again_what_it_cannot_tell_from_an_earlier_run() {
    for effect in ["503", "refuse", "garbage", "lose-response"] {
        let (simulator, mut run) = created_unseen(3);
        fault(&simulator, &format!("publish-data-source#2={effect}"));
        if matches!(effect, "503" | "refuse") {
            run = run.impatient();
        }
        let outcome = run.go();
        assert!(outcome.result.is_ok(), "{effect}: {outcome:#?}");
        holds(&simulator, &run, 1);
        let n_commits = calls(&simulator, "publish-data-source");
        if matches!(effect, "503" | "refuse") {
            drop(outcome.logged("publishing again"));
            assert_eq!(n_commits, 3, "{effect}");
        } else {
            // It was carried out, and the time of change shows it.
            assert_eq!(n_commits, 2, "{effect}");
        }
    }
    // Nor is it taken for the work of the second commit.
    let (simulator, run) = created_unseen(3);
    fault(&simulator, "publish-data-source#2=503");
    fault(&simulator, "publish-data-source#3=503");
    let outcome = run.impatient().go().failed("nothing tells whether");
    assert_eq!(outcome.record.state, DataState::Unknown);
    drop(outcome.hinted("running again is harmless"));
}

#[test]
fn create_new_says_that_it_cannot_know() {
    let (simulator, run) = created_unseen(3);
    fault(&simulator, "publish-data-source#2=503");
    let outcome = run.mode(PublishMode::CreateNew).go();
    assert_eq!(outcome.record.state, DataState::Unknown);
    assert_eq!(outcome.record.change, None);
    drop(
        outcome
            .failed("nothing tells whether")
            .failed("the server answered 503")
            .hinted("`datasource`"),
    );
    assert_eq!(calls(&simulator, "publish-data-source"), 2);
    // Still unseen after the first commit: the second meets it and is refused.
    let (simulator, run) = created_unseen(1_000_000);
    fault(&simulator, "publish-data-source#2=503");
    let run = run.mode(PublishMode::CreateNew).impatient();
    let outcome = run.go().failed("403007");
    assert_eq!(outcome.record.state, DataState::Unknown);
    // A plain refusal is certain.
    let (_simulator, run) = created_unseen(1_000);
    let outcome = run.mode(PublishMode::CreateNew).go().failed("403007");
    assert_eq!(outcome.record.state, DataState::Untouched);
}

#[test]
fn a_change_of_an_earlier_run_is_no_proof() {
    // Lists show the data source as it was before the last publish.
    for mode in [PublishMode::Append, PublishMode::Overwrite] {
        let simulator = late(3, AsJob::Ignored, JobOutcome::Success);
        let first = Run::new(&simulator);
        first.go().done(Change::Created);
        while simulator.site(|site| site.datasource("Orders").unwrap().is_late()) {
            let _ = Run::new(&simulator).mode(PublishMode::CreateNew).go();
        }
        first.go().done(Change::Replaced);
        let n_commits = calls(&simulator, "publish-data-source");
        fault(
            &simulator,
            &format!("publish-data-source#{}=503", n_commits + 1),
        );
        let mut run = Run::new(&simulator).mode(mode).impatient();
        run.file[10] ^= 1;
        let outcome = run.go();
        if mode == PublishMode::Append {
            assert_eq!(outcome.record.state, DataState::Unknown);
            drop(
                outcome
                    .failed("it is not known whether")
                    .hinted("count the rows"),
            );
            holds(&simulator, &first, 1);
        } else {
            outcome
                .done(Change::Replaced)
                .logged("nothing has changed; publishing again");
            holds(&simulator, &run, 1);
        }
    }
}

#[test]
fn a_job_that_vanished_is_not_proved_by_an_older_data_source() {
    let (simulator, run) = created_unseen(3);
    simulator.site(|site| {
        site.settings.as_job = AsJob::Supported;
        site.settings.job = JobOutcome::Failed;
    });
    fault(&simulator, "query-job=404018");
    let run = run.impatient();
    let outcome = run.go();
    assert_eq!(outcome.record.change, None, "{outcome:#?}");
    assert_eq!(outcome.record.state, DataState::Unknown);
    drop(outcome.failed("nothing tells whether"));
    let arrived = arrived(&simulator, "Orders");
    assert!(arrived.len() == 1 && arrived[0] != run.file);
}

#[test]
fn what_is_deleted_or_replaced_during_the_upload_is_noticed_before_the_commit() {
    let simulator = Simulator::start();
    let run = Run::new(&simulator);
    run.go().done(Change::Created);
    let simulator = Arc::new(simulator);
    let world = Arc::clone(&simulator);
    let run = Run::new(&simulator)
        .mode(PublishMode::Append)
        .progressing(move |progress| {
            assert!(matches!(progress, Progress::Sent { .. }), "{progress:?}");
            world.site(|site| site.datasources.clear());
        });
    let outcome = run.go();
    assert_eq!(outcome.record.state, DataState::Untouched);
    drop(outcome.failed("there is no data source `Orders`"));
    assert_eq!(calls(&simulator, "publish-data-source"), 1);
}

#[test]
fn an_old_description_in_a_list_does_not_replace_the_new_one() {
    let simulator = late(0, AsJob::Ignored, JobOutcome::Success);
    let describe = |text: &str| {
        let run = Run::new(&simulator);
        let run = run.to(|to| to.description = Some(Description::parse(text).unwrap()));
        assert!(run.go().result.is_ok());
    };
    describe("one");
    simulator.site(|site| site.settings.index_lag = 100);
    describe("two");
    Run::new(&simulator).go().done(Change::Replaced);
    let held = simulator.site(|site| site.datasource("Orders").unwrap().description.clone());
    assert_eq!(held, "two");
}

#[test]
fn append_finds_what_was_created_a_moment_ago() {
    let simulator = late(12, AsJob::Ignored, JobOutcome::Success);
    let run = Run::new(&simulator);
    run.go().done(Change::Created);
    let next = Run::new(&simulator).mode(PublishMode::Append);
    next.go().done(Change::Appended);
    holds(&simulator, &run, 2);
}
