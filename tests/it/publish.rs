//! What Tableau's side sees: sessions, projects, modes, uploads, jobs, and what is told when it refuses.

use tableau_simulator::{JobOutcome, PROJECT, Settings, Setup, Simulator, UploadLife, XmlStyle};

use crate::echoes::check_lines;
use crate::flaky_proxy::Nobody;
use crate::harness::{Action, Ended};

/// Publishes one row as `Orders`.
fn orders(site: &Simulator) -> Action {
    Action::publishing_to(site)
        .file("x.csv", "id,name\n1,a\n")
        .input("source", "x.csv")
}

fn launch(settings: Settings) -> Simulator {
    Simulator::launch(Setup {
        settings,
        ..Setup::default()
    })
}

fn luid_of(site: &Simulator, path: &[&str]) -> String {
    site.site(|site| {
        site.project(path)
            .unwrap_or_else(|| panic!("no project {path:?}"))
            .luid
            .clone()
    })
}

/// The published data source holds exactly the file that was built.
#[track_caller]
fn assert_arrived(site: &Simulator, run: &Ended) {
    let part = site.site(|site| {
        site.datasource("Orders")
            .unwrap()
            .parts
            .last()
            .unwrap()
            .clone()
    });
    assert_eq!(
        std::fs::read(part).unwrap(),
        std::fs::read(run.hyper()).unwrap()
    );
}

/// Nobody is signed in any more.
#[track_caller]
fn assert_signed_out(site: &Simulator) {
    let calls = site.calls();
    assert_eq!(
        calls.last().map(String::as_str),
        Some("sign-out"),
        "{calls:?}"
    );
}

#[test]
fn overwrite_creates_then_replaces() {
    let site = Simulator::start();
    let first = orders(&site).run().succeeded();
    assert!(first.log.contains("data source created"), "{}", first.log);
    let second = orders(&site)
        .input("datasource", "ORDERS")
        .run()
        .succeeded();
    assert!(second.log.contains("rows replaced"), "{}", second.log);
    assert_eq!(
        first.output("datasource-id"),
        second.output("datasource-id")
    );
    assert_eq!(site.site(|site| site.datasources.len()), 1);
    assert_arrived(&site, &second);
}

#[test]
fn append_adds_to_what_is_there_and_only_then() {
    let site = Simulator::start();
    let run = orders(&site).input("mode", "append").run();
    let run = run.failed(
        "publish",
        &["there is no data source `Orders`", "mode: overwrite"],
    );
    assert_eq!(run.output("published"), "false");
    assert_signed_out(&site);
    assert!(!site.calls().contains(&"initiate-file-upload".to_owned()));

    let first = orders(&site).run().succeeded();
    let second = orders(&site).input("mode", "append").run().succeeded();
    assert!(second.log.contains("rows appended"), "{}", second.log);
    assert_eq!(
        first.output("datasource-id"),
        second.output("datasource-id")
    );
    assert_eq!(
        site.site(|site| site.datasource("Orders").unwrap().parts.len()),
        2
    );
    assert_arrived(&site, &second);
}

#[test]
fn create_new_never_touches_what_is_there() {
    let site = Simulator::start();
    let first = orders(&site).input("mode", "create-new").run().succeeded();
    let before = site.site(|site| format!("{:?}", site.datasource("Orders").unwrap()));
    let run = orders(&site).input("mode", "create-new").run();
    let run = run.failed(
        "publish",
        &["already exists", "mode: overwrite", "`datasource`"],
    );
    assert_eq!(run.output("published"), "false");
    assert_eq!(
        site.site(|site| format!("{:?}", site.datasource("Orders").unwrap())),
        before
    );
    assert_arrived(&site, &first);
    assert_signed_out(&site);
}

#[test]
fn a_data_source_that_appears_meanwhile_is_not_replaced_by_create_new() {
    let site = Simulator::with(["publish-data-source#1=403007"]);
    let run = orders(&site).input("mode", "create-new").run();
    run.failed("publish", &["Tableau answered 403007", "`project`"]);
    assert_signed_out(&site);
}

