//! Walks from page to page until all rows have come, or says why it cannot.
//!
//! Nothing is guessed: a short page is not the end, a page that comes again is an error, and so are rows that
//! the source counts and did not deliver. What pages hold is looked up by a [`PageReader`].

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::auth::Authorizer;
use super::pager::{NextPage, Pager, Taken};
use super::paging::{
    Base, Count, PageFacts, PageQuestion, PageReader, Paging, Param, Signs, Style, ValueAt,
};
use super::request::{accept, ask, show_parameters};
use super::spec::Spec;
use super::staged::StagedFile;
use super::{graphql, link, param};
use crate::data::path::Pointer;
use crate::events::{Event, Observer, Progress};
use crate::http::header::HeaderMap;
use crate::http::{self, Answer, Client, Redirects, Request, Url};
use crate::problem::Problem;
use crate::say::count;

/// One address and everything needed to read all its pages.
pub(super) struct Crawl<'a> {
    pub(super) spec: &'a Spec,
    pub(super) url: &'a Url,
    /// Pages lie beside it, with a number at the end.
    pub(super) into: &'a Path,
    pub(super) inspect: &'a dyn PageReader,
    pub(super) authorizer: &'a Authorizer<'a>,
    pub(super) client: &'a Client,
    pub(super) observer: &'a dyn Observer,
}

/// All pages of an address.
pub(super) struct Crawled {
    /// Those with rows, and the first one whatever it holds.
    pub(super) files: Vec<StagedFile>,
    /// Retries included.
    pub(super) requests: u32,
    /// Where the rows were, for the next address of the same origin.
    pub(super) rows_at: Option<String>,
}

