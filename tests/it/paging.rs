//! Pages: every way from one to the next, and how the last one is known.

use std::fmt::Write;

use tableau_simulator::{OriginRequest, Page, Simulator};

use crate::harness::{Action, Ended};
use crate::recipes::recipe;

/// Records with ids in a range, as a JSON array.
pub(crate) fn records(ids: impl IntoIterator<Item = u64>) -> String {
    let mut text = String::new();
    for id in ids {
        let comma = if text.is_empty() { "" } else { "," };
        write!(text, "{comma}{{\"id\":{id}}}").unwrap();
    }
    format!("[{text}]")
}

pub(crate) fn number(request: &OriginRequest, name: &str) -> Option<u64> {
    request.param(name)?.parse().ok()
}

pub(crate) fn fetch(site: &Simulator, path: &str, paginate: &str) -> Action {
    Action::building()
        .input("source", site.origin_url(path))
        .input("paginate", paginate)
}

/// Fails unless exactly the rows 1 to `n` arrived, each once.
#[track_caller]
pub(crate) fn all_arrived(run: Ended, n: u64) -> Ended {
    let run = run.succeeded();
    let rows = run.rows();
    let mut ids: Vec<u64> = rows
        .lines()
        .skip(2)
        .map(|line| line.trim().parse().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=n).collect::<Vec<_>>(), "{}", run.raw);
    run
}

/// Fails unless the fetch failed with these words and nothing was built.
#[track_caller]
pub(crate) fn refused(run: Ended, words: &[&str]) -> Ended {
    let run = run.failed("fetch", words);
    assert_eq!(run.output("hyper"), "");
    run
}

#[test]
fn pages_are_counted_until_one_is_empty() {
    let site = Simulator::start();
    // 25 rows; the server makes pages of 10 whatever is asked for.
    site.serve_with("/orders", |request| {
        let page = number(request, "page").unwrap();
        let first = (page - 1) * 10 + 1;
        let last = (first + 9).min(25);
        Page::json(format!(
            "{{\"data\":{},\"meta\":{{\"total\":\"25\"}}}}",
            records(first..=last)
        ))
    });
    let run = recipe("pages", site.origin_url("/orders")).run();
    let run = all_arrived(run, 25);
    let requests = site.origin_requests();
    let queries: Vec<&str> = requests
        .iter()
        .map(|request| request.query.as_str())
        .collect();
    assert_eq!(
        queries,
        [
            "status=paid&per_page=100&page=1",
            "status=paid&per_page=100&page=2",
            "status=paid&per_page=100&page=3",
            "status=paid&per_page=100&page=4"
        ]
    );
    assert!(
        requests
            .iter()
            .all(|request| request.header("authorization") == Some("Bearer tok-12345"))
    );
    assert!(run.log.contains("4 pages with 25 rows"), "{}", run.log);
    assert!(run.log.contains("with 4 requests"), "{}", run.log);
    assert_eq!(run.annotations, [""; 0]);
}

#[test]
fn an_offset_advances_by_the_rows_that_came() {
    let site = Simulator::start();
    // Asked for 100, gives 10, and now and then fewer: a short page is not the end.
    site.serve_with("/x", |request| {
        let offset = number(request, "offset").unwrap();
        let n_rows = if offset == 10 { 3 } else { 10 };
        Page::json(records(offset + 1..=(offset + n_rows).min(27)))
    });
    all_arrived(
        fetch(&site, "/x", "offset offset=0 size=limit:100").run(),
        27,
    );
    let offsets: Vec<u64> = site
        .origin_requests()
        .iter()
        .map(|request| number(request, "offset").unwrap())
        .collect();
    assert_eq!(offsets, [0, 10, 13, 23, 27]);
}

#[test]
fn the_place_of_a_parameter_may_be_a_header_or_the_body() {
    let site = Simulator::start();
    site.serve_with("/header", |request| {
        let page: u64 = request.header("x-page").unwrap().parse().unwrap();
        let next = if page < 3 {
            (page + 1).to_string()
        } else {
            String::new()
        };
        Page::json(records([page]))
            .header("X-Next-Page", &next)
            .header("X-Total", "3")
    });
    let paginate = "page header:X-Page=1 more=header:X-Next-Page total=header:X-Total";
    all_arrived(fetch(&site, "/header", paginate).run(), 3);
    assert_eq!(site.origin_requests().len(), 3);

    site.serve_with("/body", |request| {
        let text = String::from_utf8(request.body.clone()).unwrap();
        let from: u64 = text
            .split("\"from\":")
            .nth(1)
            .unwrap()
            .split([',', '}'])
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert!(
            text.starts_with("{\"z\":1.10,\"query\":{\"size\":2,\"from\":"),
            "{text}"
        );
        Page::json(records(from + 1..=(from + 2).min(5)))
    });
    let run = fetch(&site, "/body", "offset /query/from=0 size=/query/size:2")
        .input(
            "body",
            "{\"z\": 1.10, \"query\": {\"size\": 0, \"from\": 0}}",
        )
        .run();
    all_arrived(run, 5);
    let last = site.origin_requests().pop().unwrap();
    assert_eq!(last.header("content-type"), Some("application/json"));
    assert_eq!(last.method, "POST");
}

