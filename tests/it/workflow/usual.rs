//! Publishing as it should go: modes, names, versions, jobs.

use super::*;
use crate::server::{Server, answer};

#[test]
fn all_three_modes() {
    let simulator = Simulator::start();
    let run = Run::new(&simulator).mode(PublishMode::CreateNew);
    let created = run.go().done(Change::Created).silent_about("warning");
    assert_eq!(created.secrets.len(), 1);
    assert_eq!(created.record.project_path.as_deref(), Some("Sales/EMEA"));
    assert!(created.record.job.is_some());
    assert_eq!(created.record.bytes, 160_005);
    holds(&simulator, &run, 1);
    assert_eq!(calls(&simulator, "append-to-file-upload"), 4);
    assert_eq!(
        simulator.calls().last().map(String::as_str),
        Some("sign-out")
    );

    run.go().failed("already exists").hinted("mode: overwrite");
    assert_eq!(calls(&simulator, "initiate-file-upload"), 1);

    let run = run.mode(PublishMode::Overwrite);
    let replaced = run.go().done(Change::Replaced).silent_about("warning");
    assert_eq!(replaced.record.datasource, created.record.datasource);
    holds(&simulator, &run, 1);

    let run = run.mode(PublishMode::Append);
    run.go().done(Change::Appended).silent_about("warning");
    holds(&simulator, &run, 2);

    run.datasource("Nothing")
        .impatient()
        .go()
        .failed("no data source `Nothing`")
        .hinted("mode: overwrite");
    assert_eq!(calls(&simulator, "initiate-file-upload"), 3);
}

#[test]
fn names_are_the_same_in_any_case() {
    for filter_case in [FilterCase::Sensitive, FilterCase::Insensitive] {
        let simulator = with(Settings {
            filter_case,
            ..Settings::default()
        });
        Run::new(&simulator)
            .datasource("Größe & Co")
            .go()
            .done(Change::Created);
        Run::new(&simulator)
            .datasource("größe & CO")
            .go()
            .done(Change::Replaced);
    }
}

#[test]
fn awkward_names_of_projects_and_data_sources() {
    let simulator = Simulator::start();
    for project in [
        "Sales & Ops",
        "Größe, Maß: Überblick",
        "Tief/er",
        "Stern*chen",
        "[Archiv] \"alt\" <1>",
        "O'Brien",
        "default",
    ] {
        for name in ["Plain", "a, b & c: [d] * \"e\" <f>", "北京 + 1"] {
            let run = Run::new(&simulator).project(project).datasource(name);
            run.go().done(Change::Created).silent_about("warning");
            run.go().done(Change::Replaced).silent_about("warning");
        }
    }
}

#[test]
fn projects_on_several_pages_and_with_one_name() {
    let mut site = Site::default();
    site.add_projects(2500);
    let simulator = Simulator::launch(Setup {
        site,
        ..Setup::default()
    });
    Run::new(&simulator)
        .project("Project 2500")
        .go()
        .done(Change::Created);
    assert_eq!(calls(&simulator, "query-projects"), 3);
    Run::new(&simulator)
        .project("project 2499")
        .go()
        .done(Change::Created);
    Run::new(&simulator)
        .project("EMEA")
        .go()
        .failed("`/Finance/EMEA` (")
        .failed("`/Sales/EMEA` (")
        .hinted("LUID");
    Run::new(&simulator)
        .project("Project 25000")
        .go()
        .failed("no project")
        .hinted("`Project 2500`");
    let luid = simulator.site(|site| site.project(&["Finance", "EMEA"]).unwrap().luid.clone());
    let run = Run::new(&simulator).project(&luid).datasource("By LUID");
    let record = run.go().done(Change::Created).record;
    assert_eq!(record.project_path.as_deref(), Some("Finance/EMEA"));
}

