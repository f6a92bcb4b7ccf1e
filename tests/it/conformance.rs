//! What every Tableau site has to do for us: one suite, run against the simulator always and against a real site
//! when its variables `TABLEAU_TEST_…` are set.
//!
//! Steps run as users run them; what came of them is asked and downloaded through the REST API by a client of the
//! suite's own. The suite publishes to a project of its own and deletes what it made, also when a case fails. CONTRIBUTING
//! says what a real site needs for it.

mod rest;
mod site;
mod tdsx;
mod variables;

use std::any::Any;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use publish_to_tableau::tableau::{
    Change, DatasourceName, Destination, PersonalAccessToken, ProjectReference, PublishMode,
    SiteContentUrl, TokenName, TokenSecret,
};
use secrecy::ExposeSecret;
use tableau_simulator::{AsJob, Settings, Setup, Simulator};

use crate::harness::Action;
use crate::workflow::{LONG, Run};
use site::{Rows, TestSite};
use variables::Where;

/// What came of a case that did not fail.
enum Ran {
    Whole,
    /// Something it needs is not there.
    LeftOut(&'static str),
}

/// One thing a site has to do.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    run: fn(&TestSite) -> Ran,
    /// What the simulator claims and only a real site can show.
    only_real: &'static str,
}

const fn case(name: &'static str, run: fn(&TestSite) -> Ran, only_real: &'static str) -> Case {
    Case {
        name,
        run,
        only_real,
    }
}

const CASES: [Case; 12] = [
    case("create", create, ""),
    case(
        "overwrite",
        overwrite,
        "that LUID and address outlive an overwrite",
    ),
    case(
        "append",
        append,
        "that appended rows end up in one table with those before",
    ),
    case("refuse to append to nothing", append_to_nothing, ""),
    case("refuse to create what is there", create_new, ""),
    case(
        "types",
        types,
        "that a data source keeps the types of its file",
    ),
    case(
        "unusual names",
        unusual_names,
        "that its filters find such names, and which characters it takes",
    ),
    case(
        "description and tags",
        description_and_tags,
        "that an overwrite without them leaves both, and how labels are split",
    ),
    case(
        "several chunks",
        several_chunks,
        "that chunks of any size are put together",
    ),
    case(
        "projects in projects",
        nested_projects,
        "that one name may be in several projects",
    ),
    case("unknown project", unknown_project, ""),
    // Once, and of a token nobody has: no real one is locked out.
    case(
        "unknown token",
        unknown_token,
        "the code of a wrong token, as far as it may be tried",
    ),
];

/// Rows of one batch; `other` has none of them.
const ORDERS: &str = "id,name\n1,a\n2,b\n";
const OTHER: &str = "id,name\n3,\"c, d\"\n4,\n5,北京\n";

fn create(site: &TestSite) -> Ran {
    let (built, run) = site.publish("Created", ORDERS, &[]);
    assert!(run.log.contains("data source created"), "{}", run.log);
    assert_eq!(run.output("project-id"), site.project_luid);
    let luid = run.output("datasource-id");
    let told = site.datasource(luid);
    assert_eq!(told.name, site.name("Created"));
    assert_eq!(told.project, site.project_luid);
    assert_eq!(site.rows(luid), built);
    let server = &site.access.server;
    assert!(
        run.output("datasource-url").starts_with("http"),
        "no address on {server}"
    );
    Ran::Whole
}

fn overwrite(site: &TestSite) -> Ran {
    let (_, first) = site.publish("Overwritten", ORDERS, &[]);
    let loud = site.name("OVERWRITTEN");
    for name in [site.name("Overwritten"), loud] {
        let (built, run) = site.publish("", OTHER, &[("datasource", &name)]);
        assert!(run.log.contains("rows replaced"), "{}", run.log);
        for output in ["datasource-id", "datasource-url"] {
            assert_eq!(run.output(output), first.output(output), "{output}");
        }
        assert_eq!(site.rows(run.output("datasource-id")), built);
    }
    Ran::Whole
}

fn append(site: &TestSite) -> Ran {
    let (before, first) = site.publish("Appended", ORDERS, &[]);
    let (added, run) = site.publish("Appended", OTHER, &[("mode", "append")]);
    assert!(run.log.contains("rows appended"), "{}", run.log);
    let luid = run.output("datasource-id");
    assert_eq!(luid, first.output("datasource-id"));
    assert_eq!(site.rows(luid), before.and(added));
    Ran::Whole
}

