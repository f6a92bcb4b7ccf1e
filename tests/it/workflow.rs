//! The publish workflow against the simulator, without a source and without the engine.

mod hostile;
mod late;
mod trouble;
mod usual;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use publish_to_tableau::cancel::Cancel;
use publish_to_tableau::events::{Event, Progress};
use publish_to_tableau::http::{Client, Network, RetryPolicy};
use publish_to_tableau::problem::Problem;
use publish_to_tableau::tableau::{
    ApiError, Change, DatasourceName, Description, Destination, Pace, PersonalAccessToken,
    ProjectReference, PublishContext, PublishMode, Published, SiteContentUrl, Tag, TokenName,
    TokenSecret, publish,
};
use secrecy::ExposeSecret;
use tableau_simulator::{
    AsJob, CONTENT_URL, Fault, FilterCase, JobOutcome, Settings, Setup, Simulator, Site,
    TOKEN_NAME, TOKEN_SECRET, UploadLife, XmlStyle,
};

/// The patience of a run for what is on its way: no machine is so busy that it comes later.
///
/// Whoever waits for it to pass shortens it: see [`Run::impatient`].
pub(crate) const LONG: Duration = Duration::from_mins(2);

/// What a test does at a sign of progress.
type Act = Box<dyn Fn(&Progress) + Send + Sync>;

/// One run: a destination, a file, and what came of it.
pub(crate) struct Run {
    pub(crate) to: Destination,
    pub(crate) file: Vec<u8>,
    pub(crate) pace: Pace,
    policy: RetryPolicy,
    /// Called before a request is sent again.
    pub(crate) retrying: Option<Arc<dyn Fn() + Send + Sync>>,
    /// Called at each sign of progress, while the run waits for its end.
    progressing: Option<Act>,
}

#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) result: Result<(), anyhow::Error>,
    pub(crate) record: Published,
    pub(crate) log: Vec<String>,
    secrets: Vec<String>,
}

impl Run {
    pub(crate) fn new(simulator: &Simulator) -> Run {
        let mut file = b"Hyper".to_vec();
        file.extend((0..40_000u32).flat_map(u32::to_le_bytes));
        Run {
            to: Destination {
                server: simulator.url().parse().unwrap(),
                site: SiteContentUrl::parse(CONTENT_URL).unwrap(),
                token: PersonalAccessToken {
                    name: TokenName::parse(TOKEN_NAME).unwrap(),
                    secret: TokenSecret::parse(TOKEN_SECRET).unwrap(),
                },
                project: ProjectReference::parse("Sales/EMEA").unwrap(),
                datasource: DatasourceName::parse("Orders").unwrap(),
                description: None,
                tags: Vec::new(),
                mode: PublishMode::Overwrite,
                wait: LONG,
            },
            file,
            pace: Pace {
                first_wait: Duration::ZERO,
                longest_wait: Duration::ZERO,
                index_lag: LONG,
                answer_limit: LONG,
                chunk: 50_000,
                // The simulator's clock moves by requests.
                tick: Duration::ZERO,
            },
            policy: RetryPolicy {
                attempts: NonZeroU32::new(3).unwrap(),
                first_wait: Duration::ZERO,
                longest_wait: Duration::ZERO,
                patience: Duration::from_secs(2),
            },
            retrying: None,
            progressing: None,
        }
    }

    /// Waits and asks again as outside of tests: what is there may be a real site.
    pub(crate) fn patient(to: Destination) -> Run {
        Run {
            to,
            file: Vec::new(),
            pace: Pace::default(),
            policy: RetryPolicy::default(),
            retrying: None,
            progressing: None,
        }
    }

    /// Looks but once or twice for what does not come.
    pub(crate) fn impatient(mut self) -> Run {
        self.pace.index_lag = Duration::from_millis(40);
        self
    }

    /// Has something done at each sign of progress.
    fn progressing(mut self, act: impl Fn(&Progress) + Send + Sync + 'static) -> Run {
        self.progressing = Some(Box::new(act));
        self
    }

    pub(crate) fn to(mut self, change: impl FnOnce(&mut Destination)) -> Run {
        change(&mut self.to);
        self
    }

    pub(crate) fn mode(self, mode: PublishMode) -> Run {
        self.to(|to| to.mode = mode)
    }

    fn project(self, project: &str) -> Run {
        self.to(|to| to.project = ProjectReference::parse(project).unwrap())
    }

    fn datasource(self, name: &str) -> Run {
        self.to(|to| to.datasource = DatasourceName::parse(name).unwrap())
    }

    pub(crate) fn go(&self) -> Outcome {
        let directory = tempfile::tempdir().unwrap();
        let path: PathBuf = directory.path().join("x.hyper");
        std::fs::write(&path, &self.file).unwrap();
        self.publish(&path)
    }