impl Crawl<'_> {
    /// Reads every page; `rows_at` is where an earlier address of the same origin had its rows.
    pub(super) async fn run(&self, rows_at: Option<String>) -> Result<Crawled> {
        let mut request = ask(self.spec, self.url);
        self.begin(&mut request)?;
        let mut pager = Pager::new(&self.spec.paging, &request.url, rows_at);
        loop {
            let page = self.read_page(&mut request, &mut pager).await;
            let page = match pager.pages {
                0 => page?,
                n => page.with_context(|| {
                    let rows = count(pager.rows, "row");
                    format!(
                        "failed to get page {} of `{}`, after {rows}",
                        n + 1,
                        self.shown()
                    )
                })?,
            };
            let Some((answer, seen)) = page else { break };
            let step = pager
                .step(&answer.headers, &seen)
                .map_err(|problem| self.says(problem))?;
            let key = match step {
                NextPage::End => break,
                NextPage::Count(number) => {
                    self.change(&mut request, &number.to_string())?;
                    continue;
                }
                NextPage::Address(text) => {
                    request.url = self.follow(&answer.url, &text)?;
                    request.url.to_string()
                }
                NextPage::Cursor(json) => {
                    self.change(&mut request, &json)?;
                    json
                }
            };
            if !pager
                .goes_on(key, &seen)
                .map_err(|problem| self.says(problem))?
            {
                break;
            }
        }
        pager
            .check_total(self.counts_all())
            .map_err(|problem| self.says(problem))?;
        self.tell(&pager);
        Ok(Crawled {
            files: pager.files,
            requests: pager.requests,
            rows_at: pager.rows_at,
        })
    }

    fn shown(&self) -> String {
        http::show(self.url)
    }

    /// Names the address that has a problem with its pages.
    fn says(&self, mut problem: Problem) -> Problem {
        problem.what = format!("`{}`: {}", self.shown(), problem.what);
        problem
    }

    /// Puts the page size and the first number into the first request.
    fn begin(&self, request: &mut Request) -> Result<()> {
        let paging = &self.spec.paging;
        if let Some((param, size)) = &paging.size {
            self.put(request, param, &size.to_string())?;
        }
        if let Style::Page(param, first) | Style::Offset(param, first) = &paging.style {
            self.put(request, param, &first.to_string())?;
        }
        Ok(())
    }

    /// Fetches one page and looks into it; `None` is the end.
    async fn read_page(
        &self,
        request: &mut Request,
        pager: &mut Pager<'_>,
    ) -> Result<Option<(Answer, PageFacts)>> {
        let is_first = pager.pages == 0;
        let into = with_number(self.into, pager.pages + 1);
        if is_first {
            let names = show_parameters(&request.url);
            self.observer.on(Event::Note(format!(
                "{} {}{names}",
                request.method,
                http::show(&request.url)
            )));
        }
        let answer = self
            .authorizer
            .download(request, &into, self.client, self.observer)
            .await?;
        pager.requests += answer.attempts;
        if !is_first && pager.may_end_with(answer.status) {
            return Ok(None);
        }
        let origin = self.shown();
        if !is_first && answer.is_whole() && answer.length == 0 {
            let nothing = PageFacts {
                rows: Some(0),
                ..PageFacts::default()
            };
            pager.count(&nothing);
            return Ok(Some((answer, nothing)));
        }
        let mut file = accept(&answer, self.spec, (&into, origin))?;
        pager.bytes += file.bytes;
        let paging = &self.spec.paging;
        if paging.style == Style::None && self.spec.query.is_none() {
            pager.keep(file);
            return Ok(None);
        }
        let Some(mut seen) = self.look(&file, &answer.headers, pager)? else {
            pager.keep(file);
            return Ok(None);
        };
        if self.spec.query.is_some() {
            graphql::check(&seen, &file.origin)?;
        }
        if seen.rows.is_none() {
            pager
                .without_rows(file, &answer.headers, &seen)
                .map_err(|problem| self.says(problem))?;
            return Ok(None);
        }
        file.rows_at.clone_from(&seen.rows_at);
        if is_first && seen.sign.is_none() {
            seen.sign = sign_in_headers(&answer.headers, seen.rows.unwrap_or(0));
        }
        let taken = pager
            .take(file, &seen)
            .map_err(|problem| self.says(problem))?;
        if taken == Taken::Repeated {
            return Ok(None);
        }
        self.observer.on(Event::Progress(Progress::Pages {
            pages: pager.pages,
            rows: pager.rows,
        }));
        Ok((paging.style != Style::None).then_some((answer, seen)))
    }

    /// Looks into a page. `None` is a first page that cannot be read: the same file is read again when types are
    /// found, by the same rules, and the message is better there.
    fn look(
        &self,
        file: &StagedFile,
        headers: &HeaderMap,
        pager: &Pager<'_>,
    ) -> Result<Option<PageFacts>> {
        let paging = &self.spec.paging;
        let is_first = pager.pages == 0;
        let document = self.wanted();
        let last = match &paging.style {
            Style::Cursor(_, ValueAt::Last(pointer)) | Style::Next(ValueAt::Last(pointer)) => {
                Some(pointer)
            }
            _ => None,
        };
        let looks_for_signs = is_first && paging.style != Style::None;
        // Most answers are all there is; they need not be read a second time to find that out.
        let says_nothing = link::next(headers).is_none() && sign_in_headers(headers, 0).is_none();
        let only_if_paged = is_first && paging == &Paging::default() && says_nothing;
        let question = PageQuestion {
            document: &document,
            last,
            rows_at: pager.rows_at.as_deref(),
            signs: if looks_for_signs {
                Signs::Wanted
            } else {
                Signs::Ignored
            },
            count: if only_if_paged {
                Count::IfPaged
            } else {
                Count::Always
            },
        };
        match self.inspect.inspect(file, &question) {
            Ok(seen) => Ok(Some(seen)),
            Err(_) if is_first => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn wanted(&self) -> Vec<Pointer> {
        let paging = &self.spec.paging;
        let mut places: Vec<&ValueAt> = [&paging.more, &paging.total, &paging.pages]
            .into_iter()
            .flatten()
            .collect();
        if let Style::Cursor(_, place) | Style::Next(place) = &paging.style {
            places.push(place);
        }
        let in_body = places.into_iter().filter_map(|place| match place {
            ValueAt::Body(pointer) => Some(pointer.clone()),
            ValueAt::Last(_) | ValueAt::Header(_) => None,
        });
        let mut wanted: Vec<Pointer> = in_body.collect();
        if self.spec.query.is_some() {
            wanted.extend(graphql::error_places());
        }
        wanted
    }

    /// The address a link leads to, if it may be asked.
    fn follow(&self, page: &Url, text: &str) -> Result<Url> {
        let target = page.join(text.trim()).map_err(|error| {
            Problem::new(format!(
                "the link to the next page of `{}` is no address: {error}",
                self.shown()
            ))
            .hint("check what `paginate` takes for the link")
        })?;
        if self.spec.paging.base == Base::Source {
            let mut url = self.url.clone();
            url.set_path(target.path());
            url.set_query(target.query());
            return Ok(url);
        }
        let allowed = Redirects::Allowed(self.spec.http.allow.clone());
        // Where a redirect has led us, links may lead, too.
        http::check_link(self.url, target.clone(), &allowed)
            .or_else(|problem| http::check_link(page, target, &allowed).map_err(|_| problem))
            .map_err(|problem| {
                let error = Problem::new(format!("the next page of `{}` is said to be at {problem}", self.shown())).hint("if the source lies behind a proxy, `rebase` in `paginate` keeps its own address");
                error.into()
            })
    }

    fn change(&self, request: &mut Request, json: &str) -> Result<()> {
        match self.spec.paging.style.param() {
            Some(param) => self.put(request, param, json),
            None => Ok(()),
        }
    }

    fn put(&self, request: &mut Request, target: &Param, json: &str) -> Result<()> {
        let put = param::put(request, target, json, self.spec.query.as_ref());
        put.map_err(|problem| {
            let error = Problem::new(format!(
                "the value for `{target}` cannot be sent: {problem}"
            ))
            .hint("check the parameter and the path in `paginate`");
            error.into()
        })
    }

    /// Whether the format's own total counts what was asked for: `OData` counts without `$top` and `$skip`.
    fn counts_all(&self) -> bool {
        !self.url.query_pairs().any(|(name, _)| {
            let name = name.trim_start_matches('$');
            name.eq_ignore_ascii_case("top") || name.eq_ignore_ascii_case("skip")
        })
    }

    fn tell(&self, pager: &Pager<'_>) {
        let paging = &self.spec.paging;
        let origin = self.shown();
        if pager.pages > 1 || !matches!(paging.style, Style::Auto | Style::None) {
            self.observer.on(Event::Note(format!(
                "{origin}: {} with {}",
                count(pager.pages, "page"),
                count(pager.rows, "row")
            )));
        }
        if let Some(sign) = pager.sign.as_ref().filter(|_| pager.pages == 1) {
            self.observer.on(Event::Warning(format!(
                "`{origin}` looks like one page of several: {sign}; say in `paginate` how to get the others, or `paginate: none` if this is all"
            )));
        }
    }
}

fn with_number(into: &Path, page: u32) -> PathBuf {
    let mut name = into.as_os_str().to_owned();
    name.push(format!("-{page}"));
    PathBuf::from(name)
}

/// Signs of further pages beside the body.
fn sign_in_headers(headers: &HeaderMap, rows: u64) -> Option<String> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    for name in ["x-total-count", "x-total"] {
        let total: Option<u64> = text(name).and_then(|text| text.parse().ok());
        if let Some(total) = total.filter(|total| *total > rows) {
            return Some(format!(
                "the header `{name}` says {total} where {} came",
                count(rows, "row")
            ));
        }
    }
    let next = text("x-next-page").filter(|next| !next.is_empty());
    next.map(|_| "the header `x-next-page` is set".to_owned())
}