#[test]
fn a_last_id_leads_on_while_there_is_more() {
    let site = Simulator::start();
    site.serve_with("/charges", |request| {
        assert_eq!(number(request, "limit"), Some(100));
        let after = number(request, "starting_after").unwrap_or(0);
        let last = (after + 4).min(10);
        let charge = |id| {
            format!("{{\"id\":{id},\"created\":1700000000,\"metadata\":{{\"order\":\"{id}\"}}}}")
        };
        let charges: Vec<String> = (after + 1..=last).map(charge).collect();
        Page::json(format!(
            "{{\"object\":\"list\",\"data\":[{}],\"has_more\":{}}}",
            charges.join(","),
            last < 10
        ))
    });
    let run = recipe("last id", site.origin_url("/charges"))
        .run()
        .succeeded();
    assert_eq!(run.output("rows"), "10");
    assert_eq!(site.origin_requests().len(), 3);
    let rows = run.rows();
    assert!(
        rows.contains("10 | 2023-11-14 22:13:20 | {\"order\":\"10\"}"),
        "{rows}"
    );
}

#[test]
fn a_cursor_ends_when_it_is_absent_null_or_its_own() {
    let site = Simulator::start();
    for (path, end) in [
        ("/null", "{\"next\":null}"),
        ("/blank", "{\"next\":\"\"}"),
        ("/absent", "{}"),
    ] {
        site.serve_with(path, move |request| {
            match request.param("after").as_deref() {
                None => Page::json(r#"{"items":[{"id":1}],"meta":{"next":"a&b"}}"#),
                Some("a&b") => Page::json(format!("{{\"items\":[{{\"id\":2}}],\"meta\":{end}}}")),
                other => panic!("{other:?}"),
            }
        });
        all_arrived(fetch(&site, path, "cursor after /meta/next").run(), 2);
    }
    // The end repeats the cursor on an empty page, and the first cursor is given.
    site.serve_with("/own", |request| match request.param("cursor").as_deref() {
        Some("*") => Page::json(r#"{"items":[{"id":1}],"next":"c1"}"#),
        Some("c1") => Page::json(r#"{"items":[],"next":"c1"}"#),
        other => panic!("{other:?}"),
    });
    all_arrived(
        fetch(&site, "/own?cursor=*", "cursor cursor /next").run(),
        1,
    );
    // A page may be empty because all of it was filtered out; a cursor may come in a header.
    site.serve_with("/filtered", |request| {
        let at = number(request, "c").unwrap_or(0);
        let body = if at.is_multiple_of(3) {
            records([at / 3 + 1])
        } else {
            "[]".into()
        };
        let page = Page::json(body);
        if at < 9 {
            page.header("X-Cursor", &(at + 1).to_string())
        } else {
            page
        }
    });
    all_arrived(
        fetch(&site, "/filtered", "cursor c header:X-Cursor").run(),
        4,
    );
}

#[test]
fn links_are_followed_without_being_asked_to() {
    let site = Simulator::start();
    let page = |n: u64, link: &str| Page::json(records([n])).header("Link", link);
    site.serve("/x", page(1, "</other?a=1,2;b>; rel=\"last\"; title=\"rel=next, <no>\", <?page=2&ids=1,2>; rel=\"prev next\""));
    site.serve(
        "/x?page=2&ids=1,2",
        page(2, &format!("<{}>; rel=next", site.origin_url("/x?page=3"))),
    );
    site.serve("/x?page=3", page(3, "<?page=1>; rel=first"));
    all_arrived(
        Action::building()
            .input("source", site.origin_url("/x"))
            .run(),
        3,
    );
    all_arrived(fetch(&site, "/x", "link").run(), 3);
    assert_eq!(
        fetch(&site, "/x", "none").run().succeeded().output("rows"),
        "1"
    );
}

#[test]
fn odata_pages_follow_each_other_and_are_counted() {
    let site = Simulator::start();
    site.serve("/v4/Orders", Page::json(r#"{"@odata.context":"x","@odata.count":3,"value":[{"id":1},{"id":2}],"@odata.nextLink":"Orders?$skiptoken=2"}"#));
    site.serve(
        "/v4/Orders?$skiptoken=2",
        Page::json(r#"{"@odata.context":"x","value":[{"id":3}]}"#),
    );
    all_arrived(fetch(&site, "/v4/Orders", "auto").run(), 3);

    site.serve(
        "/v2/Orders",
        Page::json(format!(
            r#"{{"d":{{"results":[{{"id":1}}],"__count":"3","__next":"{}"}}}}"#,
            site.origin_url("/v2/Orders?s=1")
        )),
    );
    site.serve(
        "/v2/Orders?s=1",
        Page::json(r#"{"d":{"results":[{"id":2}]}}"#),
    );
    refused(
        fetch(&site, "/v2/Orders", "auto").run(),
        &["its own count says there are 3 rows, but 2 rows came in 2 pages"],
    );
    // Who asks for the first two of many gets two.
    site.serve_with("/v4/top", |_| {
        Page::json(r#"{"@odata.count":99,"value":[{"id":1},{"id":2}]}"#)
    });
    all_arrived(fetch(&site, "/v4/top?$top=2&$count=true", "auto").run(), 2);
}

#[test]
fn a_link_in_the_body_is_followed_to_the_same_host_only() {
    let site = Simulator::start();
    let with_next = |id: u64, next: &str| {
        Page::json(format!(
            "{{\"items\":[{{\"id\":{id}}}],\"paging\":{{\"next\":{next}}}}}"
        ))
    };
    site.serve("/x", with_next(1, "\"/origin/x?page=2\""));
    site.serve("/x?page=2", with_next(2, "null"));
    all_arrived(fetch(&site, "/x", "next /paging/next").run(), 2);

    let elsewhere = Simulator::start();
    elsewhere.serve("/x", with_next(2, "null"));
    site.serve(
        "/foreign",
        with_next(1, &format!("\"{}\"", elsewhere.origin_url("/x?key=hidden"))),
    );
    let run = refused(
        fetch(&site, "/foreign", "next /paging/next")
            .input("auth", "bearer tok-12345")
            .run(),
        &[
            "the next page of",
            "`rebase` in `paginate`",
            "set `http: allow=127.0.0.1:",
        ],
    );
    assert!(!run.raw.contains("hidden"), "{}", run.raw);
    assert!(elsewhere.origin_requests().is_empty());

    // Behind a proxy the source knows neither its host nor its scheme.
    site.serve(
        "/proxied",
        with_next(1, "\"http://10.0.0.7:8080/origin/proxied?page=2\""),
    );
    site.serve("/proxied?page=2", with_next(2, "\"\""));
    refused(
        fetch(&site, "/proxied", "next /paging/next").run(),
        &["another origin", "rebase"],
    );
    all_arrived(
        fetch(&site, "/proxied", "next /paging/next rebase").run(),
        2,
    );
    site.serve(
        "/linked",
        Page::json(records([1]))
            .header("Link", "<https://internal/origin/linked?page=2>; rel=next"),
    );
    site.serve("/linked?page=2", Page::json(records([2])));
    all_arrived(fetch(&site, "/linked", "auto rebase").run(), 2);
}

#[test]
fn later_pages_obey_the_first() {
    let site = Simulator::start();
    // The end has another shape, and says nothing of going on.
    site.serve_with("/x", |request| match number(request, "page").unwrap() {
        1 => Page::json(r#"{"items":[{"id":1}],"other":5}"#),
        2 => Page::json(r#"{"items":null}"#),
        _ => panic!("read on behind the end"),
    });
    all_arrived(fetch(&site, "/x", "page page=1").run(), 1);
    site.serve_with("/y", |request| match number(request, "page").unwrap() {
        1 => Page::json(r#"{"items":[{"id":1}]}"#),
        2 => Page::json(r#"{"results":[{"id":2}],"message":"no more"}"#),
        _ => panic!("read on behind the end"),
    });
    all_arrived(fetch(&site, "/y", "page page=1").run(), 1);
    // Lacking the rows in the middle is no end.
    site.serve_with("/z", |request| match request.param("c").as_deref() {
        None => Page::json(r#"{"items":[{"id":1}],"next":"a"}"#),
        Some(_) => Page::json(r#"{"error":"busy","next":"b"}"#),
    });
    refused(
        fetch(&site, "/z", "cursor c /next").run(),
        &["page 2", "the source reports an error at `/error`", "busy"],
    );
    site.serve_with("/w", |request| match request.param("c").as_deref() {
        None => Page::json(r#"{"items":[{"id":1}],"next":"a"}"#),
        Some(_) => Page::json(r#"{"state":"busy","next":"b"}"#),
    });
    refused(
        fetch(&site, "/w", "cursor c /next").run(),
        &["page 2 has nothing at `/items`", "`records`"],
    );
    // What the first page lacks is told where types are found.
    fetch(&site, "/y", "page page=1")
        .input("records", "/itemz")
        .run()
        .failed("type", &["did you mean `records: /items`"]);
    // Columns of later pages are united with the first one's.
    site.serve(
        "/csv",
        Page::csv("id,a\n1,x\n").header("Link", "<?p=2>; rel=next"),
    );
    site.serve("/csv?p=2", Page::csv("b,id\ny,2\n"));
    let run = fetch(&site, "/csv", "auto").run().succeeded();
    assert!(
        run.rows().ends_with("1 | x | NULL\n  2 | NULL | y\n"),
        "{}",
        run.rows()
    );
}

#[test]
fn inputs_that_do_not_go_together_are_refused() {
    let wrong = |inputs: &[(&str, &str)], words: &[&str]| {
        let mut action = Action::building().input("source", "https://example.com/x?page=1");
        for (name, value) in inputs {
            action = action.input(name, *value);
        }
        action.run().failed("inputs", words);
    };
    wrong(
        &[("paginate", "pages page=1")],
        &["`paginate`", "did you mean `page`?"],
    );
    wrong(
        &[("paginate", "page page=1")],
        &["the parameter `page` is in the address or `params`"],
    );
    wrong(
        &[("paginate", "offset /from=0")],
        &["`/from` is a place in `body`"],
    );
    wrong(
        &[("paginate", "offset /from=0"), ("body", "from=0")],
        &["must then be JSON"],
    );
    wrong(
        &[("paginate", "next /x"), ("source", "x.csv")],
        &["`paginate`", "this source is a file"],
    );
    wrong(
        &[("query", "{ a }"), ("source", "x.csv")],
        &["`query`", "this source is a file"],
    );
    wrong(
        &[("query", "{ a }"), ("body", "{}")],
        &["`query`", "`body` is given, too"],
    );
    wrong(&[("query", "SELECT 1")], &["no GraphQL document"]);
    wrong(
        &[("query", "{ a }"), ("params", "b: 1")],
        &["`params`", "declares no variables"],
    );
    wrong(
        &[
            ("query", "query($n: Int) { a(n: $n) }"),
            ("params", "n: hunter2"),
        ],
        &["`$n: Int`, which the value of `n` is not"],
    );
    wrong(
        &[
            ("query", "query($n: Int) { a(n: $n) }"),
            ("paginate", "cursor after /x"),
        ],
        &["`paginate`", "no variable `$after`, only `$n`"],
    );
}

/// A feed as services behind a proxy send it: its links name a host that only they can reach.
fn feed(ids: std::ops::RangeInclusive<u64>, next: Option<u64>) -> Page {
    let mut text = String::from(
        r#"<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom" xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices" xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"><m:count>5</m:count><link rel="self" href="OrderSet"/>"#,
    );
    for id in ids {
        write!(
            text,
            r#"<entry><link rel="edit" href="OrderSet({id})"/><content type="application/xml"><m:properties><d:id m:type="Edm.Int32">{id}</d:id></m:properties></content></entry>"#
        )
        .unwrap();
    }
    if let Some(next) = next {
        write!(
            text,
            r#"<link rel="next" href="http://erp.internal:8000/origin/sap/OrderSet?sap-client=100&amp;$skiptoken={next}"/>"#
        )
        .unwrap();
    }
    Page::new("application/atom+xml;type=feed", text + "</feed>")
}

#[test]
fn feeds_are_followed_to_their_last_page() {
    let site = Simulator::start();
    site.serve_with("/sap/OrderSet", |request| {
        match number(request, "$skiptoken") {
            None => feed(1..=2, Some(3)),
            Some(3) => feed(3..=4, Some(5)),
            Some(_) => feed(5..=5, None),
        }
    });
    let all = all_arrived(fetch(&site, "/sap/OrderSet", "auto rebase").run(), 5);
    assert!(all.rows().contains("id BIGINT"), "{}", all.rows());
    let asked = site.origin_requests();
    let asked: Vec<&str> = asked.iter().map(|request| request.query.as_str()).collect();
    assert_eq!(
        asked,
        [
            "",
            "sap-client=100&$skiptoken=3",
            "sap-client=100&$skiptoken=5"
        ]
    );
    // Without `rebase` nobody goes to another host.
    refused(
        fetch(&site, "/sap/OrderSet", "auto").run(),
        &["another origin", "rebase"],
    );
    // A page that is missing is missed.
    site.serve_with("/sap/OrderSet", |request| {
        match number(request, "$skiptoken") {
            None => feed(1..=2, Some(5)),
            Some(_) => feed(5..=5, None),
        }
    });
    refused(
        fetch(&site, "/sap/OrderSet", "auto rebase").run(),
        &["5", "3"],
    );
}
