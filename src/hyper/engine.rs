//! Starts and stops `hyperd`, closed to everything but its own folder.
//!
//! hyperdb-api's own launcher hands its whole environment on, logs into the current folder and
//! waits 60 s in silence when the engine cannot start; this one does none of that.

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::cancel::{Cancel, Guard};
use crate::problem::Problem;

/// A cold 260 MB binary on a slow disk needs seconds; a minute means it never will.
const START_LIMIT: Duration = Duration::from_mins(1);
/// An orderly stop flushes what is committed; measured 11 to 170 ms.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Waking up this often costs nothing against the 30 ms the engine takes.
const POLL: Duration = Duration::from_millis(1);

/// What to do without an engine.
const MISSING: &str = "the image of the action holds the engine: leave HYPERD_PATH out of the job's `env`; elsewhere install it with `tests/install-hyperd.sh FOLDER` and set HYPERD_PATH to that folder";
/// What to do if it does not start.
const NOT_STARTED: &str = "run again; if it happens again, look at the runner: the engine needs Linux on x86-64, about 200 MB of memory, and a temp folder it can write to";

/// Which files outside its databases the engine may read.
#[derive(Clone, Copy, Debug)]
pub enum FileAccess<'a> {
    /// None at all.
    Nothing,
    /// Those in this folder, and what links in it lead to.
    Folder(&'a Path),
}

/// A running `hyperd`.
///
/// It ends when the value is dropped, and also when this process is killed: the engine watches
/// the callback connection and shuts down when it closes.
#[derive(Debug)]
pub struct Engine {
    child: Arc<Mutex<Child>>,
    // Cancelling kills the engine, and with it the blocking call that waits for it.
    _guard: Guard,
    // `Some` until the engine is told to stop.
    callback: Option<TcpStream>,
    endpoint: String,
}

impl Engine {
    /// Starts the engine; it may keep databases below `folder` and nowhere else.
    ///
    /// The folder must exist and be writable. Errors carry the engine's own words.
    pub fn start(
        hyperd: &Path,
        folder: &Path,
        access: FileAccess,
        cancel: &Cancel,
    ) -> Result<Engine, Problem> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .map_err(failing("cannot open a local port for the Hyper engine"))?;
        let callback = listener
            .local_addr()
            .map_err(failing("the local port has no address"))?;
        let temp = folder.join("tmp");
        fs::create_dir_all(&temp)
            .map_err(failing(format!("cannot create `{}`", temp.display())))?;
        let words = folder.join("hyperd.stderr");
        let stderr = File::create(&words)
            .map_err(failing(format!("cannot create `{}`", words.display())))?;
        let child = Command::new(hyperd)
            .args(arguments(callback, folder, &temp, access)?)
            .env_clear()
            .env("TMPDIR", &temp)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .map_err(failing(format!(
                "cannot start the Hyper engine `{}`",
                hyperd.display()
            )))?;
        let child = Arc::new(Mutex::new(child));
        let victim = Arc::clone(&child);
        let mut engine = Engine {
            child,
            _guard: cancel.guard(move || kill(&victim)),
            callback: None,
            endpoint: String::new(),
        };
        match engine.wait_for_callback(&listener) {
            Ok(()) => Ok(engine),
            Err(error) => {
                engine.kill();
                let words = last_words(&words);
                let what = format!("the Hyper engine did not start{words}");
                Err(failing(what)(error))
            }
        }
    }

    /// Returns where to connect, as `host:port`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns how the engine ended, if it did so by itself.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        lock(&self.child).try_wait().ok().flatten()
    }

    /// Returns how the engine ended, if it does so by itself within a time.
    pub fn ends_within(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            let ended = self.has_ended();
            if ended.is_some() || Instant::now() >= deadline {
                return ended;
            }
            thread::sleep(POLL);
        }
    }

    /// Stops the engine in order and waits until it is gone; committed data is on disk then.
    pub fn stop(mut self) -> Result<()> {
        // Closing the callback is the engine's own signal for an orderly end.
        drop(self.callback.take());
        let deadline = Instant::now() + STOP_LIMIT;
        while Instant::now() < deadline {
            if let Some(status) = lock(&self.child)
                .try_wait()
                .context("cannot wait for the Hyper engine")?
            {
                if status.success() {
                    return Ok(());
                }
                bail!("the Hyper engine ended with {status}");
            }
            thread::sleep(POLL);
        }
        bail!(
            "the Hyper engine did not stop within {} s",
            STOP_LIMIT.as_secs()
        )
    }

    /// The engine connects and sends one byte of length and `tab.tcp://HOST:PORT` with a final NUL.
    fn wait_for_callback(&mut self, listener: &TcpListener) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        let mut stream = loop {
            match listener.accept() {
                Ok((stream, _)) => break stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(anyhow!(error).context("cannot take the engine's call")),
            }
            if let Some(status) = self.has_ended() {
                bail!("it ended with {status}");
            }
            if Instant::now() > deadline {
                bail!("it said nothing for {} s", START_LIMIT.as_secs());
            }
            thread::sleep(POLL);
        };
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut length = [0];
        stream.read_exact(&mut length)?;
        let mut descriptor = vec![0; usize::from(length[0])];
        stream.read_exact(&mut descriptor)?;
        let descriptor = String::from_utf8_lossy(&descriptor);
        let endpoint = descriptor
            .trim_end_matches('\0')
            .strip_prefix("tab.tcp://")
            .with_context(|| format!("it listens at `{descriptor}`, which is not understood"))?;
        endpoint.clone_into(&mut self.endpoint);
        self.callback = Some(stream);
        Ok(())
    }

    fn kill(&self) {
        kill(&self.child);
    }
}

