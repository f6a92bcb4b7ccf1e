//! What is wrong with the inputs, all of it at once.

use std::fmt;

use super::declared::DECLARED;

/// Follows what is said of a credential that is missing: nearly always it is empty and not forgotten.
pub(super) const NO_SECRET: &str =
    "; is the secret defined? Workflows of forks and Dependabot get none";

/// Everything that is wrong with the inputs; never empty.
#[derive(Debug)]
pub struct InputErrors(Vec<InputError>);

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    /// Name of the input, as in `action.yml`.
    pub input: &'static str,
    /// What is wrong and how to put it right: lower case, no full stop, never a secret.
    pub problem: String,
}

impl InputErrors {
    /// Returns them in the order of the documentation.
    pub fn all(&self) -> &[InputError] {
        &self.0
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "input `{}`: {}", self.input, self.problem)
    }
}

impl fmt::Display for InputErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join("; "))
    }
}

impl std::error::Error for InputErrors {}

/// Problems found so far; reading goes on after each.
#[derive(Default)]
pub(super) struct InputProblems(Vec<InputError>);

impl InputProblems {
    /// Notes what is wrong with an input.
    pub(super) fn add(&mut self, input: &'static str, problem: impl Into<String>) {
        self.0.push(InputError {
            input,
            problem: problem.into(),
        });
    }

    /// Keeps a value, or notes why it is none.
    pub(super) fn take<T>(
        &mut self,
        input: &'static str,
        value: Option<Result<T, String>>,
    ) -> Option<T> {
        match value? {
            Ok(value) => Some(value),
            Err(problem) => {
                self.add(input, problem);
                None
            }
        }
    }

    /// Whether something is wrong with an input.
    pub(super) fn has(&self, input: &str) -> bool {
        self.0.iter().any(|problem| problem.input == input)
    }

    /// Ends with all problems in the order in which the inputs are documented, if there are any.
    pub(super) fn end(mut self) -> Result<(), InputErrors> {
        let position = |name: &str| DECLARED.iter().position(|input| input.name == name);
        self.0.sort_by_key(|problem| position(problem.input));
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(InputErrors(self.0))
        }
    }
}
