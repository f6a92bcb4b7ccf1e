//! Follows a path through an XML document.

use crate::data::path::{Step, pointer};
use crate::readers::position::DataProblem;
use crate::readers::record::{REMEMBERED, missing};
use crate::readers::xml::document::local;

/// Follows a path through a document.
pub(crate) struct PathSearch<'p> {
    steps: &'p [Step],
    /// Names of the open elements.
    open: Vec<String>,
    /// How many of them, from the root, are as the path has it.
    matched: usize,
    found: u64,
    /// By level: the names below what matched so far, and where that was.
    there: Vec<Option<(Vec<String>, u64)>>,
}

impl<'p> PathSearch<'p> {
    pub(crate) fn new(steps: &'p [Step]) -> PathSearch<'p> {
        let mut there = vec![None; steps.len() + 1];
        there[0] = Some((Vec::new(), 0));
        PathSearch {
            steps,
            open: Vec::new(),
            matched: 0,
            found: 0,
            there,
        }
    }

    /// Notes that an element begins; returns true if it is a record.
    pub(crate) fn enter(&mut self, name: &str, offset: u64) -> bool {
        let depth = self.open.len();
        let is_on_path = self.matched == depth;
        if is_on_path
            && let Some(Some((names, _))) = self.there.get_mut(depth)
            && names.len() < REMEMBERED
            && !names.iter().any(|known| known == local(name))
        {
            names.push(local(name).to_owned());
        }
        self.open.push(local(name).to_owned());
        // The root is the one record of an empty path.
        if self.steps.is_empty() {
            self.found += 1;
            self.matched = 1;
            return depth == 0;
        }
        let fits = match self.steps.get(depth) {
            Some(Step::Key(key)) => key == local(name) || key == name,
            Some(Step::Each) => true,
            None => false,
        };
        if !is_on_path || !fits {
            return false;
        }
        self.matched += 1;
        if self.matched == self.steps.len() {
            self.found += 1;
            return true;
        }
        self.there[self.matched].get_or_insert((Vec::new(), offset));
        false
    }

    pub(crate) fn leave(&mut self) {
        self.open.pop();
        self.matched = self.matched.min(self.open.len());
    }

    pub(crate) fn key(&self) -> Option<String> {
        let keys: Vec<&str> = self
            .steps
            .iter()
            .zip(&self.open)
            .filter(|(step, _)| **step == Step::Each)
            .map(|(_, name)| name.as_str())
            .collect();
        (!keys.is_empty()).then(|| keys.join("/"))
    }

    /// No record at all is fine only where the element that should hold them is empty.
    pub(crate) fn finish(self) -> Result<(), DataProblem> {
        if self.found > 0 {
            return Ok(());
        }
        let last = self.there.iter().rposition(Option::is_some).unwrap_or(0);
        let Some(Some((names, offset))) = self.there.get(last) else {
            return Ok(());
        };
        if names.is_empty() && last + 1 == self.steps.len() {
            return Ok(());
        }
        match &self.steps[last] {
            Step::Key(wanted) => Err(missing(self.steps, last, wanted, names, *offset)),
            Step::Each => Err(DataProblem {
                offset: Some(*offset),
                ..DataProblem::new(format!("`{}` is empty", pointer(&self.steps[..last])))
                    .hint("set `records` to the path of the rows")
            }),
        }
    }
}
