//! Decides, page by page, whether there is another one, and which.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, Read};

use super::paging::{Empty, PageFacts, Paging, Param, Style, ValueAt, plain};
use super::staged::StagedFile;
use super::{json_body, link};
use crate::http::header::HeaderMap;
use crate::http::{StatusCode, Url};
use crate::problem::Problem;
use crate::say::count;

/// Pages without rows in a row, or with the same rows, after which nobody believes in an end.
const PATIENCE: u32 = 10;

/// What a page leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NextPage {
    End,
    /// A link, as written.
    Address(String),
    /// A JSON value of the answer.
    Cursor(String),
    /// The next number.
    Count(u64),
}

/// What a page is to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    New,
    /// The last one once more, where `total=` says that nothing else is to come.
    Repeated,
}

/// The way so far.
pub(super) struct Pager<'a> {
    paging: &'a Paging,
    /// Pages with rows, and the first one whatever it holds.
    pub(super) files: Vec<StagedFile>,
    pub(super) rows_at: Option<String>,
    pub(super) requests: u32,
    pub(super) bytes: u64,
    pub(super) pages: u32,
    pub(super) rows: u64,
    /// Why the first page looks like one of several.
    pub(super) sign: Option<String>,
    /// Pages without rows since the last one with some.
    empties: u32,
    /// Pages in a row with the same rows as the one before, and what those were.
    same: u32,
    digest: Option<u64>,
    /// Addresses and cursors that were asked for.
    visited: HashSet<String>,
    /// The one that led to the page at hand.
    current: Option<String>,
    /// JSON texts, from the last page that has them.
    total: Option<String>,
    own_total: Option<String>,
    more: Option<bool>,
    n_pages: Option<u64>,
}

