//! Publishing when Tableau, the network or another run gets in the way.

use super::*;
use crate::server::{Server, answer};

#[test]
fn a_session_displaced_once_is_renewed() {
    for call in [
        "query-projects#1",
        "query-data-sources#1",
        "initiate-file-upload#1",
        "append-to-file-upload#2",
        "publish-data-source#1",
        "query-job#1",
        "query-data-sources#3",
    ] {
        let simulator = Simulator::with([&*format!("{call}=401002")]);
        let run = Run::new(&simulator);
        let outcome = run.go().done(Change::Created).logged("401002");
        assert_eq!(outcome.secrets.len(), 2, "{call}");
        holds(&simulator, &run, 1);
    }
}

#[test]
fn a_session_displaced_twice_names_the_other_run() {
    let simulator = Simulator::with(["query-job=401002"]);
    let outcome = Run::new(&simulator)
        .go()
        .failed("another run signs in with the same personal access token")
        .hinted("`concurrency:` group")
        .hinted("`strategy: max-parallel: 1`");
    assert!(outcome.record.job.is_some());
    assert_eq!(calls(&simulator, "sign-in"), 51);
    // One warning, however often it has happened.
    let warnings = outcome
        .log
        .iter()
        .filter(|line| line.starts_with("warning: "));
    assert_eq!(warnings.count(), 1, "{:#?}", outcome.log);

    // Who does not want to wait is told at once.
    let simulator = Simulator::with(["initiate-file-upload=401002"]);
    let run = Run::new(&simulator).to(|to| to.wait = Duration::ZERO);
    drop(run.go().failed("another run"));
    assert_eq!(calls(&simulator, "sign-in"), 2);

    // Nor does the waiting last longer than `wait`.
    let simulator = Simulator::with(["initiate-file-upload=401002"]);
    let mut run = Run::new(&simulator).to(|to| to.wait = Duration::from_millis(500));
    run.pace.first_wait = Duration::from_millis(10);
    let began = std::time::Instant::now();
    drop(run.go().failed("another run"));
    assert!(began.elapsed() < Duration::from_secs(20));
    assert!((3..8).contains(&calls(&simulator, "sign-in")));
}

#[test]
fn a_session_that_lasts_for_a_few_calls_is_enough() {
    let simulator = with(Settings {
        token_lifetime: Some(4),
        ..Settings::default()
    });
    let run = Run::new(&simulator);
    run.go().done(Change::Created);
    holds(&simulator, &run, 1);
}

#[test]
fn an_upload_that_dies_with_its_token_begins_again() {
    let settings = Settings {
        uploads: UploadLife::DiesWithToken,
        ..Settings::default()
    };
    for call in ["append-to-file-upload#2", "publish-data-source#1"] {
        let simulator = setup(settings.clone(), &[&format!("{call}=401002")]);
        let run = Run::new(&simulator);
        run.go().done(Change::Created).logged("404015");
        assert_eq!(calls(&simulator, "initiate-file-upload"), 2);
        holds(&simulator, &run, 1);
    }
    let simulator = Simulator::with(["append-to-file-upload#3=404015"]);
    let run = Run::new(&simulator);
    run.go()
        .done(Change::Created)
        .logged("beginning the upload again");
    holds(&simulator, &run, 1);
}

#[test]
fn a_lost_append_answer_restarts_the_upload() {
    for effect in [
        "lose-response",
        "late-504",
        "truncate",
        "garbage",
        "503",
        "refuse",
    ] {
        let simulator = Simulator::with([&*format!("append-to-file-upload#2={effect}")]);
        let run = Run::new(&simulator);
        run.go()
            .done(Change::Created)
            .logged("beginning the upload again");
        holds(&simulator, &run, 1);
        assert_eq!(calls(&simulator, "initiate-file-upload"), 2, "{effect}");
    }
    let simulator = Simulator::with(["append-to-file-upload=lose-response"]);
    Run::new(&simulator)
        .go()
        .failed("the upload broke off 3 times")
        .hinted("server-url");
    assert_eq!(
        simulator.calls().last().map(String::as_str),
        Some("sign-out")
    );
}

