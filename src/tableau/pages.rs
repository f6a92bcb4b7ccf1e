//! Lists of the REST API, which come in pages.

use std::collections::HashSet;

use super::answers::Page;
use super::call::Call;
use super::failure::CallFailure;
use super::names::Luid;
use super::session::Session;
use super::xml::Element;

/// The largest page ("Paginating Results").
const PAGE_SIZE: u64 = 1000;
/// Entries of a list that are taken; the largest sites have some ten thousand projects.
const LIST_ENTRIES: usize = 100_000;
/// Pages of a list that are asked for; a server may put fewer entries on a page than it is asked to.
const LIST_PAGES: u64 = 1_000;
/// Bytes of a list, all pages together.
const LIST_BYTES: u64 = 256 << 20;

/// Reads pages until all entries are there; the list may grow and shrink meanwhile.
///
/// What the server says of sizes and totals is believed only so far: a list that does not end is an error.
pub(super) async fn read_all<T>(
    session: &mut Session<'_>,
    mut call: Call<'_>,
    (list, item): (&str, &str),
    read: fn(&Element) -> Option<T>,
    id: fn(&T) -> &Luid,
) -> Result<Vec<T>, CallFailure> {
    let filter = std::mem::take(&mut call.query);
    let mut found: Vec<T> = Vec::new();
    let mut seen = HashSet::new();
    let began = session.received;
    for number in 1..=LIST_PAGES {
        call.query = format!("{filter}pageSize={PAGE_SIZE}&pageNumber={number}");
        let answer = match session.call(&call).await {
            // The list became shorter; official clients take this for its end, too.
            Err(failure) if failure.code() == Some("400006") => return Ok(found),
            answer => answer?,
        };
        let Some(page) = Page::read(&answer, list, item) else {
            return Err(session.unusable(&call, &format!("`{list}` is missing")));
        };
        let n_before = found.len();
        let entries = page.entries.iter().filter_map(|entry| read(entry));
        found.extend(entries.filter(|entry| seen.insert(id(entry).clone())));
        let size = page.size.filter(|size| (1..=PAGE_SIZE).contains(size));
        let end = number * size.unwrap_or(PAGE_SIZE);
        // A page that brings nothing new is the end even if the server promises more.
        if found.len() == n_before || page.total.is_some_and(|total| end >= total) {
            return Ok(found);
        }
        if found.len() > LIST_ENTRIES || session.received - began > LIST_BYTES {
            break;
        }
    }
    let text = format!("the list does not end after {} entries", found.len());
    Err(session.unusable(&call, &text))
}