#[test]
fn description_and_tags() {
    let simulator = Simulator::start();
    let text = "line one\n\"two\" & <three>";
    let run = Run::new(&simulator).to(|to| {
        to.description = Some(Description::parse(text).unwrap());
        to.tags = ["finance", "daily load", "a,b"]
            .map(|tag| Tag::parse(tag).unwrap())
            .to_vec();
    });
    run.go().done(Change::Created).silent_about("warning");
    let look = |simulator: &Simulator| {
        simulator.site(|site| {
            let datasource = site.datasource("Orders").unwrap();
            (datasource.description.clone(), datasource.tags.clone())
        })
    };
    assert_eq!(
        look(&simulator),
        (
            text.to_owned(),
            vec!["finance".into(), "daily load".into(), "a,b".into()]
        )
    );
    Run::new(&simulator).go().done(Change::Replaced);
    assert_eq!(look(&simulator).0, text);
    simulator.add_fault("add-tags-to-data-source=403004".parse::<Fault>().unwrap());
    run.go()
        .done(Change::Replaced)
        .logged("warning: the data is published, but not tagged");
}

#[test]
fn jobs_end_in_many_ways() {
    let job = |job| {
        with(Settings {
            job,
            ..Settings::default()
        })
    };
    let run = |simulator: &Simulator| Run::new(simulator).go();
    let simulator = job(JobOutcome::FinishCode3);
    run(&simulator).done(Change::Created);
    let simulator = job(JobOutcome::Vanished);
    run(&simulator)
        .done(Change::Created)
        .logged("looking at the data source instead");
    let simulator = job(JobOutcome::Failed);
    let outcome = run(&simulator)
        .failed("failed, and Tableau gives no reason")
        .hinted("mode: append");
    assert!(outcome.record.job.is_some() && outcome.record.change.is_none());
    run(&job(JobOutcome::FailedWithNotes))
        .failed("publish job")
        .failed("failed: ");
    run(&job(JobOutcome::Cancelled)).failed("was cancelled");
    run(&job(JobOutcome::ErrorNote)).failed("failed: ");
    let simulator = Simulator::with(["query-job=404018"]);
    run(&simulator).done(Change::Created);
    let simulator = setup(
        Settings {
            job: JobOutcome::Failed,
            ..Settings::default()
        },
        &["query-job=404018"],
    );
    Run::new(&simulator)
        .impatient()
        .go()
        .failed("it is not known whether the data will arrive (`Orders` was not seen)")
        .hinted("mode: overwrite");
    let simulator = setup(
        Settings {
            polls_until_done: 5,
            ..Settings::default()
        },
        &[
            "query-job#2=503",
            "query-job#3=503",
            "query-job#4=503",
            "query-job#5=503",
        ],
    );
    run(&simulator)
        .done(Change::Created)
        .logged("still waiting");
}

#[test]
fn the_wait_runs_out() {
    let simulator = with(Settings {
        polls_until_done: u32::MAX,
        ..Settings::default()
    });
    let outcome = Run::new(&simulator)
        .to(|to| to.wait = Duration::from_millis(100))
        .go();
    assert!(
        outcome.result.is_ok() && outcome.record.job.is_some() && outcome.record.change.is_none()
    );
    drop(outcome.logged("warning: Tableau still works"));
    let simulator = Simulator::start();
    let outcome = Run::new(&simulator).to(|to| to.wait = Duration::ZERO).go();
    assert!(
        outcome.result.is_ok() && outcome.record.job.is_some() && outcome.record.change.is_none()
    );
    assert_eq!(calls(&simulator, "query-job"), 0);
    assert_eq!(
        simulator.calls().last().map(String::as_str),
        Some("sign-out")
    );
    drop(outcome.logged("`wait: 0`").silent_about("warning"));
}

#[test]
fn new_content_is_late_in_lists() {
    let simulator = with(Settings {
        index_lag: 8,
        ..Settings::default()
    });
    Run::new(&simulator).go().done(Change::Created);
    let simulator = with(Settings {
        index_lag: 1_000_000,
        ..Settings::default()
    });
    let outcome = Run::new(&simulator)
        .impatient()
        .go()
        .logged("is not listed in project `Sales/EMEA` yet");
    assert!(
        outcome.result.is_ok()
            && outcome.record.change == Some(Change::Created)
            && outcome.record.datasource.is_none()
    );
    // A synchronous answer names the LUID, which needs no list.
    let simulator = with(Settings {
        index_lag: 1_000_000,
        as_job: AsJob::Ignored,
        ..Settings::default()
    });
    Run::new(&simulator).go().done(Change::Created);
}

