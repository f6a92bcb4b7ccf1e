//! The `query` input and the `paginate` input: one style and its options, `page page=1 size=per_page:100`.

use std::num::NonZeroU32;

use super::problems::InputProblems;
use super::raw::Raw;
use super::words::{Options, did_you_mean, not_one_of};
use crate::data::path::Pointer;
use crate::http::Url;
use crate::http::header::{AUTHORIZATION, HeaderName};
use crate::source::{Base, Empty, Location, Paging, Param, Query, Style, TableSource, ValueAt};

const STYLES: [&str; 7] = ["auto", "none", "link", "next", "cursor", "page", "offset"];
const KEYS: [&str; 6] = ["size", "more", "total", "pages", "max", "empty"];

/// Reads `query`, the GraphQL document, with `params` as its variables.
pub(super) fn query(
    raw: &Raw,
    params: &[(String, String)],
    problems: &mut InputProblems,
) -> Option<Query> {
    let mut query = problems.take("query", raw.get("query").map(Query::parse))?;
    if raw.get("body").is_some() {
        problems.add(
            "query",
            "`body` is given, too: a request has one or the other",
        );
    }
    for (name, value) in params {
        if let Err(problem) = query.set(name, value) {
            problems.add("params", problem);
        }
    }
    Some(query)
}

/// Reads `paginate`, how to get all pages, and checks it against the request.
pub(super) fn paging(
    raw: &Raw,
    query: Option<&Query>,
    tables: &[TableSource],
    problems: &mut InputProblems,
) -> Paging {
    let paging = problems.take("paginate", raw.get("paginate").map(parse));
    let paging = paging.unwrap_or_default();
    let locations = tables.iter().flat_map(|table| &table.locations);
    let urls: Vec<&Url> = locations
        .filter_map(|location| match location {
            Location::Http(url) => Some(url),
            Location::File(_) => None,
        })
        .collect();
    if urls.is_empty() && !tables.is_empty() && !matches!(paging.style, Style::Auto | Style::None) {
        problems.add(
            "paginate",
            "goes with an `https://` source only; this source is a file",
        );
    }
    if let Err(problem) = fits(&paging, raw.get("body"), query, &urls) {
        problems.add("paginate", problem);
    }
    paging
}

/// Reads a text of `paginate`: a style, what belongs to it, and options.
pub(super) fn parse(text: &str) -> Result<Paging, String> {
    let text = text.trim();
    let (name, rest) = split_word(text);
    if !STYLES.contains(&name) {
        return Err(not_one_of(name, &STYLES));
    }
    // The parameter of these looks like an option, and its name is the user's.
    let (counted, rest) = match name {
        "page" | "offset" => split_word(rest),
        _ => ("", rest),
    };
    let options = Options::parse(rest, &KEYS)?;
    let mut words: Vec<&str> = options.words.iter().map(String::as_str).collect();
    let base = match words.iter().position(|word| *word == "rebase") {
        Some(at) => {
            words.remove(at);
            Base::Source
        }
        None => Base::Link,
    };
    let (style, n_words) = style(name, counted, &words)?;
    if let Some(word) = words.get(n_words) {
        return Err(format!(
            "`{word}` is one word too many after `{name}`{}",
            did_you_mean(word, &["rebase"])
        ));
    }
    let place = |key: &str| -> Result<Option<ValueAt>, String> {
        let place = options.get(key).map(|text| match self::place(text)? {
            ValueAt::Last(_) => Err("a path or `header:Name` is wanted, not `last:`".to_owned()),
            place => Ok(place),
        });
        place
            .transpose()
            .map_err(|problem| format!("`{key}`: {problem}"))
    };
    let defaults = Paging::default();
    let paging = Paging {
        size: options.get("size").map(size).transpose()?,
        more: place("more")?,
        total: place("total")?,
        pages: place("pages")?,
        max: options.get("max").map_or(Ok(defaults.max), max)?,
        empty: match options.get("empty") {
            None => Empty::Continue,
            Some("stop") => Empty::Stop,
            Some(_) => {
                return Err("`empty` can only be `stop`: a page without rows is the end".into());
            }
        },
        base,
        style,
    };
    check(&paging, rest)?;
    Ok(paging)
}

fn split_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

/// The style, and how many of the words belong to it.
fn style(name: &str, counted: &str, words: &[&str]) -> Result<(Style, usize), String> {
    let counting = || -> Result<(Param, u64), String> {
        let problem = || {
            let first = u8::from(name == "page");
            format!(
                "`{name}` wants the parameter and its first value, as in `{name} {name}={first}`"
            )
        };
        let (param, first) = counted.rsplit_once('=').ok_or_else(problem)?;
        Ok((self::param(param)?, first.parse().map_err(|_| problem())?))
    };
    Ok(match (name, words) {
        ("none", _) => (Style::None, 0),
        ("link", _) => (Style::Link, 0),
        ("next", [at, ..]) => (Style::Next(place(at)?), 1),
        ("next", []) => return Err("`next` wants the place of the address, as in `next /paging/next` or `next header:X-Next`".into()),
        ("cursor", [name, at, ..]) => (Style::Cursor(param(name)?, place(at)?), 2),
        ("cursor", _) => return Err("`cursor` wants a parameter and the place of its next value, as in `cursor after /meta/next_cursor` or `cursor starting_after last:/id`".into()),
        ("page", _) => {
            let (param, first) = counting()?;
            (Style::Page(param, first), 0)
        }
        ("offset", _) => {
            let (param, first) = counting()?;
            (Style::Offset(param, first), 0)
        }
        _ => (Style::Auto, 0),
    })
}