fn append_to_nothing(site: &TestSite) -> Ran {
    let run = site.run(site.step("Absent", ORDERS).input("mode", "append"));
    let said = format!("there is no data source `{}`", site.name("Absent"));
    let run = run.failed("publish", &[&said, "mode: overwrite"]);
    assert_eq!(run.output("published"), "false");
    let name = site.name("Absent");
    assert!(site.listed().iter().all(|found| found.name != name));
    Ran::Whole
}

fn create_new(site: &TestSite) -> Ran {
    let (built, first) = site.publish("Only once", ORDERS, &[("mode", "create-new")]);
    let luid = first.output("datasource-id");
    let before = site.datasource(luid);
    let run = site.run(site.step("Only once", OTHER).input("mode", "create-new"));
    let run = run.failed("publish", &["already exists", "mode: overwrite"]);
    assert_eq!(run.output("published"), "false");
    assert_eq!(site.datasource(luid), before);
    assert_eq!(site.rows(luid), built);
    Ran::Whole
}

/// One value of each type, and a row of nothing.
fn types(site: &TestSite) -> Ran {
    let sql = "SELECT true AS flag, 9007199254740993 AS whole, CAST(0.1 AS double precision) AS real, \
               CAST(12345678901234.5678 AS numeric(18, 4)) AS exact, DATE '1969-12-31' AS day, \
               TIMESTAMP '2026-02-28 23:59:59.123456' AS moment, U&'\\00e4\\0301 \"x\"' AS \"Größe, Maß\" \
               FROM input WHERE id = 1 \
               UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM input WHERE id = 1";
    let (built, run) = site.publish("Types", ORDERS, &[("sql", sql)]);
    assert_eq!(built.rows.len(), 2, "{built:?}");
    for name in [
        "BOOLEAN",
        "BIGINT",
        "DOUBLE PRECISION",
        "NUMERIC(18, 4)",
        "DATE",
        "TIMESTAMP",
        "TEXT",
    ] {
        assert!(built.columns.contains(name), "{built:?}");
    }
    assert_eq!(site.rows(run.output("datasource-id")), built);
    Ran::Whole
}

fn unusual_names(site: &TestSite) -> Ran {
    for name in [
        "Sales & Ops, <all>: \"Ü\"",
        "100 % [x] a*b",
        "日本語 x+y=z?",
        "O'Brien's (1/2) \\ #3",
    ] {
        let (_, first) = site.publish(name, ORDERS, &[]);
        let (built, second) = site.publish(name, OTHER, &[]);
        assert!(second.log.contains("rows replaced"), "{}", second.log);
        let luid = second.output("datasource-id");
        assert_eq!(luid, first.output("datasource-id"), "{name}");
        assert_eq!(site.datasource(luid).name, site.name(name));
        assert_eq!(site.rows(luid), built, "{name}");
    }
    Ran::Whole
}

fn description_and_tags(site: &TestSite) -> Ran {
    let text = "Line one & <two>\nÜber \"Quotes\"";
    let inputs = [("description", text), ("tags", "shop, daily load\nÜ&<")];
    let (_, run) = site.publish("Described", ORDERS, &inputs);
    let look = || {
        let mut told = site.datasource(run.output("datasource-id"));
        told.tags.sort();
        assert_eq!(told.description.replace("\r\n", "\n"), text);
        assert_eq!(told.tags, ["daily load", "shop", "Ü&<"]);
    };
    look();
    site.publish("Described", OTHER, &[]);
    look();
    Ran::Whole
}

/// The program's own chunk has 50 MB; here it has one, so that a few megabytes need several.
fn several_chunks(site: &TestSite) -> Ran {
    let sql = "SELECT i, sin(i) AS a, sin(2 * i) AS b, sin(3 * i) AS c, sin(5 * i) AS d \
               FROM generate_series(1, 60000) AS numbers(i)";
    let building = Action::building().file("x.csv", ORDERS);
    let built = building.input("source", "x.csv").input("sql", sql).run();
    let built = built.succeeded();
    let length = std::fs::metadata(built.hyper()).unwrap().len();
    assert!(length > 2 << 20, "{length} bytes are no several chunks");
    let access = &site.access;
    let mut run = Run::patient(Destination {
        server: access.server.parse().unwrap(),
        site: SiteContentUrl::parse(&access.content_url).unwrap(),
        token: PersonalAccessToken {
            name: TokenName::parse(&access.token_name).unwrap(),
            secret: TokenSecret::parse(access.token_secret.expose_secret()).unwrap(),
        },
        project: ProjectReference::parse(&site.project).unwrap(),
        datasource: DatasourceName::parse(&site.name("Big")).unwrap(),
        description: None,
        tags: Vec::new(),
        mode: PublishMode::CreateNew,
        wait: 5 * LONG,
    });
    run.pace.chunk = 1 << 20;
    let outcome = run.publish(&built.hyper());
    let shown = format!("{:?}{:?}", outcome.result, outcome.log);
    let is_shown = shown.contains(access.token_secret.expose_secret());
    assert!(!is_shown, "a run shows the secret");
    let outcome = outcome.done(Change::Created);
    let luid = outcome.record.datasource.unwrap().to_string();
    site.remember(&luid);
    let chunks = outcome.log.iter().filter(|line| line.contains(" chunks"));
    assert!(chunks.count() > 0, "{:#?}", outcome.log);
    let arrived = site.rows(&luid);
    assert_eq!(arrived.rows.len(), 60_000);
    assert!(
        arrived == Rows::of(&built.hyper()),
        "the rows are not those sent"
    );
    Ran::Whole
}