fn kill(child: &Mutex<Child>) {
    let mut child = lock(child);
    // Both fail only when the process is gone already.
    let _ = child.kill();
    let _ = child.wait();
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.has_ended().is_none() {
            self.kill();
        }
    }
}

/// Finds the engine: `HYPERD_PATH` (a file or the folder that holds it), else where the image keeps it.
pub fn find(configured: Option<&Path>) -> Result<PathBuf, Problem> {
    let installed = Path::new("/opt/hyper");
    let named = configured.unwrap_or(installed);
    let file = if named.is_dir() {
        named.join("hyperd")
    } else {
        named.to_owned()
    };
    if file.is_file() {
        return Ok(file);
    }
    let shown = file.display();
    let what = match configured {
        Some(_) => format!("there is no Hyper engine at `{shown}`, where HYPERD_PATH points"),
        None => format!("there is no Hyper engine at `{shown}`"),
    };
    Err(Problem::new(what).hint(MISSING))
}

/// Says what could not be done to start the engine.
fn failing<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    what: impl Into<String>,
) -> impl FnOnce(E) -> Problem {
    |error| Problem::new(what).hint(NOT_STARTED).because(error)
}

fn arguments(
    callback: SocketAddr,
    folder: &Path,
    temp: &Path,
    access: FileAccess,
) -> Result<Vec<String>, Problem> {
    let folder = path_text(folder)?;
    let temp = path_text(temp)?;
    let mut arguments: Vec<String> = [
        "run",
        "--listen-connection=tab.tcp://127.0.0.1:0",
        "--init-user=tableau_internal_user",
        "--language=en_US",
        "--no-password",
        "--skip-license",
        // Empty means no log at all; the default writes one per run beside the binary.
        "--log-config=",
        "--date-style=MDY",
        "--date-style-lenient=false",
        "--default-database-version=3",
        "--strict-settings-mode",
        // Whoever writes SQL could otherwise reach the clouds with keys of their own.
        "--external-s3-hostname=127.0.0.1",
        "--external-s3-port=1",
        "--external-gcs-hostname=127.0.0.1",
        "--external-gcs-port=1",
        "--external-azure-hostname=127.0.0.1",
        "--external-azure-port=1",
    ]
    .map(String::from)
    .into();
    arguments.push(format!("--callback-connection=tab.tcp://{callback}"));
    // A folder that does not exist allows no file at all; the default allows `/proc/self/environ`.
    let files = match access {
        FileAccess::Nothing => format!("{folder}/none"),
        FileAccess::Folder(files) => path_text(files)?.to_owned(),
    };
    arguments.push(format!("--external-file-whitelist={files}"));
    arguments.push(format!("--database-dir-whitelist={folder}"));
    arguments.push(format!("--hyper-temp-directory-override={temp}"));
    Ok(arguments)
}

fn path_text(path: &Path) -> Result<&str, Problem> {
    path.to_str().ok_or_else(|| {
        let what = format!("the path `{}` is not UTF-8", path.display());
        Problem::new(what).hint(NOT_STARTED)
    })
}

/// The end of what the engine wrote before it gave up, as `: …` or nothing.
fn last_words(file: &Path) -> String {
    let text = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    match &lines[lines.len().saturating_sub(3)..] {
        [] => String::new(),
        last => format!(" and said: {}", last.join(" · ")),
    }
}
