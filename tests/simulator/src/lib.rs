//! A Tableau site for tests: it signs in, stores uploads, publishes data sources and goes wrong when asked to.
//!
//! Written from Tableau's REST reference and knowing nothing of any client, it is strict where real servers
//! are: unknown elements, wrong modes and repeated appends have their real consequences. It has state, so
//! that a chunk whose answer was lost is stored all the same.
//!
//! `wire` receives requests and lets [`Fault`]s strike, [`Site`] holds the state and answers, `xml` reads and
//! writes documents, `multipart` splits bodies while they arrive, `origin` plays the side data comes from.
//!
//! - *Invariant:* the same requests give the same answers: time advances a second per request, ids count up. Only
//!   `Seconds::Real` has a clock of its own.
//! - *Invariant:* uploaded bytes are on disk, in memory only for whoever downloads them.
//! - *Invariant:* no secret is in [`Site::requests`].

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod faults;
mod multipart;
mod origin;
mod site;
mod wire;
mod xml;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

pub use faults::{Effect, Fault, Operation, RetryAfter};
pub use origin::{OriginRequest, Page};
pub use site::{
    AsJob, CONTENT_URL, CalculatedField, Caption, Column, Connection, Connections, DEFAULT_PROJECT,
    Datasource, DescriptionAtPublish, Downloads, FilterCase, Folder, Job, JobOutcome, JobState,
    PROJECT, Paging, PersonalAccessToken, Project, Replace, Request, Seconds, Settings, Site,
    TOKEN_NAME, TOKEN_SECRET, Table, Tables, Upload, UploadLife, User, WithoutExtract,
};
pub use xml::XmlStyle;

/// How long stopping may take. It takes no time, but threads of a busy machine come late.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a simulator starts with.
#[derive(Debug, Default)]
pub struct Setup {
    /// The site; the default is the sample site.
    pub site: Site,
    /// The way the server is; replaces the site's own settings.
    pub settings: Settings,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// What reads files of rows; without it descriptions have no columns, and packages are not compared with theirs.
    pub engine: Option<Box<dyn Tables>>,
    /// Where published files stay; without it they vanish with the simulator.
    pub store: Option<PathBuf>,
    /// The port on the loopback address; 0 takes any free one.
    pub port: u16,
}

/// A running server; it stops when dropped.
pub struct Simulator {
    address: SocketAddr,
    world: wire::Shared,
    runtime: Option<Runtime>,
}

impl Simulator {
    /// Starts with the sample site and no faults.
    pub fn start() -> Self {
        Self::launch(Setup::default())
    }

    /// Starts with the sample site and faults such as `append-to-file-upload#1=lose-response`.
    ///
    /// # Panics
    ///
    /// If a fault is not understood; the message says what is valid.
    pub fn with<const N: usize>(faults: [&str; N]) -> Self {
        let faults = faults.map(|text| text.parse().unwrap_or_else(|problem| panic!("{problem}")));
        Self::launch(Setup {
            faults: faults.into(),
            ..Setup::default()
        })
    }

    /// Starts as set up.
    ///
    /// # Panics
    ///
    /// If the port is taken.
    pub fn launch(setup: Setup) -> Self {
        Self::try_launch(setup)
            .unwrap_or_else(|error| panic!("the simulator cannot start: {error}"))
    }

    /// Starts as set up, unless the port is taken or the store cannot be made.
    pub fn try_launch(setup: Setup) -> io::Result<Self> {
        let Setup {
            mut site,
            settings,
            faults,
            engine,
            store,
            port,
        } = setup;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        site.settings = settings;
        site.engine = engine;
        site.address = format!("http://{address}");
        if let Some(directory) = store {
            std::fs::create_dir_all(&directory)?;
            site.store = site::store::Store::at(&directory);
        }
        let world = wire::Shared::new(site, faults);
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("tableau-simulator")
            .enable_io()
            .build()?;
        let shared = world.clone();
        runtime.spawn(async move {
            if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                wire::listen(listener, shared).await;
            }
        });
        Ok(Self {
            address,
            world,
            runtime: Some(runtime),
        })
    }

    /// Returns the address clients are given, such as `http://127.0.0.1:49152`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the address of an origin page.
    pub fn origin_url(&self, path: &str) -> String {
        format!("{}/origin/{}", self.url(), path.trim_start_matches('/'))
    }

    /// Serves a page at `/origin` + `path`; a path with a query matches that query only.
    pub fn serve(&self, path: &str, page: Page) {
        self.serve_in_turn(path, vec![page]);
    }

    /// Serves several pages in turn, beginning anew after the last.
    pub fn serve_in_turn(&self, path: &str, pages: Vec<Page>) {
        self.world.lock().origin.serve(path, pages);
    }

    /// Lets a closure answer whatever is asked at `/origin` + `path`.
    pub fn serve_with(
        &self,
        path: &str,
        answer: impl FnMut(&OriginRequest) -> Page + Send + 'static,
    ) {
        self.world.lock().origin.script(path, Box::new(answer));
    }

    /// Looks at the site, or changes it.
    pub fn site<T>(&self, look: impl FnOnce(&mut Site) -> T) -> T {
        look(&mut self.world.lock().site)
    }

    /// Returns the calls so far; `!` marks those a fault has struck.
    pub fn calls(&self) -> Vec<String> {
        self.world.lock().calls.clone()
    }

    /// Returns how many calls of an operation have begun, `origin` included.
    ///
    /// # Panics
    ///
    /// If there is no such operation.
    pub fn n_calls(&self, operation: &str) -> usize {
        let operation: Operation = operation
            .parse()
            .unwrap_or_else(|problem: String| panic!("{problem}"));
        self.world.lock().n_calls(operation)
    }

    /// Returns the requests the origin has received.
    pub fn origin_requests(&self) -> Vec<OriginRequest> {
        self.world.lock().origin.requests.clone()
    }

    /// Adds a fault to those set up; calls are counted from the start.
    pub fn add_fault(&self, fault: Fault) {
        self.world.lock().faults.push(fault);
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        // Connections hold the store, whose files must be gone when the caller goes on. The wait has its own
        // thread, because tokio forbids it to callers that are async themselves.
        let shutdown = std::thread::spawn(move || runtime.shutdown_timeout(PATIENCE));
        let _ = shutdown.join();
    }
}