fn nested_projects(site: &TestSite) -> Ran {
    let name = "Within & without";
    let Some(luid) = site.nested(name) else {
        return Ran::LeftOut("the project was given, and nothing is made in it but data sources");
    };
    let (_, around) = site.publish("Twice", ORDERS, &[]);
    let path = format!("{}/{name}", site.project);
    let (built, by_path) = site.publish("Twice", OTHER, &[("project", &path)]);
    assert_eq!(by_path.output("project-id"), luid);
    assert_ne!(
        by_path.output("datasource-id"),
        around.output("datasource-id")
    );
    let (_, by_luid) = site.publish("Twice", OTHER, &[("project", &luid)]);
    assert_eq!(
        by_luid.output("datasource-id"),
        by_path.output("datasource-id")
    );
    assert_eq!(site.rows(by_path.output("datasource-id")), built);
    Ran::Whole
}

fn unknown_project(site: &TestSite) -> Ran {
    let missing = format!("{} that nobody made", site.project);
    let run = site.run(site.step("Lost", ORDERS).input("project", missing.as_str()));
    let said = format!("there is no project `{missing}`");
    let run = run.failed("publish", &[&said]);
    assert_eq!(run.output("published"), "false");
    Ran::Whole
}

fn unknown_token(site: &TestSite) -> Ran {
    let before = site.simulator.map(|simulator| simulator.n_calls("sign-in"));
    let step = site.step("Refused", ORDERS);
    let step = step.input("pat-name", "publish-to-tableau-nobody");
    let run = site.run(step.input("pat-secret", "bm9ib2R5IGhhcyB0aGlz:bm9ib2R5IGhhcyB0aGlz"));
    run.failed(
        "publish",
        &["401001", "`pat-name`", "`pat-secret`", "`site`"],
    );
    let after = site.simulator.map(|simulator| simulator.n_calls("sign-in"));
    assert_eq!(after, before.map(|calls| calls + 1), "a refusal is final");
    Ran::Whole
}

/// Runs cases one after the other, because a token has one session, and clears away; says all that failed.
fn run(site: &TestSite, cases: &[Case]) -> Result<(), String> {
    let is_real = site.simulator.is_none();
    let mut failed = Vec::new();
    say(is_real, &format!("in project `{}`:", site.project));
    for case in cases {
        let begin = Instant::now();
        let ran = catch_unwind(AssertUnwindSafe(|| (case.run)(site)));
        let what = match &ran {
            Ok(Ran::Whole) => "ok".to_owned(),
            Ok(Ran::LeftOut(why)) => format!("left out: {why}"),
            Err(panicked) => {
                failed.push(format!("{}: {}", case.name, message(panicked.as_ref())));
                "FAILED".to_owned()
            }
        };
        let seconds = begin.elapsed().as_secs_f64();
        say(
            is_real,
            &format!("{} ... {what} ({seconds:.1} s)", case.name),
        );
        if !is_real && !case.only_real.is_empty() {
            say(
                is_real,
                &format!("    only a real site shows {}", case.only_real),
            );
        }
    }
    if let Err(problem) = site.clear_away(!failed.is_empty()) {
        failed.push(format!("clearing away: {problem}"));
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(failed.join("\n"))
    }
}

/// Says how far it is: at once where it takes minutes, else only if the test fails.
#[expect(
    clippy::print_stdout,
    reason = "the harness of the tests keeps it back"
)]
fn say(at_once: bool, text: &str) {
    if at_once {
        // `eprintln!` would be kept back until the end.
        let _ = writeln!(std::io::stderr(), "conformance: {text}");
    } else {
        println!("conformance: {text}");
    }
}