#[test]
fn projects_are_found_by_luid_name_and_path() {
    let site = Simulator::start();
    let emea = luid_of(&site, &[PROJECT, "EMEA"]);
    let publish = |project: &str| orders(&site).input("project", project).run();
    for (project, path) in [
        (emea.as_str(), &[PROJECT, "EMEA"][..]),
        ("Sales/EMEA", &[PROJECT, "EMEA"]),
        ("Finance", &["Finance"]),
        ("finance", &["Finance"]),
        ("Sales & Ops", &["Sales & Ops"]),
        ("Größe, Maß: Überblick", &["Größe, Maß: Überblick"]),
        ("Tief/er", &["Tief/er"]),
        ("Stern*chen", &["Stern*chen"]),
        ("[Archiv] \"alt\" <1>", &["[Archiv] \"alt\" <1>"]),
        ("O'Brien", &["O'Brien"]),
    ] {
        let run = publish(project).succeeded();
        assert_eq!(run.output("project-id"), luid_of(&site, path), "{project}");
    }
    // One data source for each project; two of them were named in two ways.
    assert_eq!(site.site(|site| site.datasources.len()), 8);
}

#[test]
fn an_ambiguous_or_unknown_project_is_told_with_what_there_is() {
    let site = Simulator::start();
    let run = orders(&site).input("project", "EMEA").run();
    run.failed("publish", &["Sales/EMEA", "Finance/EMEA", "`project`"]);
    let run = orders(&site).input("project", "Slaes").run();
    run.failed("publish", &["Slaes", "Sales", "`project`"]);
    let run = orders(&site)
        .input("project", "00000000-0000-4000-8000-ffffffffffff")
        .run();
    run.failed(
        "publish",
        &["00000000-0000-4000-8000-ffffffffffff", "project"],
    );
    assert_eq!(site.site(|site| site.datasources.len()), 0);
    assert_signed_out(&site);
}

#[test]
fn a_project_behind_several_pages_is_found() {
    let site = Simulator::start();
    let last = site.site(|site| {
        site.add_projects(2_500);
        site.add_project("The last one", None)
    });
    let run = orders(&site)
        .input("project", "The last one")
        .run()
        .succeeded();
    assert_eq!(run.output("project-id"), last);
    assert_eq!(
        site.calls()
            .iter()
            .filter(|call| *call == "query-projects")
            .count(),
        3
    );
}

#[test]
fn names_with_any_characters_are_published_and_found_again() {
    let site = Simulator::start();
    for name in [
        "Sales & Ops, <all>: \"Ü\"",
        "100 % [x]",
        "a*b",
        "日本語",
        "x+y=z?",
    ] {
        let publish = || orders(&site).input("datasource", name).run().succeeded();
        let (first, second) = (publish(), publish());
        assert_eq!(
            first.output("datasource-id"),
            second.output("datasource-id"),
            "{name}"
        );
        assert_eq!(
            site.site(|site| site.datasource(name).unwrap().name.clone()),
            name
        );
        assert!(
            second.log.contains("rows replaced"),
            "{name}: {}",
            second.log
        );
    }
}

#[test]
fn description_and_tags_arrive() {
    let site = Simulator::start();
    let text = "Line one & <two>\nÜber \"Quotes\"";
    let run = orders(&site)
        .input("description", text)
        .input("tags", "shop, daily load\n# not this\nÜ&<")
        .run()
        .succeeded();
    assert_eq!(run.annotations, [""; 0]);
    let (description, tags) = site.site(|site| {
        let datasource = site.datasource("Orders").unwrap();
        (datasource.description.clone(), datasource.tags.clone())
    });
    assert_eq!(description, text);
    assert_eq!(tags, ["shop", "daily load", "Ü&<"]);
    // Old servers reset the description when a publish carries none.
    orders(&site).run().succeeded();
    assert_eq!(
        site.site(|site| site.datasource("Orders").unwrap().description.clone()),
        text
    );
}