#[test]
fn answers_in_every_style() {
    for xml in [
        XmlStyle::Plain,
        XmlStyle::Prefixed,
        XmlStyle::Bare,
        XmlStyle::Adorned,
    ] {
        for append_status in [200, 201] {
            let simulator = with(Settings {
                xml,
                append_status,
                ..Settings::default()
            });
            let run = Run::new(&simulator);
            run.go().done(Change::Created);
            run.go().done(Change::Replaced);
            run.mode(PublishMode::CreateNew)
                .go()
                .failed("already exists");
        }
    }
}

#[test]
fn the_token_may_be_wrong() {
    let simulator = Simulator::start();
    Run::new(&simulator)
        .to(|to| to.token.secret = TokenSecret::parse("wrong").unwrap())
        .go()
        .failed("Tableau answered 401001: ");
    Run::new(&simulator)
        .to(|to| to.site = SiteContentUrl::parse("").unwrap())
        .go()
        .failed("no default site");
}

#[test]
fn versions_are_compared_by_number() {
    for (rest_api_version, spoken) in [
        ("3.6", "3.6"),
        ("3.10", "3.10"),
        ("3.31", "3.29"),
        ("4.0", "3.29"),
    ] {
        let simulator = with(Settings {
            rest_api_version: rest_api_version.into(),
            ..Settings::default()
        });
        let outcome = Run::new(&simulator).go().done(Change::Created);
        assert_eq!(outcome.record.api_version.as_deref(), Some(spoken));
    }
    let simulator = with(Settings {
        rest_api_version: "3.5".into(),
        ..Settings::default()
    });
    Run::new(&simulator)
        .go()
        .failed("personal access tokens came with 3.6")
        .hinted("server-url");
}

#[test]
fn a_redirect_keeps_the_call_and_decides_the_base() {
    for call in [
        "server-info#1",
        "sign-in#1",
        "initiate-file-upload#1",
        "append-to-file-upload#2",
        "publish-data-source#1",
    ] {
        let simulator = Simulator::with([&*format!("{call}=redirect")]);
        let run = Run::new(&simulator);
        run.go().done(Change::Created);
        holds(&simulator, &run, 1);
    }
}

#[test]
fn warnings_of_tableau_are_passed_on_once() {
    let simulator = with(Settings {
        xml: XmlStyle::Adorned,
        ..Settings::default()
    });
    let outcome = Run::new(&simulator).go().done(Change::Created);
    let warnings = outcome
        .log
        .iter()
        .filter(|line| line.contains("Tableau warns"))
        .count();
    assert_eq!(warnings, 1, "{:#?}", outcome.log);
}

#[test]
fn a_large_file_arrives_whole() {
    let simulator = Simulator::start();
    let mut run = Run::new(&simulator);
    run.file = [
        b"Hyper".to_vec(),
        (0..120u8).flat_map(|n| vec![n; 1 << 20]).collect(),
    ]
    .concat();
    run.pace.chunk = Pace::default().chunk;
    run.go().done(Change::Created).logged("in 3 chunks");
    holds(&simulator, &run, 1);
}

#[test]
fn paths_of_the_server_do_not_count_and_a_signpost_names_the_pod() {
    let simulator = Simulator::start();
    for path in ["/some/path/?a=b#/site/acme/home", "//"] {
        let server = format!("{}{path}", simulator.url());
        let run = Run::new(&simulator).to(|to| to.server = server.parse().unwrap());
        let outcome = run.go();
        assert!(outcome.result.is_ok(), "{:?}", outcome.result);
        drop(outcome.logged(&format!("at {}, REST API", simulator.url())));
    }
    let pod = signpost(&simulator.url());
    let run = Run::new(&simulator).to(|to| to.server = pod.parse().unwrap());
    drop(
        run.go()
            .failed("another origin")
            .hinted(&format!("set `server-url: {}`", simulator.url())),
    );
}

/// Stands for `online.tableau.com`: sends whatever asks elsewhere.
fn signpost(to: &str) -> String {
    let to = to.to_owned();
    let server = Server::start(move |asked, _| {
        assert_eq!(
            (asked.method.as_str(), asked.target.as_str()),
            ("GET", "/api/2.4/serverInfo")
        );
        let location = format!("Location: {to}{}", asked.target);
        answer("301 Moved Permanently", &[&location], "")
    });
    server.url("")
}