#[test]
fn chunks_become_smaller_when_the_way_is_narrow() {
    let simulator = Simulator::with(["append-to-file-upload#1=413"]);
    let mut run = Run::new(&simulator);
    run.file = [b"Hyper".to_vec(), vec![7; 5 << 20]].concat();
    run.pace.chunk = 50 << 20;
    run.go()
        .done(Change::Created)
        .logged("uploaded 5.2 MB in 2 chunks");
    holds(&simulator, &run, 1);

    let simulator = with(Settings {
        chunk_limit: 1 << 20,
        ..Settings::default()
    });
    run.to.server = simulator.url().parse().unwrap();
    run.go().done(Change::Created).logged("in 6 chunks");
    holds(&simulator, &run, 1);

    let simulator = Simulator::with(["append-to-file-upload=413"]);
    run.to.server = simulator.url().parse().unwrap();
    run.go().failed("413").hinted("server-url");
}

#[test]
fn a_lost_publish_answer() {
    for effect in ["lose-response", "late-504", "garbage", "truncate"] {
        let fault = format!("publish-data-source#1={effect}");
        for mode in [PublishMode::Overwrite, PublishMode::CreateNew] {
            // The server has done it: nothing is published twice.
            let simulator = setup(
                Settings {
                    as_job: AsJob::Ignored,
                    ..Settings::default()
                },
                &[&fault],
            );
            let run = Run::new(&simulator).mode(mode);
            run.go()
                .done(Change::Created)
                .logged("published all the same");
            assert_eq!(calls(&simulator, "publish-data-source"), 1);
            holds(&simulator, &run, 1);
            // Its job gets on without being asked for.
            let simulator = Simulator::with([&*fault]);
            let run = Run::new(&simulator).mode(mode);
            run.go()
                .done(Change::Created)
                .logged("published all the same");
            holds(&simulator, &run, 1);
        }
        let simulator = setup(
            Settings {
                as_job: AsJob::Ignored,
                ..Settings::default()
            },
            &["publish-data-source#2=lose-response"],
        );
        let run = Run::new(&simulator);
        run.go().done(Change::Created);
        let run = run.mode(PublishMode::Append);
        run.go().done(Change::Appended);
        holds(&simulator, &run, 2);
    }
    for effect in ["503", "refuse", "504"] {
        for mode in [PublishMode::Overwrite, PublishMode::CreateNew] {
            let simulator = Simulator::with([&*format!("publish-data-source#1={effect}")]);
            let run = Run::new(&simulator).mode(mode).impatient();
            run.go().done(Change::Created).logged("publishing again");
            assert_eq!(calls(&simulator, "publish-data-source"), 2);
            holds(&simulator, &run, 1);
        }
        let simulator = Simulator::with([&*format!("publish-data-source#2={effect}")]);
        let run = Run::new(&simulator);
        run.go().done(Change::Created);
        let run = run.mode(PublishMode::Append).impatient();
        run.go()
            .failed("it is not known whether the data will arrive")
            .failed("last seen change of `Orders`: 20")
            .hinted("count the rows");
        assert_eq!(calls(&simulator, "publish-data-source"), 2);
        holds(&simulator, &run, 1);
    }
    let simulator = Simulator::with(["publish-data-source=503"]);
    Run::new(&simulator)
        .impatient()
        .go()
        .failed("the server answered 503")
        .hinted("run again later");
    assert_eq!(calls(&simulator, "publish-data-source"), 2);
}

#[test]
fn a_create_new_that_meets_its_own_echo() {
    // The first answer is lost and nothing is seen; the second is refused as the first comes through.
    let settings = Settings {
        as_job: AsJob::Ignored,
        index_lag: 40,
        ..Settings::default()
    };
    let simulator = setup(settings, &["publish-data-source#1=lose-response"]);
    let mut run = Run::new(&simulator).mode(PublishMode::CreateNew);
    run.pace.index_lag = Duration::ZERO;
    let outcome = run.go();
    assert_eq!(calls(&simulator, "publish-data-source"), 2);
    drop(outcome.failed("403007"));
    run.pace.index_lag = LONG;
    let simulator = setup(
        Settings {
            as_job: AsJob::Ignored,
            index_lag: 10,
            ..Settings::default()
        },
        &["publish-data-source#1=lose-response"],
    );
    run.to.server = simulator.url().parse().unwrap();
    run.go().done(Change::Created);
}

