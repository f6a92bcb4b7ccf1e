//! Looks into one page while pages are still being fetched: how many rows, and what leads to the next one.
//!
//! Rows are counted by the rules that read them afterwards; the place found on the first page holds for all.

use crate::readers::text::unreadable;
use std::collections::hash_map::DefaultHasher;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{self, BufRead, BufReader, Read};

use serde_json::value::RawValue;

use super::markup::{self, is_markup};
use super::rows::{self, Outline};
use super::{feed, page_signs};
use crate::columnar;
use crate::data::DataError;
use crate::data::path::Pointer;
use crate::data::path::{RecordsPath, Step};
use crate::readers::csv;
use crate::readers::json::records::{self, JsonRecord};
use crate::readers::json::scan::Scanner;
use crate::readers::position::DataProblem;
use crate::readers::record::Stop;
use crate::readers::refusal;
use crate::rules::Rules;
use crate::source::{
    Count, Family, Format, PageFacts, PageQuestion, PageReader, Signs, StagedFile,
};

/// Where `OData` says that there is more.
const NEXT_LINKS: [&[&str]; 4] = [
    &["@odata.nextLink"],
    &["@nextLink"],
    &["odata.nextLink"],
    &["d", "__next"],
];

/// Where `OData` says how many rows there are, and under which path these then lie.
const TOTALS: [(&[&str], &str); 4] = [
    (&["@odata.count"], "/value"),
    (&["@count"], "/value"),
    (&["odata.count"], "/value"),
    (&["d", "__count"], "/d/results"),
];

/// Looks into pages by the rules that will read their rows.
#[derive(Clone, Copy, Debug)]
pub struct PageInspector<'a> {
    /// What is known about the rows.
    pub rules: &'a Rules,
}

impl PageReader for PageInspector<'_> {
    fn inspect(&self, page: &StagedFile, ask: &PageQuestion<'_>) -> anyhow::Result<PageFacts> {
        let inspected = match page.format.family() {
            Family::Json => self.inspect_document(page, ask),
            // Lines say nothing of other pages.
            Family::Lines if ask.count == Count::IfPaged => Ok(PageFacts {
                rows: Some(0),
                ..PageFacts::default()
            }),
            Family::Lines => count_records(page, self.rules.records.as_ref(), ask),
            Family::Separated(_) | Family::Xml | Family::Columnar => {
                return self.inspect_other(page, ask);
            }
        };
        Ok(inspected.map_err(|problem| problem.at(page, None, None))?)
    }
}

