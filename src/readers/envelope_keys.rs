//! What stands beside the rows of a document: words that are about an answer, and not data of a record.

/// Names under which nothing but rows is wrapped; what else there is matters only if the document has an identity.
const SURE: [&str; 6] = ["data", "results", "records", "rows", "value", "content"];

/// Further names under which APIs wrap their rows.
const USUAL: [&str; 3] = ["items", "entries", "objects"];

/// Words about an answer as a whole, without their signs and in lower case.
const ABOUT: &[&str] = &[
    // Which part of the whole it is.
    "page",
    "pages",
    "paging",
    "pagination",
    "pageinfo",
    "pageable",
    "currentpage",
    "lastpage",
    "firstpage",
    "perpage",
    "limit",
    "offset",
    "skip",
    "top",
    "take",
    "start",
    "startat",
    "startindex",
    "from",
    "to",
    "size",
    "maxresults",
    "resultsperpage",
    "itemsperpage",
    "cursor",
    "cursors",
    "before",
    "after",
    "first",
    "last",
    "self",
    "more",
    "islast",
    "isfirst",
    "done",
    "draw",
    "batchcomplete",
    "continue",
    "continuation",
    "continuationtoken",
    "endcursor",
    "startcursor",
    "endofstream",
    "afterurl",
    "aftercursor",
    "beforeurl",
    "beforecursor",
    "synctoken",
    "nextsynctoken",
    "sort",
    "order",
    "orderby",
    "sorted",
    "empty",
    "numberofelements",
    "searchid",
    "scrollid",
    // How many there are.
    "total",
    "count",
    "counts",
    "found",
    "matched",
    "matches",
    "hits",
    "nhits",
    "returned",
    "length",
    "numfound",
    "numberreturned",
    "numbermatched",
    "numresults",
    "relation",
    "dist",
    "subject",
    "recordstotal",
    "recordsfiltered",
    "maxscore",
    "truncated",
    // Whether it went well.
    "status",
    "state",
    "statustext",
    "success",
    "successful",
    "ok",
    "code",
    "error",
    "errors",
    "errorcode",
    "errormessage",
    "err",
    "warning",
    "warnings",
    "message",
    "messages",
    "msg",
    "result",
    "response",
    "reason",
    // What it is and where it comes from.
    "type",
    "kind",
    "object",
    "url",
    "uri",
    "href",
    "path",
    "link",
    "links",
    "etag",
    "version",
    "apiversion",
    "help",
    "schema",
    "jsonapi",
    "context",
    "meta",
    "metadata",
    "info",
    "requestid",
    "query",
    "q",
    "params",
    "parameters",
    "filter",
    "filters",
    "expand",
    "encoding",
    "xmlns",
    "modhash",
    "bbox",
    "crs",
    // When.
    "time",
    "timestamp",
    "date",
    "datetime",
    "took",
    "ttl",
];

/// Beginnings of words that are about an answer: `next_page_url`, `generatedAt`, `queryTimeMs`.
const BEGINNINGS: &[&str] = &[
    "next",
    "prev",
    "numfound",
    "hasmore",
    "hasnext",
    "hasprev",
    "total",
    "pagenumber",
    "pagesize",
    "pagetoken",
    "pageindex",
    "generated",
    "updated",
    "elapsed",
    "timedout",
];

/// Ends of words that are about an answer: `row_count`, `servertime`, `_request_id`.
const ENDS: &[&str] = &[
    "count",
    "pageurl",
    "time",
    "timestamp",
    "requestid",
    "copyright",
    "attribution",
];

/// Objects about an answer; a list in one is not looked for while there is another one.
const ABOUT_OBJECTS: &[&str] = &[
    "meta",
    "metadata",
    "links",
    "paging",
    "pagination",
    "pageinfo",
    "page",
    "pageable",
    "sort",
    "cursor",
    "cursors",
    "responsemetadata",
    "responseheader",
    "header",
    "facets",
    "facetcounts",
    "aggregations",
    "shards",
    "sys",
    "jsonapi",
    "extensions",
    "crs",
    "total",
    "head",
    "continue",
    "searchinfo",
    "error",
    "errors",
];

/// Lists about an answer.
const ABOUT_LISTS: &[&str] = &["links", "errors", "warnings", "facets", "aggregations"];

/// Lists and objects about the rows beside them.
const DESCRIBING: &[&str] = &[
    "included", "includes", "fields", "columns", "schema", "headers",
];

/// What makes an object a thing of its own.
const IDENTITIES: &[&str] = &[
    "id", "uuid", "guid", "key", "number", "name", "title", "sku",
];