#[test]
fn failing_tags_are_a_warning() {
    let site = Simulator::with(["add-tags-to-data-source=400075"]);
    let run = orders(&site).input("tags", "a").run().succeeded();
    assert_eq!(run.output("published"), "true");
    assert_eq!(run.annotations.len(), 1);
    assert!(
        run.annotations[0].starts_with("warning::"),
        "{:?}",
        run.annotations
    );
    assert!(run.summary.contains("### Warnings"), "{}", run.summary);
}

#[test]
fn wrong_credentials_say_what_to_check() {
    let site = Simulator::start();
    for (input, value) in [
        ("pat-secret", "wrong-secret-of-mine"),
        ("pat-name", "nobody"),
        ("site", "elsewhere"),
    ] {
        let run = orders(&site).input(input, value).run();
        let run = run.failed(
            "publish",
            &["401001", "`pat-name`", "`pat-secret`", "`site`"],
        );
        assert!(
            !run.raw
                .replace("::add-mask::wrong-secret-of-mine", "")
                .contains("wrong-secret-of-mine"),
            "{}",
            run.raw
        );
        assert_eq!(run.output("rows"), "1", "what was built is told");
    }
    assert_eq!(site.site(|site| site.datasources.len()), 0);
    assert_eq!(
        site.calls()
            .iter()
            .filter(|call| *call == "sign-in")
            .count(),
        3,
        "a refusal is final"
    );
}

#[test]
fn an_address_that_is_no_tableau_is_told() {
    let site = Simulator::with(["server-info=garbage"]);
    orders(&site).run().failed("publish", &["server-url"]);
    let nobody = Nobody::there();
    let run = orders(&site)
        .input("server-url", format!("http://{}", nobody.address()))
        .run();
    run.failed("publish", &["cannot connect", "check the address"]);
}

#[test]
fn documents_are_read_in_every_style() {
    for xml in [XmlStyle::Prefixed, XmlStyle::Bare, XmlStyle::Adorned] {
        let site = launch(Settings {
            xml,
            append_status: 201,
            ..Settings::default()
        });
        let first = orders(&site).input("tags", "a b").run().succeeded();
        let second = orders(&site).run().succeeded();
        assert_eq!(
            first.output("datasource-id"),
            second.output("datasource-id")
        );
        assert_eq!(second.output("published"), "true");
    }
}

#[test]
fn a_job_that_fails_is_a_failure_with_its_reason() {
    let site = launch(Settings {
        job: JobOutcome::FailedWithNotes,
        ..Settings::default()
    });
    let run = orders(&site).run().failed("publish", &["job"]);
    assert_ne!(run.output("job-id"), "");
    assert_eq!(run.output("published"), "false");
    assert_signed_out(&site);
    let site = launch(Settings {
        job: JobOutcome::Failed,
        ..Settings::default()
    });
    orders(&site).run().failed("publish", &["reason"]);
}

#[test]
fn a_job_that_vanishes_or_ends_with_code_3_is_verified() {
    for job in [JobOutcome::Vanished, JobOutcome::FinishCode3] {
        let site = launch(Settings {
            job,
            ..Settings::default()
        });
        let run = orders(&site).run().succeeded();
        assert_eq!(run.output("published"), "true");
        assert_arrived(&site, &run);
    }
}

#[test]
fn a_new_data_source_may_be_late_in_lists() {
    let site = launch(Settings {
        index_lag: 3,
        ..Settings::default()
    });
    let run = orders(&site).run().succeeded();
    let luid = site.site(|site| site.datasource("Orders").unwrap().luid.clone());
    assert_eq!(run.output("datasource-id"), luid);
}