impl PageInspector<'_> {
    fn inspect_document(
        self,
        page: &StagedFile,
        ask: &PageQuestion<'_>,
    ) -> Result<PageFacts, DataProblem> {
        if ask.count == Count::IfPaged && ask.document.is_empty() && is_array(page)? {
            return Ok(PageFacts {
                rows: Some(0),
                ..PageFacts::default()
            });
        }
        let pinned = ask.rows_at.map(RecordsPath::parse).transpose();
        let pinned = pinned.map_err(DataProblem::new)?;
        let outline = Outline::of(page, &|key| {
            is_wanted(key, ask) || self.leads_to_rows(key, pinned.as_ref())
        })?;
        // Whoever asks for the errors of an answer judges them.
        let asks = |pointer: &Pointer| {
            pointer
                .keys
                .first()
                .is_some_and(|key| refusal::is_error(key))
        };
        let is_judged = ask.document.iter().any(asks);
        let is_refused = is_judged && refusal::check_document(page, self.rules).is_err();
        let path = match (&self.rules.records, pinned) {
            (Some(path), _) => path.clone(),
            (None, Some(path)) => path,
            (None, None) if is_refused => RecordsPath { steps: Vec::new() },
            (None, None) => rows::locate_in(page, outline.as_ref(), self.rules)?.path,
        };
        let mut look = PointerSearch::new(ask, &path);
        look.over(page, outline.as_ref())?;
        let mut seen = PageFacts {
            rows: look.has_rows.then_some(0),
            ..PageFacts::default()
        };
        let at = path.to_string();
        for (pointer, found) in ask.document.iter().zip(&look.found) {
            seen.document
                .extend(found.clone().map(|text| (pointer.clone(), text)));
        }
        let own = &look.found[ask.document.len()..];
        let (links, totals) = own.split_at(NEXT_LINKS.len());
        let link = links.iter().flatten().next();
        seen.next_link = link.and_then(|text| serde_json::from_str(text).ok());
        seen.total = TOTALS
            .iter()
            .zip(totals)
            .filter(|((_, place), _)| *place == at)
            .find_map(|(_, found)| found.clone());
        // A document that is one row may have a column `total`, and an array says nothing of pages.
        let is_one_row = path.steps.is_empty();
        let has_signs = ask.signs == Signs::Wanted && (!is_one_row || self.rules.records.is_some());
        let signs = outline.as_ref().filter(|_| has_signs);
        // How many rows there are decides about a total; perhaps the outline tells it already.
        let known = signs.and_then(|outline| outline.count(&path)).unwrap_or(0);
        let sign = |rows: u64| match signs {
            Some(outline) => {
                let rows = (!is_one_row).then_some(rows);
                page_signs::find(page, &outline.marks, &path, rows)
            }
            None => Ok(None),
        };
        if seen.next_link.is_none() {
            seen.sign = sign(known)?;
        }
        let is_paged = seen.next_link.is_some() || seen.total.is_some() || seen.sign.is_some();
        if look.has_rows && (ask.count == Count::Always || is_paged) {
            let counted = count_records(page, Some(&path), ask)?;
            seen.rows = counted.rows;
            seen.digest = counted.digest;
            seen.last = counted.last;
            if seen.sign.is_some() {
                seen.sign = sign(seen.rows.unwrap_or(0))?;
            }
            if seen.rows == Some(0) && !is_judged {
                refusal::check_document(page, self.rules)?;
            }
        }
        if (!look.has_rows || is_one_row) && !is_judged {
            refusal::check_document(page, self.rules)?;
        }
        seen.rows_at = Some(at);
        Ok(seen)
    }

    fn leads_to_rows(self, key: &str, pinned: Option<&RecordsPath>) -> bool {
        let path = self.rules.records.as_ref().or(pinned);
        let first = path.and_then(|path| path.steps.first());
        first.is_some_and(|step| matches!(step, Step::Key(other) if other == key))
    }

    /// Formats without places inside: reading them as a table counts their rows.
    fn inspect_other(self, page: &StagedFile, ask: &PageQuestion<'_>) -> anyhow::Result<PageFacts> {
        let feed = is_markup(page).then(|| feed::look(page)).flatten();
        let feed = feed.unwrap_or_default();
        let is_paged = feed.next.is_some() || feed.count.is_some();
        let mut seen = PageFacts {
            rows: Some(0),
            next_link: feed.next,
            total: feed.count,
            ..PageFacts::default()
        };
        if ask.count == Count::IfPaged && !is_paged {
            return Ok(seen);
        }
        // Pages of an address agree on where their rows are: a last one without any is none, and not one row.
        let mut page = page.clone();
        if page.format == Format::Xml && self.rules.records.is_none() {
            page.rows_at = Some(match ask.rows_at {
                Some(place) => place.to_owned(),
                None => markup::locate(&page)?.to_string(),
            });
            seen.rows_at.clone_from(&page.rows_at);
        }
        seen.rows = Some(count(&page, self.rules)?);
        seen.digest = digest(&page).map_err(|error| {
            let problem = unreadable(&error);
            problem.at(&page, None, None)
        })?;
        Ok(seen)
    }
}

/// Counts the rows of a page without looking at their values.
fn count(page: &StagedFile, rules: &Rules) -> Result<u64, DataError> {
    match page.format.family() {
        Family::Separated(_) => csv::records::count(page, &rules.csv),
        Family::Xml => markup::count(page, rules),
        Family::Columnar => columnar::count(page),
        Family::Json | Family::Lines => {
            let mut rows = 0;
            let read = records::read(page, rules.records.as_ref(), &mut |_| {
                rows += 1;
                Ok::<(), DataProblem>(())
            });
            match read {
                Ok(_) => Ok(rows),
                Err(Stop::DataProblem(problem) | Stop::Sink(problem)) => {
                    Err(problem.at(page, None, None))
                }
            }
        }
    }
}

/// Whether the document is an array, which has no place for anything but rows.
fn is_array(page: &StagedFile) -> Result<bool, DataProblem> {
    let (input, skipped) = crate::readers::text::open_utf8(&page.path)?;
    Ok(Scanner::new(input, skipped).peek()? == Some(b'['))
}