fn param(text: &str) -> Result<Param, String> {
    if text.starts_with('/') {
        return Pointer::parse(text).map(Param::Body);
    }
    match text.strip_prefix("header:") {
        Some(name) => header(name).map(Param::Header),
        None if text.is_empty() => Err("a parameter has no name".into()),
        None => Ok(Param::Query(text.to_owned())),
    }
}

fn place(text: &str) -> Result<ValueAt, String> {
    if let Some(name) = text.strip_prefix("header:") {
        return header(name).map(ValueAt::Header);
    }
    match text.strip_prefix("last:") {
        Some(path) => Pointer::parse(path).map(ValueAt::Last),
        None => Pointer::parse(text).map(ValueAt::Body),
    }
}

fn header(name: &str) -> Result<HeaderName, String> {
    let header: HeaderName = name
        .parse()
        .map_err(|_| format!("`{name}` is no header name"))?;
    if header == AUTHORIZATION {
        return Err("`Authorization` cannot be a paging parameter".into());
    }
    Ok(header)
}

fn size(text: &str) -> Result<(Param, u64), String> {
    let pair = text.rsplit_once(':').filter(|(name, _)| *name != "header");
    let size =
        pair.and_then(|(name, size)| Some((name, size.parse().ok().filter(|size| *size > 0)?)));
    let (name, size) =
        size.ok_or("`size` wants the parameter and a number from 1, as in `size=per_page:100`")?;
    Ok((param(name)?, size))
}

fn max(text: &str) -> Result<NonZeroU32, String> {
    text.parse()
        .map_err(|_| "`max` is the most pages to read, a number from 1".to_owned())
}

/// Says which parts of a text of `paginate` do not go together.
fn check(paging: &Paging, rest: &str) -> Result<(), String> {
    let name = paging.style.name();
    if paging.style == Style::None && !rest.trim().is_empty() {
        return Err("`none` takes no options: there is one request".into());
    }
    let has_links = matches!(paging.style, Style::Auto | Style::Link | Style::Next(_));
    if paging.base == Base::Source && !has_links {
        return Err(format!(
            "`rebase` goes with `auto`, `link` and `next`: `{name}` follows no links"
        ));
    }
    if let (Some((size, _)), Some(param)) = (&paging.size, paging.style.param())
        && size == param
    {
        return Err(format!(
            "`{param}` cannot be both the size and the parameter of `{name}`"
        ));
    }
    Ok(())
}

/// Checks the parameters against the request they go into.
fn fits(
    paging: &Paging,
    body: Option<&str>,
    query: Option<&Query>,
    urls: &[&Url],
) -> Result<(), String> {
    let own = paging.style.param();
    let params = paging.size.iter().map(|(param, _)| param).chain(own);
    for param in params {
        match (param, query) {
            (Param::Query(name), Some(query)) => {
                query.check(name)?;
            }
            (Param::Query(name), None) => {
                // A cursor may be given its first value; numbers have theirs here.
                let is_given = urls
                    .iter()
                    .any(|url| url.query_pairs().any(|(given, _)| given == name.as_str()));
                if is_given
                    && !matches!(paging.style, Style::Cursor(ref cursor, _) if cursor == param)
                {
                    return Err(format!(
                        "the parameter `{name}` is in the address or `params` and in `paginate`: keep one of them"
                    ));
                }
            }
            (Param::Body(_), None) => {
                let is_json = body.is_some_and(|body| {
                    serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok()
                });
                if !is_json {
                    return Err(format!(
                        "`{param}` is a place in `body`, which must then be JSON, as in `body: {{}}`"
                    ));
                }
            }
            (Param::Body(_), Some(_)) => {
                return Err(format!(
                    "with `query`, `{param}` is written as the name of a variable: `after`"
                ));
            }
            (Param::Header(_), _) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_form_is_read() {
        for text in [
            "auto",
            "none",
            "link",
            "auto rebase",
            "next /paging/next",
            "next header:X-Next max=5",
            "cursor after /meta/next_cursor",
            "cursor starting_after last:/id more=/has_more size=limit:100",
            "page page=1 size=per_page:100 total=/meta/total",
            "offset offset=0 pages=/meta/pages empty=stop",
            "offset /from=0 size=/size:500",
            "page header:X-Page=1 more=header:X-Next-Page",
        ] {
            parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
        }
        let paging = parse("offset size=0").unwrap();
        assert_eq!(paging.style, Style::Offset(Param::Query("size".into()), 0));
        assert_eq!(parse("auto").unwrap(), Paging::default());
        assert_eq!(
            parse("page header:X-Page=3 size=header:X-Size:7")
                .unwrap()
                .size
                .unwrap()
                .1,
            7
        );
    }

    #[test]
    fn mistakes_are_answered_with_what_to_write() {
        for (text, words) in [
            ("pages page=1", "did you mean `page`?"),
            ("page", "as in `page page=1`"),
            ("offset offset", "as in `offset offset=0`"),
            ("page page=one", "as in `page page=1`"),
            ("cursor after", "as in `cursor after /meta/next_cursor`"),
            ("cursor after meta.next", "did you mean `/meta/next`?"),
            ("next", "as in `next /paging/next`"),
            ("next header:a:b", "no header name"),
            ("link size=100", "as in `size=per_page:100`"),
            ("link size=n:0", "a number from 1"),
            ("link max=0", "a number from 1"),
            ("link empty=go", "can only be `stop`"),
            ("link mor=/x", "did you mean `more`?"),
            ("link rebas", "did you mean `rebase`?"),
            ("none max=5", "takes no options"),
            ("page page=1 rebase", "`rebase` goes with"),
            ("page page=1 size=page:5", "both the size"),
            (
                "page page=1 total=last:/x",
                "`total`: a path or `header:Name`",
            ),
        ] {
            let problem = parse(text).unwrap_err();
            assert!(problem.contains(words), "{text}: {problem}");
        }
    }
}
