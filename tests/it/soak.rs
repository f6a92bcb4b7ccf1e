//! Many publishes with faults at random, and kills at random moments: whatever happens, the site is whole.
//!
//! `SOAK=5000 SEED=7 cargo test --test it soak` runs longer and repeats a run that failed.

use std::fmt::Write;
use std::time::Instant;

use publish_to_tableau::tableau::{DataState, PublishMode};
use tableau_simulator::{AsJob, JobOutcome, Settings, Setup, Simulator, Site, UploadLife};

use crate::harness::Action;
use crate::workflow::Run;

const OPERATIONS: [&str; 12] = [
    "server-info",
    "sign-in",
    "query-projects",
    "query-data-sources",
    "query-data-source",
    "initiate-file-upload",
    "append-to-file-upload",
    "publish-data-source",
    "query-job",
    "update-data-source",
    "add-tags-to-data-source",
    "sign-out",
];
const EFFECTS: [&str; 15] = [
    "refuse",
    "reset",
    "429",
    "429+0s",
    "503",
    "502",
    "lose-response",
    "late-504",
    "truncate",
    "garbage",
    "empty",
    "error-in-200",
    "401002",
    "404015",
    "413",
];

/// A small generator (xorshift), so that a seed names a run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// What the site must hold: every version that was told to be there, and those nobody knows of.
#[derive(Default)]
struct Ledger {
    /// The possible contents, each a list of parts.
    possible: Vec<Vec<Vec<u8>>>,
}

impl Ledger {
    /// The contents after a publish of `file` that worked, for one content before.
    fn after(mode: PublishMode, before: &[Vec<u8>], file: &[u8]) -> Vec<Vec<u8>> {
        let mut parts = match mode {
            PublishMode::Append => before.to_vec(),
            PublishMode::Overwrite | PublishMode::CreateNew => Vec::new(),
        };
        parts.push(file.to_vec());
        parts
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "a long run tells what it did")]
fn faults_at_random_leave_the_site_as_it_was_told() {
    let (n_runs, seed) = (number("SOAK", 140), number("SEED", 0x5EED_1234));
    let began = Instant::now();
    let mut random = Random(seed);
    let mut n_done = 0;
    while n_done < n_runs {
        let settings = Settings {
            as_job: random.pick(&[AsJob::Supported, AsJob::Ignored]),
            uploads: random.pick(&[UploadLife::OutlivesToken, UploadLife::DiesWithToken]),
            polls_until_done: u32::try_from(random.below(4)).unwrap(),
            index_lag: u32::try_from(random.below(7)).unwrap(),
            job: random.pick(&[
                JobOutcome::Success,
                JobOutcome::Success,
                JobOutcome::FinishCode3,
                JobOutcome::Vanished,
                JobOutcome::Failed,
                JobOutcome::ErrorNote,
            ]),
            append_status: random.pick(&[200, 201]),
            ..Settings::default()
        };
        let simulator = Simulator::launch(Setup {
            settings,
            ..Setup::default()
        });
        let mut ledger = Ledger {
            possible: vec![Vec::new()],
        };
        for _ in 0..4 {
            one(&simulator, &mut random, &mut ledger, seed);
            n_done += 1;
        }
    }
    println!(
        "{n_done} publishes in {:.1} s",
        began.elapsed().as_secs_f32()
    );
}

