//! Reads `Link` headers (RFC 8288): the target whose relation is `next`.
//!
//! Commas and semicolons may stand inside `<…>` and inside quotes, so nothing is split at them blindly.

use crate::http::header::{HeaderMap, LINK};

/// Returns the first target with the relation `next`, as it is written: it may be relative.
pub(super) fn next(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(LINK).into_iter();
    values
        .filter_map(|value| std::str::from_utf8(value.as_bytes()).ok())
        .flat_map(links)
        .find(Link::is_next)
        .map(|link| link.target)
}

#[derive(Debug, PartialEq, Eq)]
struct Link {
    target: String,
    /// Relation types, in lower case; only the first `rel` of a link counts.
    relations: Option<Vec<String>>,
    /// The link is about another resource than the page itself.
    is_foreign: bool,
}

impl Link {
    fn is_next(&self) -> bool {
        let mut relations = self.relations.iter().flatten();
        !self.is_foreign && relations.any(|relation| relation == "next")
    }
}

/// Links of one header value; what is not one is passed over up to the next comma.
fn links(text: &str) -> Vec<Link> {
    let mut links = Vec::new();
    let mut rest = text.trim_start_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        rest = match rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
            Some((target, after)) => {
                let (link, after) = parameters(target, after);
                links.push(link);
                after
            }
            None => rest.split_once(',').map_or("", |(_, after)| after),
        };
        rest = rest.trim_start_matches([' ', '\t', ',']);
    }
    links
}

fn parameters<'t>(target: &str, mut rest: &'t str) -> (Link, &'t str) {
    let mut link = Link {
        target: target.trim().to_owned(),
        relations: None,
        is_foreign: false,
    };
    loop {
        rest = rest.trim_start();
        let Some(after) = rest.strip_prefix(';') else {
            // Behind a target come parameters or the next link; anything else is somebody's mistake.
            let end = rest.find(',').unwrap_or(rest.len());
            return (link, &rest[end..]);
        };
        let after = after.trim_start();
        let end = after.find(['=', ';', ',']).unwrap_or(after.len());
        let name = after[..end].trim().to_ascii_lowercase();
        rest = &after[end..];
        let Some(after) = rest.strip_prefix('=') else {
            continue;
        };
        let (value, after) = value(after.trim_start());
        rest = after;
        if name == "rel" && link.relations.is_none() {
            let relations = value.split_ascii_whitespace();
            link.relations = Some(relations.map(str::to_ascii_lowercase).collect());
        }
        link.is_foreign |= name == "anchor" && !value.is_empty();
    }
}

/// A token or a quoted string, and what follows it.
fn value(text: &str) -> (String, &str) {
    let Some(inner) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        return (text[..end].trim().to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = inner.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &inner[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            plain => value.push(plain),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[&str], expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(LINK, value.parse().unwrap());
        }
        assert_eq!(next(&headers).as_deref(), expected, "{values:?}");
    }

    #[test]
    fn the_next_page_is_found_however_it_is_written() {
        check(
            &["<https://a/x?page=2>; rel=\"next\""],
            Some("https://a/x?page=2"),
        );
        check(&["<?page=2>;rel=next"], Some("?page=2"));
        check(
            &["</a?ids=1,2,3;x>; rel=\"last\", </b?ids=1,2,3;x>; rel=\"next\""],
            Some("/b?ids=1,2,3;x"),
        );
        check(&["</a>; rel=\"next last\""], Some("/a"));
        check(&["</a>; rel=\"last  NEXT\""], Some("/a"));
        check(
            &["</a>; title=\"rel=next, <b>; rel=\\\"next\\\"\"; rel=prev, </c>; REL = \"next\""],
            Some("/c"),
        );
        check(&["</a>; rel=prev", "</b>; rel=next"], Some("/b"));
        check(&["</a>; rel=prev; rel=next"], None);
        check(&["</a>; crossorigin; rel=next"], Some("/a"));
        check(&["garbage, </a>; rel=next"], Some("/a"));
        check(&["</a> garbage, </b>; rel=next"], Some("/b"));
        check(
            &["</a>; rel=next; anchor=\"#part\", </b>; rel=\"next\""],
            Some("/b"),
        );
    }

    #[test]
    fn what_is_not_next_is_not_followed() {
        check(&[], None);
        check(&["</a>; rel=nextish"], None);
        check(&["</a>; title=next"], None);
        check(&["</a; rel=next"], None);
        check(&["</a>; rel=\"ne"], None);
        check(&["</a>"], None);
        check(&[",,;"], None);
    }
}