impl<'a> Pager<'a> {
    /// Stands before the first page, which `url` leads to.
    pub(super) fn new(paging: &'a Paging, url: &Url, rows_at: Option<String>) -> Pager<'a> {
        let current = match &paging.style {
            Style::Cursor(Param::Query(name), _) => {
                let given = url.query_pairs().find(|(other, _)| other == name.as_str());
                given.map(|(_, value)| json_body::quoted(&value))
            }
            Style::Auto | Style::Link | Style::Next(_) => Some(url.to_string()),
            _ => None,
        };
        Pager {
            paging,
            files: Vec::new(),
            rows_at,
            requests: 0,
            bytes: 0,
            pages: 0,
            rows: 0,
            sign: None,
            empties: 0,
            same: 0,
            digest: None,
            visited: current.iter().cloned().collect(),
            current,
            total: None,
            own_total: None,
            more: None,
            n_pages: None,
        }
    }

    /// Keeps a page that was not looked into.
    pub(super) fn keep(&mut self, file: StagedFile) {
        self.pages += 1;
        self.files.push(file);
    }

    /// Counts a page and keeps its file if it has rows or is the first one.
    pub(super) fn take(&mut self, file: StagedFile, seen: &PageFacts) -> Result<Taken, Problem> {
        if self.compare(&file, seen)? == Taken::Repeated {
            return Ok(Taken::Repeated);
        }
        self.count(seen);
        if seen.rows != Some(0) || self.pages == 1 {
            self.files.push(file);
        }
        Ok(Taken::New)
    }

    /// Counts a page.
    pub(super) fn count(&mut self, seen: &PageFacts) {
        let rows = seen.rows.unwrap_or(0);
        self.pages += 1;
        self.rows += rows;
        self.empties = if rows == 0 { self.empties + 1 } else { 0 };
        if seen.rows_at.is_some() {
            self.rows_at.clone_from(&seen.rows_at);
        }
        if self.pages == 1 {
            self.sign.clone_from(&seen.sign);
        }
    }

    /// Whether a refusal of a page that nothing in an answer led to is the end.
    pub(super) fn may_end_with(&self, status: StatusCode) -> bool {
        status == StatusCode::NOT_FOUND
            && self.paging.style.is_counting()
            && self.promised().is_none()
    }

    /// What the answers say about pages still to come, if they say so.
    fn promised(&self) -> Option<String> {
        if self.more == Some(true) {
            return Some(format!("`{}` says there is more", self.option("more")));
        }
        let pages = self
            .n_pages
            .filter(|pages| u64::from(self.pages) < *pages)?;
        Some(format!(
            "`{}` says there are {pages} pages",
            self.option("pages")
        ))
    }

    /// Writes an option as the user did.
    fn option(&self, name: &str) -> String {
        let place = match name {
            "more" => &self.paging.more,
            "pages" => &self.paging.pages,
            _ => &self.paging.total,
        };
        place
            .as_ref()
            .map_or_else(|| name.to_owned(), |place| format!("{name}={place}"))
    }

    /// A first page that lacks its rows is told when types are found; a later one that leads nowhere is the end.
    pub(super) fn without_rows(
        &mut self,
        file: StagedFile,
        headers: &HeaderMap,
        seen: &PageFacts,
    ) -> Result<(), Problem> {
        if self.pages == 0 {
            self.keep(file);
            return Ok(());
        }
        if self.next_of(headers, seen).is_some() || self.promised().is_some() {
            let place = self.rows_at.as_deref().unwrap_or("/");
            return Err(Problem::new(format!(
                    "page {} has nothing at `{place}`, where the first one has its rows, and is not the last",
                    self.pages + 1
                )).hint("check `records` and what `paginate` takes for the way to the next page"));
        }
        self.pages += 1;
        Ok(())
    }

    /// Two pages of equal bytes, or many of equal rows: the source does not hear what is asked.
    fn compare(&mut self, file: &StagedFile, seen: &PageFacts) -> Result<Taken, Problem> {
        if seen.rows == Some(0) {
            return Ok(Taken::New);
        }
        let is_same = self.digest.replace(seen.digest) == Some(seen.digest);
        self.same = if is_same { self.same + 1 } else { 0 };
        let before = self.files.last().filter(|_| self.empties == 0);
        let is_copy = is_same && before.is_some_and(|before| are_equal(before, file));
        if !is_copy && self.same < PATIENCE {
            return Ok(Taken::New);
        }
        let total = self.total.as_deref().and_then(number);
        if is_copy && total == Some(self.rows) {
            return Ok(Taken::Repeated);
        }
        let what = match self.paging.style.param() {
            Some(param) => format!("the source seems to ignore `{param}`"),
            None => "the links lead in a circle".into(),
        };
        Err(Problem::new(format!(
                "pages {} and {} hold the same rows: {what}",
                self.pages,
                self.pages + 1
            )).hint(format!(
                "check `paginate: {}` against the source's documentation; if the source repeats its last page, name what says how far it goes: `more=/path`, `total=/path` or `pages=/path`",
                self.paging.style.name()
            )))
    }

    /// Decides where a page leads that has been counted.
    pub(super) fn step(
        &mut self,
        headers: &HeaderMap,
        seen: &PageFacts,
    ) -> Result<NextPage, Problem> {
        self.note(headers, seen)?;
        let rows = seen.rows.unwrap_or(0);
        let max = self.paging.max.get();
        if self.pages > max && rows > 0 {
            return Err(Problem::new(format!("there are more than {max} pages, and nothing is cut off silently")).hint(format!(
                    "raise the limit in `paginate`, as in `max={}`, or ask for larger pages with `size=`",
                    max.saturating_mul(10)
                )));
        }
        let all_read = self
            .n_pages
            .is_some_and(|pages| u64::from(self.pages) >= pages);
        let stops = rows == 0 && self.paging.empty == Empty::Stop;
        if self.more == Some(false) || all_read || stops {
            return Ok(NextPage::End);
        }
        if self.paging.style.is_counting() {
            return self.advance(rows);
        }
        match (self.next_of(headers, seen), self.promised()) {
            (Some(json), _) if matches!(self.paging.style, Style::Cursor(..)) => {
                Ok(NextPage::Cursor(json))
            }
            (Some(json), _) => match plain(&json) {
                Some(address) => Ok(NextPage::Address(address)),
                None => Err(
                    Problem::new("the link to the next page is an object or array").hint(format!(
                        "correct the path in `paginate: {}`",
                        self.paging.style.name()
                    )),
                ),
            },
            (None, Some(promise)) => Err(Problem::new(format!(
                "{promise}, but page {} leads no further",
                self.pages
            ))
            .hint(format!(
                "check the path in `paginate: {}`",
                self.paging.style.name()
            ))),
            (None, None) => Ok(NextPage::End),
        }
    }

    /// Takes note of what the page says about the whole.
    fn note(&mut self, headers: &HeaderMap, seen: &PageFacts) -> Result<(), Problem> {
        let paging = self.paging;
        let find = |place: &Option<ValueAt>| Some(find(place.as_ref()?, headers, seen));
        if let Some(found) = find(&paging.more) {
            self.check_there(found.as_ref(), "more")?;
            self.more = Some(found.is_some_and(|json| is_true(&json)));
        }
        if let Some(found) = find(&paging.pages) {
            self.check_there(found.as_ref(), "pages")?;
            if let Some(json) = found.filter(|json| json != "null" && !self.is_behind(json, seen)) {
                let pages = number(&json).ok_or_else(|| self.no_number("pages"))?;
                self.n_pages = Some(pages);
            }
        }
        if let Some(found) = find(&paging.total) {
            self.check_there(found.as_ref(), "total")?;
            let told = found.filter(|json| json != "null" && !self.is_behind(json, seen));
            self.total = told.or(self.total.take());
        }
        let told = seen.total.as_ref();
        if told.is_some_and(|json| !self.is_behind(json, seen)) {
            self.own_total.clone_from(&seen.total);
        }
        Ok(())
    }

    /// Behind the last row some sources count none at all.
    fn is_behind(&self, json: &str, seen: &PageFacts) -> bool {
        seen.rows == Some(0) && self.rows > 0 && number(json) == Some(0)
    }

    /// A misspelt path would end the crawl in silence.
    fn check_there(&self, found: Option<&String>, name: &str) -> Result<(), Problem> {
        if found.is_some() || self.pages > 1 {
            return Ok(());
        }
        let option = self.option(name);
        Err(Problem::new(format!(
            "the first page does not have what `{option}` names"
        ))
        .hint(format!("correct `{option}` in `paginate`, or leave it out")))
    }

    fn no_number(&self, option: &str) -> Problem {
        let option = self.option(option);
        Problem::new(format!("what `{option}` names is no whole number"))
            .hint(format!("correct `{option}` in `paginate`, or leave it out"))
    }

    /// The number of the next page, or of its first row: counted in rows that came, not in rows asked for.
    fn advance(&mut self, rows: u64) -> Result<NextPage, Problem> {
        let promised = self.promised();
        match (&self.paging.style, promised) {
            (_, None) if rows == 0 => Ok(NextPage::End),
            (Style::Offset(param, _), Some(promise)) if rows == 0 => Err(Problem::new(format!(
                "{promise}, but no rows come at this `{param}`"
            ))
            .hint("say in `paginate` that a page without rows is the end: `empty=stop`")),
            (Style::Offset(_, first), _) => Ok(NextPage::Count(first.saturating_add(self.rows))),
            (Style::Page(_, first), _) => {
                self.check_patience()?;
                Ok(NextPage::Count(first.saturating_add(u64::from(self.pages))))
            }
            _ => Ok(NextPage::End),
        }
    }

    /// What leads on: a link or cursor as a JSON text. Absent, `null` and empty are the same.
    fn next_of(&self, headers: &HeaderMap, seen: &PageFacts) -> Option<String> {
        let quoted = |text: String| json_body::quoted(&text);
        let found = match &self.paging.style {
            Style::None | Style::Page(..) | Style::Offset(..) => None,
            Style::Link => link::next(headers).map(quoted),
            Style::Auto => link::next(headers)
                .or_else(|| seen.next_link.clone())
                .map(quoted),
            Style::Next(place) | Style::Cursor(_, place) => find(place, headers, seen),
        };
        found.filter(|json| !matches!(json.as_str(), "\"\"" | "null" | "false"))
    }

    /// Goes on to an address or cursor that must not have been used before; false if this is the end after all.
    pub(super) fn goes_on(&mut self, next: String, seen: &PageFacts) -> Result<bool, Problem> {
        // An empty page with the cursor it was asked with is how some sources say that this was all.
        let is_own = self.current.as_deref() == Some(next.as_str());
        if is_own && seen.rows == Some(0) && self.promised().is_none() {
            return Ok(false);
        }
        let what = match self.paging.style {
            Style::Cursor(..) => "cursor",
            _ => "link",
        };
        if !self.visited.insert(next.clone()) {
            return Err(Problem::new(format!(
                    "the {what} of page {} has been followed before: the pages lead in a circle",
                    self.pages
                )).hint(format!(
                    "check `paginate: {}`; if the source repeats its last {what}, name with `more=` what says that there is no more",
                    self.paging.style.name()
                )));
        }
        self.check_patience()?;
        self.current = Some(next);
        Ok(true)
    }

    fn check_patience(&self) -> Result<(), Problem> {
        if self.empties < PATIENCE {
            return Ok(());
        }
        Err(Problem::new(format!(
            "the last {PATIENCE} pages have no rows, yet each leads to another"
        ))
        .hint(
            "say in `paginate` when to stop: `more=/path` to a value that says so, or `empty=stop`",
        ))
    }

    /// Holds the rows that came against the number the source tells.
    pub(super) fn check_total(&self, counts_all: bool) -> Result<(), Problem> {
        let own = self.own_total.as_ref().filter(|_| counts_all);
        let (told, name) = match (&self.total, own) {
            (Some(total), _) => (total, format!("`{}`", self.option("total"))),
            (None, Some(total)) => (total, "its own count".to_owned()),
            (None, None) => return Ok(()),
        };
        let total = number(told).ok_or_else(|| self.no_number("total"))?;
        if total == self.rows {
            return Ok(());
        }
        let (pages, rows) = (count(self.pages, "page"), count(self.rows, "row"));
        Err(Problem::new(format!(
                "{name} says there are {}, but {rows} came in {pages}",
                count(total, "row")
            )).hint("run again if the data changes while it is read; otherwise check `records` and the style and `total=` of `paginate`"))
    }
}

/// A value of the answer as a JSON text; `null` is one.
fn find(place: &ValueAt, headers: &HeaderMap, seen: &PageFacts) -> Option<String> {
    match place {
        ValueAt::Header(name) => {
            let text = headers.get(name)?.to_str().ok()?;
            Some(json_body::quoted(text.trim()))
        }
        ValueAt::Last(_) => seen.last.clone(),
        ValueAt::Body(pointer) => {
            let found = seen.document.iter().find(|(other, _)| other == pointer);
            found.map(|(_, json)| json.clone())
        }
    }
}

fn is_true(json: &str) -> bool {
    let text = json.trim_matches('"').to_ascii_lowercase();
    !matches!(text.as_str(), "false" | "null" | "0" | "" | "[]" | "{}")
}

/// A number, or a string that holds one.
fn number(json: &str) -> Option<u64> {
    json.trim_matches('"').trim().parse().ok()
}

fn are_equal(one: &StagedFile, other: &StagedFile) -> bool {
    let bytes = |file: &StagedFile| File::open(&file.path).map(|file| BufReader::new(file).bytes());
    match (bytes(one), bytes(other)) {
        (Ok(left), Ok(right)) if one.bytes == other.bytes => left
            .zip(right)
            .all(|pair| matches!(pair, (Ok(a), Ok(b)) if a == b)),
        _ => false,
    }
}