fn digest(page: &StagedFile) -> io::Result<u64> {
    let mut hasher = DefaultHasher::new();
    let mut file = BufReader::with_capacity(1 << 16, File::open(&page.path)?);
    loop {
        let block = file.fill_buf()?;
        if block.is_empty() {
            return Ok(hasher.finish());
        }
        hasher.write(block);
        let length = block.len();
        file.consume(length);
    }
}

/// Counts records and remembers what makes them the same or the last.
fn count_records(
    page: &StagedFile,
    path: Option<&RecordsPath>,
    ask: &PageQuestion<'_>,
) -> Result<PageFacts, DataProblem> {
    let mut hasher = DefaultHasher::new();
    let mut rows = 0;
    let mut last = String::new();
    let result = records::read(page, path, &mut |record: JsonRecord<'_>| {
        rows += 1;
        record.text.hash(&mut hasher);
        if ask.last.is_some() {
            last.clear();
            last.push_str(record.text);
        }
        Ok::<(), DataProblem>(())
    });
    match result {
        Ok(_) => {}
        Err(Stop::DataProblem(problem) | Stop::Sink(problem)) => return Err(problem),
    }
    let mut seen = PageFacts {
        rows: Some(rows),
        digest: hasher.finish(),
        ..PageFacts::default()
    };
    if let Some(wanted) = ask.last.filter(|_| rows > 0) {
        let mut look = PointerSearch {
            wanted: vec![Want::Text(&wanted.keys)],
            found: vec![None],
            has_rows: false,
        };
        let mut scanner = Scanner::with_block(last.as_bytes(), 0, last.len());
        look.seek(&mut scanner, 0, &[0])?;
        seen.last = look.found.pop().flatten();
    }
    Ok(seen)
}

/// Something to be found in a document.
enum Want<'a> {
    Text(&'a [String]),
    Own(&'static [&'static str]),
    /// The place of the rows, as far as it is one place.
    Rows(&'a [Step]),
}

impl Want<'_> {
    fn key(&self, at: usize) -> Option<&str> {
        match self {
            Want::Text(keys) => keys.get(at).map(String::as_str),
            Want::Own(keys) => keys.get(at).copied(),
            Want::Rows(steps) => match steps.get(at)? {
                Step::Key(key) => Some(key),
                Step::Each => None,
            },
        }
    }
}

struct PointerSearch<'a> {
    wanted: Vec<Want<'a>>,
    /// JSON texts, by what is wanted.
    found: Vec<Option<String>>,
    has_rows: bool,
}

