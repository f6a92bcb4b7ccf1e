//! What `.cargo/config.toml` has aliases for, because an alias can only be one command.
//!
//! `cargo quick [--check] [FILTER…]` is the loop between two looks at the code: format, lint, the library's tests. It
//! needs neither the engine nor a browser nor Docker, and leaves out the few tests that try random files for longer
//! than all others together. `cargo test` and CI run those as they always do.

#![expect(clippy::print_stderr, reason = "a tool of the terminal")]

use std::process::{Command, ExitCode};
use std::time::Instant;

/// The tests that take seconds each: they run in `cargo test`, and here if a filter asks for them.
const SLOW: [&str; 4] = [
    "any_text_comes_to_the_same_as_with_care",
    "no_file_panics",
    "records_written_alike_are_taken_as_others",
    "rows_are_found_or_asked_for",
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((task, rest)) if task == "quick" => quick(rest),
        _ => {
            eprintln!("usage: cargo quick [--check] [FILTER…]");
            ExitCode::from(2)
        }
    }
}

fn quick(arguments: &[String]) -> ExitCode {
    let (flags, filters): (Vec<&str>, Vec<&str>) = arguments
        .iter()
        .map(String::as_str)
        .partition(|argument| argument.starts_with('-'));
    let is_check = flags == ["--check"];
    if !is_check && !flags.is_empty() {
        eprintln!("`{}` is no option of this; `--check` is", flags.join(" "));
        return ExitCode::from(2);
    }
    let begin = Instant::now();
    let ended = steps(is_check, &filters).iter().all(|step| run(step));
    if !ended {
        return ExitCode::FAILURE;
    }
    eprintln!("well in {:.0} s", begin.elapsed().as_secs_f64());
    if filters.is_empty() {
        eprintln!("left to `cargo test`: {}", SLOW.join(", "));
    }
    ExitCode::SUCCESS
}

/// The arguments of cargo, step by step.
fn steps<'a>(is_check: bool, filters: &[&'a str]) -> Vec<Vec<&'a str>> {
    let mut format = vec!["fmt", "--all"];
    if is_check {
        format.push("--check");
    }
    let lint = "clippy --workspace --all-targets --locked --quiet -- -D warnings";
    let mut test: Vec<&str> = "test --lib --locked --quiet --".split(' ').collect();
    test.extend(filters);
    let is_left_out = |name: &&str| !filters.iter().any(|filter| name.contains(*filter));
    for name in SLOW.into_iter().filter(is_left_out) {
        test.extend(["--skip", name]);
    }
    vec![format, lint.split(' ').collect(), test]
}

/// Runs cargo and says how long it took.
fn run(arguments: &[&str]) -> bool {
    let shown = arguments.split(|argument| *argument == "--").next();
    let shown = shown.unwrap_or_default().join(" ");
    let begin = Instant::now();
    // The cargo that runs this, so that a toolchain chosen with `+` stays chosen.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let is_well = match Command::new(cargo).args(arguments).status() {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("cannot start cargo: {error}");
            false
        }
    };
    let seconds = begin.elapsed().as_secs_f64();
    let outcome = if is_well { "" } else { " and failed" };
    eprintln!("cargo {shown}: {seconds:.1} s{outcome}");
    is_well
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn sources(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .flat_map(|path| {
                if path.is_dir() {
                    sources(&path)
                } else {
                    vec![path]
                }
            })
            .collect()
    }

    #[test]
    fn what_is_left_out_is_there() {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src");
        let texts: Vec<String> = sources(&src)
            .into_iter()
            .map(|file| std::fs::read_to_string(file).unwrap())
            .collect();
        for name in SLOW {
            let head = format!("fn {name}(");
            let found = texts.iter().filter(|text| text.contains(&head)).count();
            assert_eq!(found, 1, "`{name}` is left out, and is no test of `src`");
        }
    }

    #[test]
    fn a_filter_brings_a_slow_test_back() {
        let all = steps(false, &[]);
        assert_eq!(all[0], ["fmt", "--all"]);
        assert_eq!(all[2].iter().filter(|word| **word == "--skip").count(), 4);
        let asked = steps(true, &["no_file"]);
        assert_eq!(asked[0], ["fmt", "--all", "--check"]);
        assert_eq!(asked[2].iter().filter(|word| **word == "--skip").count(), 3);
        assert!(asked[2].contains(&"no_file"));
    }
}
