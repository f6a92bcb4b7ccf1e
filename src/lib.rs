//! Gets data into Tableau on a schedule: fetch, type, shape in Hyper, check, publish, report.
//!
//! A run is a one-way flow through values, each produced by one stage from the one before it.
//! Between the two networks (the source on the left, Tableau on the right) there are only files,
//! and everything there is synchronous, deterministic and can be looked at afterwards.
//!
//! ```text
//! INPUT_* → Inputs → Staged → Table → Draft → Extract → Published → Run → log, outputs, summary
//!           inputs   source   table   hyper   guards·hyper  tableau   lib    report
//! ```
//!
//! # Rooms
//!
//! | module | what it is | may import |
//! |---|---|---|
//! | [`events`] | what stages say while they work | – |
//! | [`cancel`] | the wish to stop, told on one thread and noticed on all | – |
//! | [`panics`] | a defect, made an error like others | – |
//! | [`problem`] | the one error that is told rather than handled | – |
//! | [`secrets`] | every secret in every spelling; takes them out of texts | – |
//! | [`say`] | how numbers, names and values are said to people | `secrets` |
//! | [`data`] | the words for typed data: columns, values | – |
//! | [`disk`] | whether it is the disk that has no room | `say` |
//! | [`workspace`] | paths a user may name: regular files inside, wherever links lead | – |
//! | [`http`] | one client for both networks; retries, redirects, codings, trust | `events problem say secrets workspace` |
//! | [`source`] | brings bytes to this disk, knows their format | `data events http problem say secrets workspace` |
//! | [`readers`] | files of every format: where records begin and end, values as tokens | `data problem say secrets source` |
//! | [`outline`] | documents from afar: where their rows are, what they say of further pages | `data readers source say` |
//! | [`typing`] | from what values look like to the one type of their column | `data readers source say problem` |
//! | [`columnar`] | files whose columns have types: Parquet | `data readers typing source say` |
//! | [`table`] | all rows of all files, with types that all of them confirm | `data outline readers source say typing columnar` |
//! | [`hyper`] | the engine: stages, runs the user's SQL, completes the file | `cancel data events problem say table` |
//! | [`guards`] | guards over the built result | `hyper say secrets` |
//! | [`tableau`] | publishes a file through the REST API and verifies it | `cancel events http panics problem say secrets` |
//! | [`inputs`] | environment to checked values | the types it parses into, `secrets` |
//! | [`report`] | everything a person or a later step sees | the results it shows, `secrets panics` |
//! | this file | the only place that knows the order | all |
//!
//! `tests/it/tidy.rs` holds this table and the owners of outside names to the code.
//!
//! # Invariants
//!
//! *Invariant:* between `source` and `tableau` nothing touches the network, and nothing is async.
//!
//! *Invariant:* a stage never prints, never reads the environment, never decides an exit code.
//!
//! *Invariant:* every retry happens in `http`; every other module sees one request, one outcome.
//! Restarting an upload session is not a retry; it is the publish workflow. Nor is asking Tableau once
//! more after a new sign-in, or after a foreign page: only `tableau` can tell that from an answer.
//!
//! *Invariant:* what a server supplies (a redirect, a next link) is followed only as `http::check_link`
//! allows; no header of the user's reaches an origin the user did not name.
//!
//! *Invariant:* nothing is published that was not completely read and typed, completed on disk
//! and let through by every guard.
//!
//! *Invariant:* all rows decide the types. What the first ones of a large table assume is confirmed by all rows
//! while they are loaded; if a later row contradicts it, what was loaded is thrown away and built anew.
//!
//! *Invariant:* a secret is a `secrecy::SecretString`, which has no `Display`; [`secrets`] knows it before it is
//! used, and whatever is shown, or cut to be shown, passes there first.
//!
//! *Invariant:* a panic ends like a failure: stage, annotation, outputs, summary, sign-out, no engine left, exit code 1.
//!
//! *Invariant:* a cancelled run tells Tableau nothing but its sign-out, and leaves no folder behind.
//!
//! *Invariant:* the engine is closed: it sees its own folder, an empty environment and no network;
//! Parquet files are linked into that folder while they are loaded and gone before any SQL of the user runs.

pub mod cancel;
pub mod columnar;
pub mod data;
pub mod disk;
pub mod events;
pub mod guards;
pub mod http;
pub mod hyper;
pub mod inputs;
pub mod outline;
pub mod panics;
pub mod problem;
pub mod readers;
pub mod report;
pub mod rules;
pub mod run;
pub mod say;
pub mod secrets;
pub mod source;
pub mod table;
pub mod tableau;
pub mod typing;
pub mod workspace;