impl<'a> PointerSearch<'a> {
    fn new(ask: &PageQuestion<'a>, path: &'a RecordsPath) -> PointerSearch<'a> {
        let asked = ask.document.iter().map(|pointer| Want::Text(&pointer.keys));
        let totals = TOTALS.iter().map(|(keys, _)| *keys);
        let own = NEXT_LINKS.into_iter().chain(totals).map(Want::Own);
        let mut wanted: Vec<Want<'a>> = asked.chain(own).collect();
        wanted.push(Want::Rows(&path.steps));
        PointerSearch {
            found: vec![None; wanted.len()],
            wanted,
            has_rows: false,
        }
    }

    /// Looks for everything in a document.
    fn over(&mut self, page: &StagedFile, outline: Option<&Outline>) -> Result<(), DataProblem> {
        let all: Vec<usize> = (0..self.wanted.len()).collect();
        let is_value = |want: &usize| {
            let want = &self.wanted[*want];
            want.key(0).is_none() && !matches!(want, Want::Rows(_))
        };
        let Some(outline) = outline.filter(|_| !all.iter().any(is_value)) else {
            let (input, skipped) = crate::readers::text::open_utf8(&page.path)?;
            return self.seek(&mut Scanner::new(input, skipped), 0, &all);
        };
        self.has_rows |= all.iter().any(|want| self.are_rows(*want, 0));
        for member in &outline.members {
            let leads = |want: &&usize| self.wanted[**want].key(0) == Some(member.key());
            let inside: Vec<usize> = all.iter().filter(leads).copied().collect();
            if inside.iter().all(|want| self.are_rows(*want, 1)) {
                self.has_rows |= !inside.is_empty();
            } else {
                self.seek(&mut member.open(page)?, 1, &inside)?;
            }
        }
        Ok(())
    }

    /// Whether the rows lie behind so many keys.
    fn are_rows(&self, want: usize, depth: usize) -> bool {
        let want = &self.wanted[want];
        matches!(want, Want::Rows(_)) && want.key(depth).is_none()
    }

    /// Takes the next value, in which the keys from `depth` on of some things lead further.
    fn seek<R: Read>(
        &mut self,
        scanner: &mut Scanner<R>,
        depth: usize,
        some: &[usize],
    ) -> Result<(), DataProblem> {
        let (here, below): (Vec<usize>, Vec<usize>) = some
            .iter()
            .partition(|want| self.wanted[**want].key(depth).is_none());
        let is_rows = |want: &usize| matches!(self.wanted[*want], Want::Rows(_));
        let are_rows_here = here.iter().any(is_rows);
        self.has_rows |= are_rows_here;
        if here
            .iter()
            .all(|want| matches!(self.wanted[*want], Want::Rows(_)))
        {
            return self.enter(scanner, depth, &below);
        }
        let range = scanner.value()?;
        let (text, offset) = scanner.text(&range)?;
        serde_json::from_str::<&RawValue>(text)
            .map_err(|error| DataProblem::json(text, &error).within(offset))?;
        for want in here {
            self.found[want] = Some(text.to_owned());
        }
        let mut inner = Scanner::with_block(text.as_bytes(), offset, text.len());
        self.enter(&mut inner, depth, &below)
    }

    fn enter<R: Read>(
        &mut self,
        scanner: &mut Scanner<R>,
        depth: usize,
        some: &[usize],
    ) -> Result<(), DataProblem> {
        let first = scanner.begin()?;
        if some.is_empty() || !matches!(first, b'{' | b'[') {
            return scanner.pass();
        }
        let mut member = |scanner: &mut Scanner<R>, key: &str| {
            let leads = |want: &&usize| self.wanted[**want].key(depth) == Some(key);
            let inside: Vec<usize> = some.iter().filter(leads).copied().collect();
            if inside.is_empty() {
                scanner.pass()
            } else {
                self.seek(scanner, depth + 1, &inside)
            }
        };
        if first == b'{' {
            scanner.object(|scanner, key| member(scanner, &key))
        } else {
            scanner.array(|scanner, index| member(scanner, &index.to_string()))
        }
    }
}