#[test]
fn a_server_that_cannot_read_the_file_is_told_before_anything_is_sent() {
    let simulator = with(Settings {
        product_version: "2022.4.3".into(),
        rest_api_version: "3.18".into(),
        ..Settings::default()
    });
    Run::new(&simulator)
        .go()
        .failed("the server is Tableau 2022.4.3")
        .failed("Tableau 2023.1 and later read")
        .hinted("server-url");
    assert_eq!(simulator.calls(), ["server-info"]);
}

#[test]
fn a_data_source_that_moves_away_meanwhile_is_not_taken_for_the_new_one() {
    for change in ["move", "rename"] {
        let simulator = with(Settings {
            polls_until_done: u32::MAX,
            ..Settings::default()
        });
        let old = simulator.site(|site| {
            let emea = site.project(&["Sales", "EMEA"]).unwrap().luid.clone();
            site.add_datasource("Orders", &emea)
        });
        let simulator = Arc::new(simulator);
        let world = Arc::clone(&simulator);
        let run = Run::new(&simulator).progressing(move |progress| {
            if !matches!(progress, Progress::Job { .. }) {
                return;
            }
            world.site(|site| {
                let finance = site.project(&["Finance"]).unwrap().luid.clone();
                let old = &mut site.datasources[0];
                if change == "move" {
                    old.project = finance;
                } else {
                    "Orders of last year".clone_into(&mut old.name);
                }
                old.updated_at = "2026-02-02T00:00:00Z".into();
                site.finish_jobs();
            });
        });
        let outcome = run.go();
        assert!(outcome.result.is_ok(), "{:?}", outcome.result);
        let new = simulator.site(|site| {
            let new = site.datasources.last().unwrap();
            assert_ne!(new.luid, old);
            new.luid.clone()
        });
        assert_eq!(outcome.record.datasource.as_ref().unwrap().as_str(), new);
        drop(outcome.logged("the LUID of `Orders` changed"));
    }
}

#[test]
fn the_spelling_of_the_first_publish_stays() {
    let simulator = Simulator::start();
    Run::new(&simulator).go().done(Change::Created);
    Run::new(&simulator)
        .datasource("ORDERS")
        .go()
        .done(Change::Replaced)
        .logged("keeps `Orders` for `ORDERS`");
}

#[test]
fn a_redirect_to_another_host_does_not_see_the_token() {
    let stranger = Server::start(|_, _| answer("200 OK", &[], ""));
    let elsewhere = stranger.url("");
    let location = format!("Location: {}", stranger.url("/api/3.29/auth/signin"));
    let server = Server::start(move |asked, _| {
        if asked.target != "/api/2.4/serverInfo" {
            return answer("307 Temporary Redirect", &[&location], "");
        }
        let info = "<tsResponse><serverInfo><productVersion>2026.2.0</productVersion><restApiVersion>3.29</restApiVersion></serverInfo></tsResponse>";
        answer("200 OK", &[], info)
    });
    let server = server.url("");
    let simulator = Simulator::start();
    Run::new(&simulator)
        .to(|to| to.server = server.parse().unwrap())
        .go()
        .failed("another origin, which must not see the credentials")
        .failed(&elsewhere)
        .hinted("if you trust it");
    assert!(stranger.asked().is_empty(), "the other host was called");
}

#[test]
fn a_create_new_whose_first_commit_comes_through_late() {
    // The second commit's job fails because the first one's has made the data source meanwhile.
    let simulator = setup(
        Settings {
            polls_until_done: u32::MAX,
            ..Settings::default()
        },
        &["publish-data-source#1=lose-response"],
    );
    let simulator = Arc::new(simulator);
    let world = Arc::clone(&simulator);
    let mut run = Run::new(&simulator)
        .mode(PublishMode::CreateNew)
        .progressing(move |progress| {
            if matches!(progress, Progress::Job { .. }) {
                world.site(Site::finish_jobs);
            }
        });
    run.pace.index_lag = Duration::ZERO;
    let outcome = run.go();
    assert_eq!(calls(&simulator, "publish-data-source"), 2);
    drop(
        outcome
            .done(Change::Created)
            .logged("looking whether the first commit arrived"),
    );
    holds(&simulator, &run, 1);
}