fn message(panicked: &(dyn Any + Send)) -> &str {
    let text = panicked.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panicked.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words")
}

/// Everything there is on a site, but for the requests.
fn contents(simulator: &Simulator) -> String {
    simulator.site(|site| {
        assert!(!site.has_sessions(), "somebody is still signed in");
        format!("{:#?}{:#?}", site.projects, site.datasources)
    })
}

#[test]
fn the_simulator_conforms() {
    let simulator = Simulator::start();
    simulator.site(|site| {
        let project = site.add_project("publish-to-tableau conformance 00000000", None);
        site.add_datasource("conformance 00000000 Created", &project);
    });
    let before = contents(&simulator);
    run(&TestSite::of(&simulator, &Where::OwnProject), &CASES)
        .unwrap_or_else(|failed| panic!("{failed}"));
    assert_eq!(contents(&simulator), before);
}

#[test]
fn a_simulator_that_answers_at_once_and_lists_late_conforms() {
    let simulator = Simulator::launch(Setup {
        settings: Settings {
            as_job: AsJob::Ignored,
            index_lag: 2,
            ..Settings::default()
        },
        ..Setup::default()
    });
    let before = contents(&simulator);
    let site = TestSite::of(&simulator, &Where::OwnProject);
    run(&site, &CASES[..3]).unwrap_or_else(|failed| panic!("{failed}"));
    assert_eq!(contents(&simulator), before);
}

#[test]
fn a_real_site_conforms() {
    let found = match variables::read(|name| std::env::var(name).ok()) {
        Ok(found) => found,
        Err(problem) => panic!("{problem}"),
    };
    let Some((access, place)) = found else {
        say(
            true,
            "no real site is asked, because TABLEAU_TEST_SERVER is not set (CONTRIBUTING, \"A real site\")",
        );
        return;
    };
    let site = TestSite::open(access, &place, None).unwrap_or_else(|problem| panic!("{problem}"));
    run(&site, &CASES).unwrap_or_else(|failed| panic!("{failed}"));
}

#[test]
fn a_case_that_fails_is_told_and_leaves_nothing_behind() {
    let simulator = Simulator::start();
    let before = contents(&simulator);
    let fails = |site: &TestSite| -> Ran {
        site.publish("Left", ORDERS, &[]);
        site.nested("Left");
        panic!("on purpose");
    };
    let site = TestSite::of(&simulator, &Where::OwnProject);
    let failed = run(&site, &[case("fails", fails, ""), CASES[0]]).unwrap_err();
    assert_eq!(failed, "fails: on purpose");
    assert_eq!(contents(&simulator), before);
}

#[test]
fn in_a_given_project_nothing_else_is_touched() {
    let simulator = Simulator::start();
    simulator.site(|site| {
        let sales = site.project(&["Sales"]).unwrap().luid.clone();
        site.add_datasource("Orders", &sales);
        site.add_datasource("conformance 00000000 Created", &sales);
    });
    let before = contents(&simulator);
    let site = TestSite::of(&simulator, &Where::Given("Sales".to_owned()));
    run(&site, &[CASES[0], CASES[9]]).unwrap_or_else(|failed| panic!("{failed}"));
    assert_eq!(contents(&simulator), before);
}

#[test]
fn a_project_with_something_of_somebody_else_is_left() {
    let simulator = Simulator::start();
    let site = TestSite::of(&simulator, &Where::OwnProject);
    simulator.site(|inside| inside.add_datasource("Theirs", &site.project_luid));
    let failed = run(&site, &CASES[..1]).unwrap_err();
    assert!(failed.contains("somebody else's `Theirs`"), "{failed}");
    let left = simulator.site(|site| {
        let names = site.datasources.iter().map(|left| left.name.clone());
        names.collect::<Vec<_>>()
    });
    assert_eq!(left, ["Theirs"]);
}

#[test]
fn a_step_that_fails_does_not_show_the_secret() {
    let simulator = Simulator::start();
    let site = TestSite::of(&simulator, &Where::OwnProject);
    let fails = |site: &TestSite| -> Ran {
        site.publish("Shown", ORDERS, &[("sql", "SELECT nothing FROM input")]);
        Ran::Whole
    };
    let failed = run(&site, &[case("fails", fails, "")]).unwrap_err();
    assert!(failed.contains("nothing"), "{failed}");
    let secret = site.access.token_secret.expose_secret();
    assert!(!failed.contains(secret), "the secret is shown");
}