/// One publish with up to three faults; afterwards the site holds what was told, or what may be.
fn one(simulator: &Simulator, random: &mut Random, ledger: &mut Ledger, seed: u64) {
    let mode = random.pick(&[
        PublishMode::Overwrite,
        PublishMode::Overwrite,
        PublishMode::Append,
        PublishMode::CreateNew,
    ]);
    let mut faults = Vec::new();
    for _ in 0..random.below(4) {
        let operation = random.pick(&OPERATIONS);
        let nth = simulator.n_calls(operation) + 1 + random.below(3);
        let fault = format!("{operation}#{nth}={}", random.pick(&EFFECTS));
        simulator.add_fault(fault.parse().unwrap());
        faults.push(fault);
    }
    let mut run = Run::new(simulator).mode(mode).impatient();
    // Each publish is another file, so that a doubled or mixed one shows.
    run.file.truncate(20_000 + random.below(90_000));
    let stamp = random.below(256);
    run.file[10] = u8::try_from(stamp).unwrap();
    let outcome = run.go();
    simulator.site(Site::finish_jobs);
    let held = simulator.site(|site| site.datasources.clone());
    let place = format!(
        "seed {seed}, {mode:?} with {faults:?}: {:?}, {:?}, {:#?}",
        outcome.result, outcome.record, outcome.log
    );
    assert!(held.len() <= 1, "doubled: {place}");
    let held: Vec<Vec<u8>> = held
        .iter()
        .flat_map(|datasource| &datasource.parts)
        .map(|part| std::fs::read(part).unwrap())
        .collect();
    let before = std::mem::take(&mut ledger.possible);
    let after = || {
        before
            .iter()
            .map(|parts| Ledger::after(mode, parts, &run.file))
    };
    let possible: Vec<Vec<Vec<u8>>> = match outcome.record.state {
        DataState::Untouched => before.clone(),
        DataState::Changed => after().collect(),
        DataState::Unknown | DataState::Accepted => before.iter().cloned().chain(after()).collect(),
    };
    assert!(
        possible.contains(&held),
        "the site holds {:?}, which nobody told: {place}",
        held.iter().map(Vec::len).collect::<Vec<_>>()
    );
    let is_done = matches!(
        outcome.record.state,
        DataState::Changed | DataState::Accepted
    );
    assert!(outcome.result.is_err() || is_done, "{place}");
    ledger.possible = vec![held];
}

#[test]
#[expect(clippy::print_stdout, reason = "a long run tells what it did")]
fn kills_at_random_moments_leave_old_or_new() {
    let n_kills = number("KILLS", 12);
    let mut random = Random(number("SEED", 0x0DD_5EED));
    let simulator = Simulator::start();
    let action = |n: u64| {
        let mut rows = String::new();
        for row in 0..20_000 {
            writeln!(rows, "{row},{n},text {}", row * n).unwrap();
        }
        Action::publishing_to(&simulator)
            .file("x.csv", format!("id,run,text\n{rows}"))
            .input("source", "x.csv")
    };
    let began = Instant::now();
    let first = action(0).run().succeeded();
    let whole = began.elapsed();
    let mut held = std::fs::read(first.hyper()).unwrap();
    let mut n_changed = 0;
    for n in 1..=n_kills {
        let mut step = action(n).start();
        let thousandths = u32::try_from(random.below(1_100)).unwrap();
        std::thread::sleep(whole * thousandths / 1_000);
        let _ = step.child.kill();
        step.end();
        simulator.site(Site::finish_jobs);
        // Nothing is replaced while it is looked at.
        let now = simulator.site(|site| {
            assert_eq!(site.datasources.len(), 1);
            let parts = &site.datasource("Orders").unwrap().parts;
            assert_eq!(parts.len(), 1);
            std::fs::read(&parts[0]).unwrap()
        });
        if now != held {
            // Not the old file, so it is a whole new one. A commit that was still in the kernel when the
            // site's last jobs were finished shows a run later.
            let arrived = first.machine.temp().join("arrived.hyper");
            std::fs::write(&arrived, &now).unwrap();
            let rows = crate::extract::read(&arrived);
            let is_of = |n: u64| {
                let of_run = rows
                    .lines()
                    .filter(|row| row.contains(&format!(" | {n} | ")));
                of_run.count() == 20_000 && rows.contains(&format!("text {}", 19_999 * n))
            };
            assert!(is_of(n) || is_of(n - 1), "{n}");
            n_changed += 1;
            held = now;
        }
    }
    println!("{n_kills} kills, {n_changed} published all the same");
    // Whoever is killed leaves nothing that keeps the next run from its work.
    action(99).run().succeeded();
}
