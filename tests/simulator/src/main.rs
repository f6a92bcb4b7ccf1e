//! Runs the simulator for demos: prints where it is and what signs in, then serves until it is killed.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

use std::future::poll_fn;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::task::Poll;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use tableau_simulator::{CONTENT_URL, PROJECT, Page, Setup, Simulator, TOKEN_NAME, TOKEN_SECRET};

const USAGE: &str = "usage: tableau-simulator [--port N] [--store DIR] [--serve PATH=FILE]… [--polls N] [--job OUTCOME] [--as-job SUPPORT] [--append-status N] [--chunk-limit BYTES] \
                     [--token-lifetime N] [--uploads LIFE] [--index-lag N] [--xml STYLE] [--rest-api-version V] [--projects N] [FAULT]…";

/// What the command line asks for.
#[derive(Debug, Default)]
struct Options {
    setup: Setup,
    pages: Vec<(String, PathBuf)>,
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)) {
        Ok(options) => match run(options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&error.to_string(), 1),
        },
        Err(problem) => complain(&format!("{problem}\n{USAGE}"), 2),
    }
}

fn complain(problem: &str, code: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "error: {problem}");
    ExitCode::from(code)
}

fn run(options: Options) -> io::Result<()> {
    let simulator = Simulator::try_launch(options.setup)?;
    serve_dogs(&simulator);
    for (path, file) in &options.pages {
        simulator.serve(path, Page::file(file));
    }
    let mut out = io::stdout().lock();
    writeln!(out, "url={}", simulator.url())?;
    writeln!(out, "site={CONTENT_URL}")?;
    writeln!(out, "pat-name={TOKEN_NAME}")?;
    writeln!(out, "pat-secret={TOKEN_SECRET}")?;
    writeln!(out, "project={PROJECT}")?;
    writeln!(out, "source={}", simulator.origin_url("dog"))?;
    out.flush()?;
    wait_for_end()
}

/// Waits until the process is asked to end, so that temporary files are cleared away.
fn wait_for_end() -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        poll_fn(|context| {
            let ended =
                terminate.poll_recv(context).is_ready() || interrupt.poll_recv(context).is_ready();
            if ended {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        Ok(())
    })
}

/// Serves the demo's source: one fixed answer, and one that changes.
fn serve_dogs(simulator: &Simulator) {
    let page = |image: &str| {
        Page::json(format!(
            "{{\"message\":\"https://images.dog.ceo/breeds/{image}\",\"status\":\"success\"}}"
        ))
    };
    let fixed = "hound-afghan/n02088094_1003.jpg";
    simulator.serve("dog", page(fixed));
    let images = [
        fixed,
        "terrier-border/n02093754_1062.jpg",
        "corgi-cardigan/n02113186_1030.jpg",
    ];
    simulator.serve_in_turn("dog/random", images.map(page).into());
}

fn parse(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let Some(name) = argument.strip_prefix("--") else {
            options.setup.faults.push(argument.parse()?);
            continue;
        };
        let (name, given) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (name, None),
        };
        let mut value = || {
            given
                .clone()
                .or_else(|| arguments.next())
                .ok_or_else(|| format!("`--{name}` needs a value"))
        };
        let settings = &mut options.setup.settings;
        match name {
            "port" => options.setup.port = number(name, &value()?)?,
            "store" => options.setup.store = Some(PathBuf::from(value()?)),
            "serve" => options.pages.push(page(&value()?)?),
            "polls" => settings.polls_until_done = number(name, &value()?)?,
            "job" => settings.job = value()?.parse()?,
            "as-job" => settings.as_job = value()?.parse()?,
            "append-status" => settings.append_status = number(name, &value()?)?,
            "chunk-limit" => settings.chunk_limit = number(name, &value()?)?,
            "token-lifetime" => settings.token_lifetime = Some(number(name, &value()?)?),
            "uploads" => settings.uploads = value()?.parse()?,
            "index-lag" => settings.index_lag = number(name, &value()?)?,
            "xml" => settings.xml = value()?.parse()?,
            "rest-api-version" => settings.rest_api_version = value()?,
            "projects" => options.setup.site.add_projects(number(name, &value()?)?),
            _ => {
                return Err(format!(
                    "unknown option `--{name}`, valid are: --port, --store, --serve, --polls, --job, --as-job, --append-status, --chunk-limit, --token-lifetime, --uploads, \
                     --index-lag, --xml, --rest-api-version, --projects"
                ));
            }
        }
    }
    Ok(options)
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a number `--{name}` can take"))
}

fn page(text: &str) -> Result<(String, PathBuf), String> {
    let (path, file) = text
        .split_once('=')
        .ok_or_else(|| format!("`--serve` takes PATH=FILE, not `{text}`"))?;
    if Path::new(file).is_file() {
        Ok((path.to_owned(), PathBuf::from(file)))
    } else {
        Err(format!("`{file}` is not a file"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Options, String> {
        parse(arguments.iter().map(|argument| (*argument).to_owned()))
    }

    #[test]
    fn options_and_faults_are_understood() {
        let options = read(&[
            "--polls",
            "3",
            "--job=failed",
            "sign-in#1=503",
            "--index-lag",
            "2",
        ])
        .unwrap();
        assert_eq!(options.setup.settings.polls_until_done, 3);
        assert_eq!(options.setup.settings.index_lag, 2);
        assert_eq!(options.setup.faults.len(), 1);
    }

    #[test]
    fn mistakes_are_explained() {
        for (arguments, part) in [
            (
                &["--prot", "1"][..],
                "unknown option `--prot`, valid are: --port,",
            ),
            (&["--port"], "`--port` needs a value"),
            (&["--port", "x"], "`x` is not a number `--port` can take"),
            (&["--serve", "x"], "takes PATH=FILE"),
            (&["--job", "x"], "unknown job outcome `x`"),
            (&["x=503"], "unknown operation `x`"),
        ] {
            let problem = read(arguments).unwrap_err();
            assert!(problem.contains(part), "{problem}");
        }
    }
}
