//! Gets data into Tableau on a schedule: fetch, type, shape in Hyper, check, publish, report.
//!
//! A run is a one-way flow through values, each produced by one stage from the one before it.
//! Between the two networks (the source on the left, Tableau on the right) there are only files,
//! and everything there is synchronous, deterministic and can be looked at afterwards.
//!
//! ```text
//! INPUT_* → Inputs → Staged → Table → Draft → Extract → Published → Run → log, outputs, summary
//!           inputs   source   table   hyper   guards·hyper  tableau   run    report
//! ```
//!
//! # Rooms
//!
//! | module | what it is | may import |
//! |---|---|---|
//! | [`secrets`] | every secret in every spelling; takes them out of texts | – |
//! | [`say`] | how numbers, names and values are said to people | `secrets` |
//! | [`problem`] | the one error that is told rather than handled | – |
//! | [`events`] | what stages say while they work | – |
//! | [`cancel`] | the wish to stop, told on one thread and noticed on all | – |
//! | [`panics`] | a defect, made an error like others | – |
//! | [`random`] | chance, for waits and separators | – |
//! | [`disk`] | whether it is the disk that has no room | `say` |
//! | [`workspace`] | paths a user may name: regular files inside, wherever links lead | – |
//! | [`data`] | the words for typed data: columns, values, tokens, numbers, times, batches | – |
//! | [`rules`] | what the user declares about the data: `records`, `columns`, `csv` | `data say` |
//! | [`http`] | one client for both networks; retries, redirects, codings, trust | `events problem random say secrets workspace` |
//! | [`source`] | brings bytes to this disk, and knows every format by name and first bytes | `data events http problem say secrets workspace` |
//! | [`readers`] | files of records: where each begins and ends, its values as tokens | `data http rules say secrets source` |
//! | [`typing`] | from what values look like to the one type of their column, and a row of values | `data readers rules say source` |
//! | [`columnar`] | files whose columns have types, Parquet and Arrow: leaves, batches, what the engine reads itself | `data http readers rules say source typing` |
//! | [`outline`] | documents from afar: where their rows are, what they say of further pages | `columnar data readers rules say source` |
//! | [`table`] | all rows of all files; types assumed by the first and confirmed by all; batches | `columnar data outline readers rules say source typing` |
//! | [`hyper`] | the engine: loads, runs the user's SQL, completes the file | `cancel columnar data events problem say table` |
//! | [`guards`] | guards over the built result | `hyper say` |
//! | [`tableau`] | publishes a file through the REST API and verifies it | `cancel events http panics problem random say secrets` |
//! | [`inputs`] | environment to checked values | `data guards http hyper rules say secrets source tableau` |
//! | [`run`] | the order of a run; what it came to | `cancel data disk events guards http hyper inputs outline panics say source table tableau workspace` |
//! | [`report`] | everything a person or a later step sees | `data events guards http hyper inputs panics problem random run say secrets source tableau` |
//!
//! Each room imports only rooms above it. Inside a room *words live at the bottom, order at the top*: no circle of
//! files, the door counts; a file imports from the file that defines; an `impl` stands with its type; no type name
//! twice in the house. `tests/it/tidy.rs` holds all this, and the owners of outside names, to the code.
//! Start reading at [`run`]; `docs/code-map.md` has a line for every file.
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
pub mod random;
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