/// Words that are a whole number where they are about an answer.
const NUMBERS: &[&str] = &["total", "count", "size"];

/// How sure a list's own name makes that it holds rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wrapper {
    /// Any name.
    None,
    /// A usual one, that a part of a record may have as well.
    Usual,
    /// One that is hardly ever anything else.
    Sure,
}

/// What a list is for, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Rows,
    /// It describes rows, if there are some beside it.
    Describing,
    /// It is about the answer.
    About,
}

/// `has_more`, `hasMore` and `HAS-MORE` are one word.
pub(crate) fn word(key: &str) -> String {
    let letters = key.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|c| c.to_ascii_lowercase()).collect()
}

/// Whether a key wraps rows.
pub(crate) fn wrapper(key: &str) -> Wrapper {
    if SURE.contains(&key) {
        Wrapper::Sure
    } else if USUAL.contains(&key) {
        Wrapper::Usual
    } else {
        Wrapper::None
    }
}

/// What a list with this key is for.
pub(crate) fn purpose(key: &str) -> Purpose {
    let word = word(key);
    if ABOUT_LISTS.contains(&word.as_str()) {
        Purpose::About
    } else if DESCRIBING.contains(&word.as_str()) {
        Purpose::Describing
    } else {
        Purpose::Rows
    }
}

/// What the lists in an object with this key are for.
pub(crate) fn purpose_inside(key: &str) -> Purpose {
    let word = word(key);
    if ABOUT_OBJECTS.contains(&word.as_str()) {
        Purpose::About
    } else if matches!(word.as_str(), "included" | "includes") {
        Purpose::Describing
    } else {
        Purpose::Rows
    }
}

/// Whether a value that is no object is about the answer; `text` is that of a number.
pub(crate) fn is_about(key: &str, text: Option<&str>) -> bool {
    // Annotations: `@odata.context`, `$schema`.
    if key.contains('@') || key.starts_with('$') {
        return true;
    }
    let word = word(key);
    let word = word.as_str();
    let is_fraction = text.is_some_and(|text| text.contains(['.', 'e', 'E']));
    let is_amount = NUMBERS.iter().any(|number| word.starts_with(number));
    if is_fraction && is_amount {
        return false;
    }
    ABOUT.contains(&word)
        || BEGINNINGS.iter().any(|begin| word.starts_with(begin))
        || ENDS.iter().any(|end| word.ends_with(end))
}

/// Whether a key names the thing it belongs to.
pub(crate) fn is_identity(key: &str) -> bool {
    IDENTITIES.contains(&word(key).as_str())
}

/// Whether lists of lists with this key are something else than rows.
pub(crate) fn is_shape(key: &str) -> bool {
    matches!(
        word(key).as_str(),
        "coordinates" | "bbox" | "arcs" | "rings" | "paths"
    )
}

/// Whether a key looks made up for each object: a number, a day, a UUID.
pub(crate) fn is_made_up(key: &str) -> bool {
    let has_digit = key.bytes().any(|byte| byte.is_ascii_digit());
    let is_number = key.bytes().all(|byte| {
        byte.is_ascii_digit()
            || matches!(byte, b'-' | b':' | b'.' | b'/' | b'_' | b' ' | b'T' | b'Z')
    });
    let is_hash = key.len() >= 16
        && key
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    has_digit && (is_number || is_hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_about_an_answer_are_told_from_data() {
        for key in [
            "page",
            "next_page_url",
            "hasMore",
            "X-Total-Count",
            "@odata.context",
            "timed_out",
            "took",
            "previous",
            "total_pages",
            "queryTime",
            "$schema",
            "startAt",
            "nextRecordsUrl",
        ] {
            assert!(is_about(key, None), "{key}");
        }
        for key in ["id", "customer", "name", "amount", "price", "lines", ""] {
            assert!(!is_about(key, None), "{key}");
        }
        assert!(is_about("total", Some("12")));
        assert!(!is_about("total", Some("12.5")));
    }

    #[test]
    fn keys_that_are_made_up_are_told_from_names() {
        for key in [
            "1",
            "2024-01-31",
            "2024-01-31T00:00:00Z",
            "0b7f3c1e-6a52-4d1c-9a51-0c9b1c8d2e3f",
        ] {
            assert!(is_made_up(key), "{key}");
        }
        for key in ["", "a", "EUR", "line1", "cafe", "-", "deadbeefdeadbeef"] {
            assert!(!is_made_up(key), "{key}");
        }
    }
}