#[test]
fn not_waiting_hands_over_and_says_so() {
    let site = launch(Settings {
        polls_until_done: u32::MAX,
        ..Settings::default()
    });
    let run = orders(&site).input("wait", "0").run().succeeded();
    assert_ne!(run.output("job-id"), "");
    assert_eq!(run.output("published"), "");
    assert!(!site.calls().contains(&"query-job".to_owned()));
    let run = orders(&site).input("wait", "1s").run().succeeded();
    assert_eq!(run.output("published"), "");
    assert!(
        run.annotations[0].starts_with("warning::"),
        "{:?}",
        run.annotations
    );
    assert_signed_out(&site);
}

#[test]
fn a_lost_chunk_answer_restarts_the_upload() {
    let site = Simulator::with(["append-to-file-upload#1=lose-response"]);
    let run = orders(&site).run().succeeded();
    assert_arrived(&site, &run);
    let calls = site.calls();
    assert_eq!(
        calls
            .iter()
            .filter(|call| *call == "initiate-file-upload")
            .count(),
        2,
        "{calls:?}"
    );
}

#[test]
fn a_session_that_ends_is_renewed() {
    let site = Simulator::with(["initiate-file-upload#1=401002"]);
    let run = orders(&site).run().succeeded();
    assert_arrived(&site, &run);
    assert_eq!(
        site.calls()
            .iter()
            .filter(|call| *call == "sign-in")
            .count(),
        2
    );
    let site = Simulator::with(["initiate-file-upload=401002"]);
    orders(&site)
        .run()
        .failed("publish", &["401002", "`strategy: max-parallel: 1`"]);
}

#[test]
fn two_steps_with_one_token_both_arrive() {
    let site = launch(Settings {
        polls_until_done: 6,
        uploads: UploadLife::DiesWithToken,
        ..Settings::default()
    });
    let steps = ["One", "Two"].map(|name| {
        // Whoever never waits never gives way.
        let step = orders(&site).variable("PUBLISH_TO_TABLEAU_TEST_WAIT", "");
        step.input("datasource", name).start()
    });
    for step in steps {
        let run = step.end().succeeded();
        assert_eq!(run.output("published"), "true");
    }
    assert_eq!(site.site(|site| site.datasources.len()), 2);
}

#[test]
fn a_secret_in_the_place_of_the_name_is_told_and_not_shown() {
    const SECRET: &str = "qlE1g9MMh9vbrjjgZZhvAg==:rZTHhPpP2tUW1kfn4tjg8ax1";
    let site = Simulator::start();
    for secret in ["ci-publisher", SECRET] {
        let run = orders(&site)
            .input("pat-name", SECRET)
            .input("pat-secret", secret)
            .run();
        let run = run.failed("inputs", &["interchange `pat-name` and `pat-secret`"]);
        let shown = run.shown();
        assert!(
            !shown.contains("qlE1") && !shown.contains("tjg8ax1"),
            "{shown}"
        );
    }
    assert_eq!(site.calls(), [""; 0]);
}

#[test]
fn a_redirect_to_another_server_is_refused_with_the_address_to_write() {
    let other = Simulator::start();
    let site = launch(Settings {
        elsewhere: other.url(),
        ..Settings::default()
    });
    site.add_fault("server-info=elsewhere-302".parse().unwrap());
    let run = orders(&site).run();
    let address = format!("set `server-url: {}`", other.url());
    let run = run.failed("publish", &["another origin", &address]);
    assert_eq!(run.output("published"), "false");
    assert_eq!(other.calls(), [""; 0]);
    assert_eq!(site.calls(), ["server-info!"]);
}

/// What a terminal, the runner or a careless reader of lines could take for something else.
const CONTROLS: &str =
    "\r::set-output name=rows::EVIL\n::add-mask::1\u{1b}[31m\u{85}\u{2028}\u{202e}";