#[test]
fn errors_are_quoted_wherever_they_come() {
    for (fault, part, hint) in [
        (
            "sign-in=401001",
            "failed to sign in to Tableau at `http",
            "`pat-secret`",
        ),
        ("sign-in=401001", "this server has no site `acme`", "`site`"),
        ("query-projects=error-in-200", "Tableau answered", ""),
        (
            "initiate-file-upload=403015",
            "failed to begin the upload",
            "site role",
        ),
        (
            "append-to-file-upload=403016",
            "Tableau answered 403016",
            "`project`",
        ),
        (
            "publish-data-source=403007",
            "failed to commit the upload at",
            "`project`",
        ),
        (
            "publish-data-source=400011",
            "Tableau answered 400011",
            "mode: append",
        ),
        ("query-projects=502", "after 3 attempts", "run again later"),
        ("query-projects=garbage", "not as Tableau does", "portal"),
        ("server-info=404", "is not a Tableau server", "`server-url`"),
        (
            "server-info=garbage",
            "is not a Tableau server",
            "`server-url`",
        ),
        ("server-info=404003", "need Tableau 2019.4", "`server-url`"),
        ("sign-in=garbage", "no document that can be read", "portal"),
        ("sign-in=429+3s", "Tableau answered 429000", "later"),
    ] {
        let simulator = Simulator::with([fault]);
        let outcome = Run::new(&simulator).go().failed(part);
        assert!(
            chain(outcome.result.as_ref().unwrap_err())
                .starts_with("failed to publish `Orders` to project `Sales/EMEA`: ")
        );
        if !hint.is_empty() {
            drop(outcome.hinted(hint));
        }
        if fault == "sign-in=401001" {
            assert_eq!(calls(&simulator, "sign-in"), 1);
        }
    }
}

#[test]
fn throttling_and_short_outages_pass_unnoticed() {
    for fault in [
        "sign-in#1=503",
        "query-projects#1=refuse",
        "query-data-sources#1=lose-response",
        "initiate-file-upload#1=502",
        "append-to-file-upload#1=429",
        "publish-data-source#1=429+1s",
        "query-job#1=503",
        "sign-out=503",
        "sign-out=401002",
        "sign-in#1=lose-response",
    ] {
        let simulator = Simulator::with([fault]);
        let run = Run::new(&simulator);
        run.go().done(Change::Created).silent_about("warning");
        holds(&simulator, &run, 1);
    }
}

#[test]
fn a_server_that_falls_silent_is_not_waited_for_forever() {
    // At once, as both only wait.
    std::thread::scope(|scope| {
        for call in ["append-to-file-upload#2", "publish-data-source#1"] {
            scope.spawn(move || {
                let simulator = Simulator::with([&*format!("{call}=stall")]);
                let mut run = Run::new(&simulator).impatient();
                // The limit of the other calls as well, which are answered even by a busy machine.
                run.pace.answer_limit = Duration::from_secs(4);
                run.go().done(Change::Created).logged("no answer in time");
                holds(&simulator, &run, 1);
            });
        }
    });
}

#[test]
fn a_failed_renewal_while_waiting_does_not_end_the_waiting() {
    let faults = [
        "query-job#1=401002",
        "sign-in#2=503",
        "sign-in#3=503",
        "sign-in#4=503",
    ];
    let simulator = Simulator::with(faults);
    Run::new(&simulator)
        .go()
        .done(Change::Created)
        .logged("still waiting for the publish job: failed to sign in");
}

#[test]
fn what_cannot_be_looked_at_is_not_known() {
    let simulator = Simulator::with(["publish-data-source#2=503", "query-data-source#2=400000"]);
    Run::new(&simulator).go().done(Change::Created);
    let run = Run::new(&simulator).mode(PublishMode::Append);
    run.go()
        .failed("the data source cannot be looked at; it is not known")
        .hinted("count the rows");
    let simulator = Simulator::with(["query-data-sources#3=400000"]);
    let outcome = Run::new(&simulator).go().logged("could not be verified");
    // Tableau's own word about its job counts.
    assert!(outcome.result.is_ok() && outcome.record.change == Some(Change::Created));
}

#[test]
fn runs_with_one_token_all_arrive() {
    for uploads in [UploadLife::OutlivesToken, UploadLife::DiesWithToken] {
        let simulator = with(Settings {
            polls_until_done: u32::MAX,
            uploads,
            ..Settings::default()
        });
        run_three(&simulator);
    }
}