    /// Publishes a file that somebody else has written.
    pub(crate) fn publish(&self, path: &Path) -> Outcome {
        let http = Client::new(self.policy.clone(), &Network::default()).unwrap();
        let log = Mutex::new(Vec::new());
        let secrets = Mutex::new(Vec::new());
        let note = |event: Event| match event {
            Event::Secret(secret) => secrets
                .lock()
                .unwrap()
                .push(secret.expose_secret().to_owned()),
            Event::Note(text) => log.lock().unwrap().push(format!("note: {text}")),
            Event::Warning(text) => log.lock().unwrap().push(format!("warning: {text}")),
            Event::Progress(Progress::Sent { bytes, of }) => {
                log.lock().unwrap().push(format!("sent: {bytes}/{of}"));
            }
            Event::Progress(Progress::Job { .. }) => log.lock().unwrap().push("job".into()),
            Event::Retrying { .. } => {
                log.lock().unwrap().push(format!("{event:?}"));
                self.retrying.iter().for_each(|retrying| retrying());
            }
            other => log.lock().unwrap().push(format!("{other:?}")),
        };
        let observer = |event: Event| {
            if let (Event::Progress(progress), Some(act)) = (&event, &self.progressing) {
                act(progress);
            }
            note(event);
        };
        let mut record = Published::default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let context = PublishContext {
            http: &http,
            pace: &self.pace,
            observer: &observer,
            cancel: &Cancel::default(),
        };
        let result = runtime.block_on(publish(&self.to, path, &context, &mut record));
        let outcome = Outcome {
            result,
            record,
            log: log.into_inner().unwrap(),
            secrets: secrets.into_inner().unwrap(),
        };
        outcome.keeps_secrets();
        outcome
    }
}

pub(crate) fn chain(error: &anyhow::Error) -> String {
    format!("{error:#}")
}

pub(crate) fn hints(error: &anyhow::Error) -> Vec<String> {
    error
        .chain()
        .filter_map(|cause| {
            let api = cause.downcast_ref::<ApiError>().and_then(ApiError::hint);
            api.or_else(|| {
                cause
                    .downcast_ref::<Problem>()
                    .and_then(|problem| problem.hint.clone())
            })
            .or_else(|| {
                cause
                    .downcast_ref::<publish_to_tableau::http::Error>()
                    .and_then(publish_to_tableau::http::Error::hint)
            })
        })
        .collect()
}

impl Outcome {
    #[track_caller]
    pub(crate) fn done(self, change: Change) -> Outcome {
        if let Err(error) = &self.result {
            panic!("{}\n{:#?}", chain(error), self.log);
        }
        assert_eq!(self.record.change, Some(change), "{:#?}", self.log);
        assert!(self.record.datasource.is_some() && self.record.url.is_some());
        self
    }

    #[track_caller]
    fn failed(self, part: &str) -> Outcome {
        let error = self.result.as_ref().expect_err("should fail");
        assert!(chain(error).contains(part), "{}", chain(error));
        self
    }

    #[track_caller]
    fn hinted(self, part: &str) -> Outcome {
        let hints = hints(self.result.as_ref().expect_err("should fail"));
        assert!(hints.iter().any(|hint| hint.contains(part)), "{hints:?}");
        self
    }

    #[track_caller]
    fn logged(self, part: &str) -> Outcome {
        assert!(
            self.log.iter().any(|line| line.contains(part)),
            "{part} not in {:#?}",
            self.log
        );
        self
    }

    #[track_caller]
    fn silent_about(self, part: &str) -> Outcome {
        assert!(
            !self.log.iter().any(|line| line.contains(part)),
            "{part} in {:#?}",
            self.log
        );
        self
    }

    fn keeps_secrets(&self) {
        let mut text = format!("{:?}{:?}", self.log, self.record);
        if let Err(error) = &self.result {
            text.push_str(&format!("{error:?}{error:#}"));
        }
        for secret in self
            .secrets
            .iter()
            .map(String::as_str)
            .chain([TOKEN_SECRET])
        {
            assert!(!text.contains(secret), "a secret got out");
        }
    }
}

/// All bytes ever published under the name, in order.
fn arrived(simulator: &Simulator, name: &str) -> Vec<Vec<u8>> {
    simulator.site(|site| {
        let datasource = site.datasource(name).expect("published");
        datasource
            .parts
            .iter()
            .map(|part| std::fs::read(part).unwrap())
            .collect()
    })
}

#[track_caller]
fn holds(simulator: &Simulator, run: &Run, times: usize) {
    let parts = arrived(simulator, run.to.datasource.as_str());
    assert_eq!(parts.len(), times);
    assert!(
        parts.iter().all(|part| *part == run.file),
        "the file arrived corrupted"
    );
}

fn with(settings: Settings) -> Simulator {
    Simulator::launch(Setup {
        settings,
        ..Setup::default()
    })
}

fn setup(settings: Settings, faults: &[&str]) -> Simulator {
    let faults = faults.iter().map(|fault| fault.parse().unwrap()).collect();
    Simulator::launch(Setup {
        settings,
        faults,
        ..Setup::default()
    })
}

fn calls(simulator: &Simulator, name: &str) -> usize {
    simulator
        .calls()
        .iter()
        .filter(|call| call.trim_end_matches('!') == name)
        .count()
}