#[test]
fn control_characters_in_what_tableau_says_change_no_end() {
    let hostile = |job| {
        let site = launch(Settings {
            said_after: CONTROLS.into(),
            warning: Some(format!("beware{CONTROLS}")),
            job,
            ..Settings::default()
        });
        let project = site.site(|site| site.add_project(&format!("Odd{CONTROLS}"), None));
        (site, project)
    };
    let (site, project) = hostile(JobOutcome::Success);
    let run = orders(&site).input("project", project).run().succeeded();
    assert_eq!((run.output("published"), run.output("rows")), ("true", "1"));
    assert_eq!(run.annotations.len(), 1, "{:?}", run.annotations);
    check_lines(&run, "all goes well");
    assert!(
        !run.masked.iter().any(|masked| masked == "1"),
        "{}",
        run.raw
    );
    assert_signed_out(&site);
    // A name that is listed because another one is not found.
    let run = orders(&site)
        .input("project", "Odd")
        .run()
        .failed("publish", &["Odd"]);
    check_lines(&run, "names of projects");

    let (site, _) = hostile(JobOutcome::FailedWithNotes);
    let run = orders(&site)
        .run()
        .failed("publish", &["There was a problem publishing the file"]);
    check_lines(&run, "notes of a job");
    assert_eq!(run.output("published"), "false");
    assert_eq!(run.output("rows"), "1");
    assert_signed_out(&site);

    for fault in ["sign-in=401001", "publish-data-source=403007"] {
        let (site, _) = hostile(JobOutcome::Success);
        site.add_fault(fault.parse().unwrap());
        let run = orders(&site)
            .run()
            .failed("publish", &["Tableau answered 40"]);
        check_lines(&run, fault);
        assert_eq!(
            (run.output("published"), run.output("rows")),
            ("false", "1")
        );
    }
}

#[test]
fn a_tableau_that_asks_to_be_left_alone_for_ever_ends_no_run_in_the_middle() {
    let site = Simulator::with(["query-projects=429+253402300800s"]);
    let run = orders(&site).run();
    let run = run.failed(
        "publish",
        &["429000", "in 366 days", "run less often or later"],
    );
    assert_eq!(run.output("published"), "false");
    assert_signed_out(&site);
    // After the commit.
    let site = Simulator::with(["query-job=429+18446744073709551615s"]);
    let run = orders(&site).input("wait", "1s").run().succeeded();
    assert_eq!((run.output("published"), run.output("rows")), ("", "1"));
    assert_ne!(run.output("job-id"), "");
    assert_signed_out(&site);
}

#[test]
fn a_busy_tableau_is_asked_again() {
    let site = Simulator::with([
        "server-info#1=503",
        "sign-in#1=429",
        "query-projects#1=500",
        "initiate-file-upload#1=429",
        "append-to-file-upload#1=429",
        "publish-data-source#1=429",
        "query-job#1=503",
    ]);
    let run = orders(&site).run().succeeded();
    assert_arrived(&site, &run);
    assert_eq!(
        site.site(|site| site.datasource("Orders").unwrap().parts.len()),
        1
    );
}

#[test]
fn what_tableau_would_refuse_without_a_reason_is_refused_here_with_one() {
    let site = Simulator::start();
    let shaped = |sql: &str| orders(&site).input("sql", sql).run();
    // No columns, and the types no data source has; every other type is stored as one that has.
    shaped("SELECT FROM input").failed("shape", &["syntax error"]);
    orders(&site)
        .file("x.json", "[]")
        .input("source", "x.json")
        .input("min-rows", "0")
        .run()
        .failed("shape", &["no columns", "`columns`"]);
    shaped("SELECT interval '1 day' AS d FROM input").failed("shape", &["interval"]);
    shaped("SELECT ARRAY[1, 2] AS d FROM input").failed("shape", &["array"]);
    shaped("SELECT 'x'::bytea AS d FROM input").failed("shape", &["cast"]);
    let name = "x".repeat(256);
    let run = orders(&site).input("datasource", name).run();
    run.failed("inputs", &["256 characters", "255"]);
    assert_eq!(site.calls(), [""; 0]);
    let old = launch(Settings {
        product_version: "2022.4.3".into(),
        ..Settings::default()
    });
    orders(&old)
        .run()
        .failed("publish", &["2023.1", "`server-url`"]);
    assert_eq!(old.calls(), ["server-info"]);
}