/// Publishes three data sources at the same time, with one token.
fn run_three(simulator: &Simulator) {
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        scope.spawn(|| {
            // No job ends before all are signed in, so that the first ones meet the end of their sessions.
            while simulator.n_calls("sign-in") < 3 {
                std::thread::sleep(Duration::from_millis(1));
            }
            simulator.site(|site| {
                site.settings.polls_until_done = 0;
                site.finish_jobs();
            });
        });
        let threads: Vec<_> = ["One", "Two", "Three"]
            .map(|name| {
                let run = Run::new(simulator).datasource(name);
                let mut run = run.to(|to| to.wait = Duration::from_mins(2));
                run.pace.first_wait = Duration::from_millis(2);
                run.pace.longest_wait = Duration::from_millis(6);
                scope.spawn(move || run.go())
            })
            .into_iter()
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let n_displaced: usize = outcomes
        .into_iter()
        .map(|outcome| outcome.done(Change::Created))
        .filter(|outcome| outcome.log.iter().any(|line| line.contains("401002")))
        .count();
    assert!(n_displaced >= 1, "nobody was displaced");
    for name in ["One", "Two", "Three"] {
        holds(simulator, &Run::new(simulator).datasource(name), 1);
    }
}

#[test]
fn no_part_of_a_token_is_quoted_from_a_page_that_repeats_it() {
    // A page is cut off for the message, perhaps in the middle of a token.
    for padding in [0, 150, 170, 180, 185, 190, 195] {
        let server = Server::start(move |asked, _| match asked.target.rsplit('/').next() {
            Some("serverInfo") => xml(
                "<serverInfo><productVersion>2026.2.0</productVersion><restApiVersion>3.29</restApiVersion></serverInfo>",
            ),
            Some("signin") => {
                xml("<credentials token=\"ABCDEFGHIJKLMNOPQRST\"><site id=\"s\"/></credentials>")
            }
            _ => {
                let page = format!(
                    "{}{}{TOKEN_SECRET}",
                    "x".repeat(padding),
                    asked.header("x-tableau-auth").unwrap_or_default()
                );
                answer("403 Forbidden", &["Content-Type: text/html"], page)
            }
        });
        let simulator = Simulator::start();
        let run = Run::new(&simulator).to(|to| to.server = server.url("").parse().unwrap());
        let outcome = run.go().failed("the server answered 403");
        let told = chain(outcome.result.as_ref().unwrap_err());
        for secret in ["ABCDEFGHIJKLMNOPQRST", TOKEN_SECRET] {
            assert!(!told.contains(&secret[..4]), "{padding}: {told}");
        }
    }
}

fn xml(inside: &str) -> Vec<u8> {
    let document = format!("<tsResponse xmlns=\"http://tableau.com/api\">{inside}</tsResponse>");
    answer("200 OK", &["Content-Type: application/xml"], document)
}

#[test]
fn what_tableau_says_is_quoted_up_to_a_limit() {
    let server = Server::start(|_, _| {
        let detail = "so much to say ".repeat(100_000);
        let error = format!(
            "<tsResponse><error code=\"400000\"><summary>Bad</summary><detail>{detail}</detail></error></tsResponse>"
        );
        answer("400 Bad Request", &["Content-Type: application/xml"], error)
    });
    let simulator = Simulator::start();
    let run = Run::new(&simulator).to(|to| to.server = server.url("").parse().unwrap());
    let outcome = run.go().failed("so much to say");
    let told = chain(outcome.result.as_ref().unwrap_err());
    assert!(told.len() < 5_000, "{} bytes", told.len());
}

#[test]
fn a_silent_job_is_not_waited_for_longer_than_asked() {
    // Of what would be waited for otherwise, an answer takes longest, and then it is asked for again.
    for fault in ["query-job=stall", "query-job=429+1s", "query-job=429+90s"] {
        let simulator = Simulator::with([fault]);
        let run = Run::new(&simulator).to(|to| to.wait = Duration::from_millis(700));
        let began = std::time::Instant::now();
        let outcome = run.go();
        assert!(began.elapsed() < LONG / 4, "{fault}: {:?}", began.elapsed());
        // It is given up while the first answer or the second attempt is waited for.
        assert_eq!(calls(&simulator, "query-job"), 1, "{fault}");
        assert!(outcome.result.is_ok() && outcome.record.change.is_none());
        drop(outcome.logged("warning: Tableau still works"));
        assert_eq!(calls(&simulator, "sign-out"), 1);
    }
}

#[test]
fn an_overwrite_that_cannot_look_publishes_again() {
    let simulator = Simulator::start();
    Run::new(&simulator).go().done(Change::Created);
    for n in 2..=6 {
        let fault = format!("query-data-source#{n}=403004");
        simulator.add_fault(fault.parse().unwrap());
    }
    simulator.add_fault("publish-data-source#2=503".parse().unwrap());
    let mut run = Run::new(&simulator);
    run.file[10] ^= 1;
    let outcome = run.go().logged("publishing again");
    assert!(outcome.result.is_ok(), "{:?}", outcome.result);
    holds(&simulator, &run, 1);
}
