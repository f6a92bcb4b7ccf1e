//! Publish jobs: their states, their ends, and what they never tell.

use tableau_simulator::{JobOutcome, JobState, Simulator};

use crate::client::{Api, Response, datasource, extract, launch, project, sign_in};

fn start(simulator: &Simulator, api: &Api, bytes: &[u8]) -> Response {
    let sales = project(simulator, &["Sales"]);
    let id = api.upload(bytes);
    let answer = api.commit(&id, "asJob=true&overwrite=true", &datasource("X", &sales));
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(
        api.commit(&id, "asJob=true", &datasource("Y", &sales))
            .code(),
        404_015
    );
    answer
}

fn published(simulator: &Simulator) -> bool {
    simulator.site(|site| site.datasource("X").is_some())
}

#[test]
fn a_job_runs_before_it_is_finished() {
    let simulator = launch(|setup| setup.settings.polls_until_done = 2);
    let api = sign_in(&simulator);
    let accepted = start(&simulator, &api, &extract("1"));
    assert_eq!(
        (
            accepted.attribute("finishCode"),
            accepted.attribute("progress")
        ),
        ("1".to_owned(), "0".to_owned())
    );
    assert_eq!(
        (accepted.attribute("mode"), accepted.attribute("type")),
        ("Asynchronous".to_owned(), "PublishDatasource".to_owned())
    );
    assert_eq!(simulator.site(|site| site.jobs[0].state), JobState::Created);
    let path = format!("jobs/{}", accepted.attribute("id"));
    for _ in 0..2 {
        let running = api.get(&path);
        assert!(
            !running.body.contains("completedAt") && !published(&simulator),
            "{}",
            running.body
        );
        assert_eq!(simulator.site(|site| site.jobs[0].state), JobState::Running);
    }
    let finished = api.get(&path);
    assert_eq!(
        (
            finished.attribute("finishCode"),
            finished.attribute("progress")
        ),
        ("0".to_owned(), "100".to_owned())
    );
    assert!(!finished.attribute("completedAt").is_empty() && published(&simulator));
    let luid = simulator.site(|site| site.datasources[0].luid.clone());
    assert!(!finished.body.contains(&luid));
    assert_eq!(
        api.get(&path).attribute("completedAt"),
        finished.attribute("completedAt")
    );
    assert_eq!(
        api.get("jobs/00000000-0000-4000-8000-00000000ffff").code(),
        404_018
    );
}

#[test]
fn jobs_end_as_set() {
    for (outcome, code, finish_code, is_published) in [
        (JobOutcome::Success, 0, "0", true),
        (JobOutcome::Failed, 0, "1", false),
        (JobOutcome::FailedWithNotes, 0, "1", false),
        (JobOutcome::Cancelled, 0, "2", false),
        (JobOutcome::FinishCode3, 0, "3", true),
        (JobOutcome::ErrorNote, 0, "0", false),
        (JobOutcome::Vanished, 404_018, "", true),
    ] {
        let simulator = launch(|setup| {
            setup.settings.job = outcome;
            setup.settings.polls_until_done = 0;
        });
        let api = sign_in(&simulator);
        let job = start(&simulator, &api, &extract("1")).attribute("id");
        let finished = api.get(&format!("jobs/{job}"));
        assert_eq!(
            (finished.code(), published(&simulator)),
            (code, is_published),
            "{outcome:?}"
        );
        if code == 0 {
            assert_eq!(finished.attribute("finishCode"), finish_code, "{outcome:?}");
            let noted = matches!(outcome, JobOutcome::FailedWithNotes | JobOutcome::ErrorNote);
            assert_eq!(
                finished.body.contains("<statusNote "),
                noted,
                "{}",
                finished.body
            );
        }
    }
}

#[test]
fn a_bad_file_fails_the_job_without_a_word() {
    let simulator = launch(|setup| setup.settings.polls_until_done = 0);
    let api = sign_in(&simulator);
    let job = start(&simulator, &api, b"no extract").attribute("id");
    let finished = api.get(&format!("jobs/{job}"));
    assert_eq!(
        (
            finished.attribute("finishCode").as_str(),
            finished.attribute("progress").as_str()
        ),
        ("1", "100")
    );
    assert!(
        !finished.body.contains("ote") && !published(&simulator),
        "{}",
        finished.body
    );
}

#[test]
fn the_work_goes_on_when_the_answer_is_lost() {
    let simulator = Simulator::with(["publish-data-source#1=late-504"]);
    let api = sign_in(&simulator);
    let id = api.upload(&extract("1"));
    let sales = project(&simulator, &["Sales"]);
    let answer = api.commit(&id, "asJob=true", &datasource("X", &sales));
    assert_eq!((answer.status, answer.code()), (504, 0));
    let listed = || {
        api.get("datasources?filter=name:eq:X")
            .attribute("totalAvailable")
    };
    assert_eq!([listed(), listed()], ["0", "1"]);
}

#[test]
fn two_jobs_for_one_new_name_cannot_both_succeed() {
    let simulator = launch(|setup| setup.settings.polls_until_done = 0);
    let api = sign_in(&simulator);
    let sales = project(&simulator, &["Sales"]);
    let jobs = [(); 2].map(|()| {
        let id = api.upload(&extract("1"));
        api.commit(&id, "asJob=true", &datasource("X", &sales))
            .attribute("id")
    });
    assert_eq!(
        jobs.map(|job| api.get(&format!("jobs/{job}")).attribute("finishCode")),
        ["0", "1"]
    );
}