/// Whether something that is asked for, or what `OData` says of pages, is below a key of the root object.
fn is_wanted(key: &str, ask: &PageQuestion<'_>) -> bool {
    let is_first = |keys: &[&str]| keys.first() == Some(&key);
    let mut asked = ask.document.iter();
    asked.any(|pointer| pointer.keys.first().is_some_and(|first| first == key))
        || NEXT_LINKS.into_iter().any(is_first)
        || TOTALS.iter().any(|(keys, _)| is_first(keys))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(text: &str, ask: &PageQuestion<'_>) -> PageFacts {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page");
        std::fs::write(&path, text).unwrap();
        let format = if text.starts_with(['{', '[']) {
            Format::Json
        } else {
            Format::Csv
        };
        let page = StagedFile {
            path,
            format,
            origin: "page".into(),
            bytes: text.len() as u64,
            rows_at: None,
        };
        let rules = Rules::default();
        PageInspector { rules: &rules }.inspect(&page, ask).unwrap()
    }

    const PLAIN: PageQuestion<'static> = PageQuestion {
        document: &[],
        last: None,
        rows_at: None,
        signs: Signs::Wanted,
        count: Count::Always,
    };

    #[test]
    fn nothing_is_counted_that_tells_of_no_other_page() {
        let ask = PageQuestion {
            count: Count::IfPaged,
            ..PLAIN
        };
        for text in [
            r#"{"data":[{},{}],"next":null}"#,
            r#"{"data":[{},{}],"total":2}"#,
            "[1,2]",
            "a\n1\n",
        ] {
            assert_eq!(look(text, &ask).rows, Some(0), "{text}");
        }
        let seen = look(r#"{"value":[{},{}],"@odata.count":2}"#, &ask);
        assert_eq!((seen.rows, seen.sign), (Some(2), None));
        let seen = look(r#"{"data":[{},{}],"total":3}"#, &ask);
        assert_eq!(seen.rows, Some(2));
        assert!(seen.sign.is_some());
    }

    #[test]
    fn rows_and_values_are_found() {
        let pointers = ["/meta/next", "/meta", "/data/1/id", "/none", "/nil"];
        let pointers = pointers.map(|text| Pointer::parse(text).unwrap());
        let id = Pointer::parse("/id").unwrap();
        let ask = PageQuestion {
            document: &pointers,
            last: Some(&id),
            ..PLAIN
        };
        let text = r#"{"meta": {"next": "a\"b"}, "data": [{"id": 1}, {"id": "x"}], "nil": null}"#;
        let seen = look(text, &ask);
        assert_eq!(seen.rows, Some(2));
        assert_eq!(seen.rows_at.as_deref(), Some("/data"));
        assert_eq!(seen.last.as_deref(), Some("\"x\""));
        let found: Vec<(String, &str)> = seen
            .document
            .iter()
            .map(|(pointer, text)| (pointer.to_string(), text.as_str()))
            .collect();
        let expected = [
            ("/meta/next", r#""a\"b""#),
            ("/meta", r#"{"next": "a\"b"}"#),
            ("/data/1/id", "\"x\""),
            ("/nil", "null"),
        ];
        assert_eq!(found, expected.map(|(path, text)| (path.to_owned(), text)));
    }

    #[test]
    fn the_place_of_the_first_page_holds() {
        let at = |rows_at| PageQuestion {
            rows_at: Some(rows_at),
            ..PLAIN
        };
        assert_eq!(look(r#"{"items":[]}"#, &at("/items")).rows, Some(0));
        assert_eq!(look(r#"{"items":null}"#, &at("/items")).rows, Some(0));
        assert_eq!(look(r#"{"data":[{}]}"#, &at("/items")).rows, None);
        assert_eq!(look(r#"{"a":5}"#, &at("/a/b")).rows, None);
        assert_eq!(look(r#"{"a":{"x":{},"y":{}}}"#, &at("/a/*")).rows, Some(2));
        assert_eq!(look("[1,2]", &at("/")).rows, Some(2));
    }

    #[test]
    fn odata_says_where_it_goes_on() {
        let seen = look(
            r#"{"@odata.count":"7","value":[{}],"@odata.nextLink":"X?$skip=1"}"#,
            &PLAIN,
        );
        assert_eq!(seen.next_link.as_deref(), Some("X?$skip=1"));
        assert_eq!(seen.total.as_deref(), Some("\"7\""));
        let seen = look(
            r#"{"d":{"results":[{}],"__count":"7","__next":"u"}}"#,
            &PLAIN,
        );
        assert_eq!(seen.next_link.as_deref(), Some("u"));
        assert_eq!(seen.total.as_deref(), Some("\"7\""));
    }

    #[track_caller]
    fn check_sign(text: &str, expected: Option<&str>) {
        assert_eq!(look(text, &PLAIN).sign.as_deref(), expected, "{text}");
    }

    #[test]
    fn pages_look_like_pages() {
        check_sign(
            r#"{"data":[{}],"has_more":true}"#,
            Some("`/has_more` is true"),
        );
        check_sign(r#"{"data":[{}],"has_more":false}"#, None);
        check_sign(
            r#"{"data":[{}],"meta":{"hasMore":true}}"#,
            Some("`/meta/hasMore` is true"),
        );
        check_sign(r#"{"results":[{}],"next":null,"count":1}"#, None);
        check_sign(
            r#"{"results":[{}],"next":"u","count":1}"#,
            Some("`/next` is set"),
        );
        check_sign(
            r#"{"results":[{}],"count":"12"}"#,
            Some("`/count` says 12 where 1 row came"),
        );
        check_sign(
            r#"{"data":[{}],"_links":{"next":{"href":"u"}}}"#,
            Some("`/_links/next` is set"),
        );
        check_sign(r#"{"total":500,"free":20}"#, None);
        check_sign(r#"[{"next":"u"}]"#, None);
    }

    #[test]
    fn other_formats_are_counted_by_reading_them() {
        let seen = look("a,b\n1,2\n3,4\n", &PLAIN);
        assert_eq!(seen.rows, Some(2));
        assert_ne!(seen.digest, look("a,b\n1,2\n3,5\n", &PLAIN).digest);
        assert_eq!(seen.digest, look("a,b\n1,2\n3,4\n", &PLAIN).digest);
    }
}
