//! Pages: sources that page well, sources that misbehave as real ones do, and what must never happen in silence.

use std::fmt::Write;
use std::sync::atomic::{AtomicU32, Ordering};

use tableau_simulator::{OriginRequest, Page, Simulator};

use crate::harness::{Action, Ended};

/// Records with ids in a range, as a JSON array.
fn records(ids: impl IntoIterator<Item = u64>) -> String {
    let mut text = String::new();
    for id in ids {
        let comma = if text.is_empty() { "" } else { "," };
        write!(text, "{comma}{{\"id\":{id}}}").unwrap();
    }
    format!("[{text}]")
}

fn number(request: &OriginRequest, name: &str) -> Option<u64> {
    request.param(name)?.parse().ok()
}

fn fetch(site: &Simulator, path: &str, paginate: &str) -> Action {
    Action::building()
        .input("source", site.origin_url(path))
        .input("paginate", paginate)
}

/// Fails unless exactly the rows 1 to `n` arrived, each once.
#[track_caller]
fn all_arrived(run: Ended, n: u64) -> Ended {
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
fn refused(run: Ended, words: &[&str]) -> Ended {
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
    let run = fetch(
        &site,
        "/orders",
        "page page=1 size=per_page:100 total=/meta/total",
    )
    .input("params", "status: paid")
    .input("auth", "bearer tok-12345")
    .input("records", "/data")
    .run();
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
        let after = number(request, "starting_after").unwrap_or(0);
        assert_eq!(number(request, "limit"), Some(100));
        let last = (after + 4).min(10);
        Page::json(format!(
            "{{\"object\":\"list\",\"data\":{},\"has_more\":{}}}",
            records(after + 1..=last),
            last < 10
        ))
    });
    let run = fetch(
        &site,
        "/charges",
        "cursor starting_after last:/id more=/has_more size=limit:100",
    )
    .input("auth", "bearer sk_test_12345")
    .input("records", "/data")
    .run();
    all_arrived(run, 10);
    assert_eq!(site.origin_requests().len(), 3);
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
            "set `http: allow=127.0.0.1`",
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
        &["another host", "rebase"],
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
fn going_in_a_circle_is_an_error() {
    let site = Simulator::start();
    // The parameter is unknown to the source, which answers the same page for ever.
    site.serve("/deaf", Page::json(records(1..=5)));
    refused(
        fetch(&site, "/deaf", "page p=1").run(),
        &[
            "pages 1 and 2 hold the same rows",
            "seems to ignore `p`",
            "paginate: page",
        ],
    );
    assert_eq!(site.origin_requests().len(), 2);
    // The same, but every answer has another time in it.
    let clock = AtomicU32::new(0);
    site.serve_with("/deaf-with-clock", move |_| {
        let now = clock.fetch_add(1, Ordering::Relaxed);
        Page::json(format!("{{\"at\":{now},\"data\":{}}}", records(1..=5)))
    });
    refused(
        fetch(&site, "/deaf-with-clock", "offset start=0").run(),
        &["hold the same rows", "seems to ignore `start`"],
    );
    // Cursors that come back.
    site.serve_with("/circle", |request| {
        let at = number(request, "c").unwrap_or(0);
        Page::json(format!(
            "{{\"items\":{},\"next\":{}}}",
            records([at + 10]),
            (at + 1) % 3 + 1
        ))
    });
    refused(
        fetch(&site, "/circle", "cursor c /next").run(),
        &["the cursor of page 4 has been followed before", "`more=`"],
    );
    site.serve(
        "/self",
        Page::json(records([1])).header("Link", "</origin/self>; rel=next"),
    );
    refused(
        fetch(&site, "/self", "auto").run(),
        &["the link of page 1 has been followed before"],
    );
}

#[test]
fn a_crawl_without_end_is_an_error() {
    let site = Simulator::start();
    site.serve_with("/cursor", |request| {
        let at = number(request, "c").unwrap_or(0);
        let items = if at == 0 { records([1]) } else { "[]".into() };
        Page::json(format!("{{\"items\":{items},\"next\":{}}}", at + 1))
    });
    refused(
        fetch(&site, "/cursor", "cursor c /next").run(),
        &[
            "the last 10 pages have no rows",
            "`more=/path`",
            "`empty=stop`",
        ],
    );
    assert_eq!(site.origin_requests().len(), 11);
    all_arrived(
        fetch(&site, "/cursor", "cursor c /next empty=stop").run(),
        1,
    );

    site.serve_with("/many", |request| {
        Page::json(records([number(request, "page").unwrap()]))
    });
    let run = refused(
        fetch(&site, "/many", "page page=1 max=20").run(),
        &["there are more than 20 pages", "max=200", "`size=`"],
    );
    assert_eq!(run.output("rows"), "");
    // Exactly as many pages as allowed are all of them.
    site.serve_with("/few", |request| match number(request, "page").unwrap() {
        page @ 1..=20 => Page::json(records([page])),
        _ => Page::json("[]"),
    });
    all_arrived(fetch(&site, "/few", "page page=1 max=20").run(), 20);
}

#[test]
fn rows_that_are_promised_must_come() {
    let site = Simulator::start();
    site.serve_with("/x", |request| {
        let offset = number(request, "offset").unwrap();
        let rows = records(offset + 1..=(offset + 4).min(6));
        Page::json(format!(
            "{{\"data\":{rows},\"total\":{},\"more\":true,\"pages\":3,\"text\":\"n/a\"}}",
            7 + offset
        ))
    });
    refused(
        fetch(&site, "/x", "offset offset=0 total=/total").run(),
        &[
            "`total=/total` says there are 13 rows, but 6 rows came in 3 pages",
            "`total=` of `paginate`",
        ],
    );
    refused(
        fetch(&site, "/x", "offset offset=0 total=/totl").run(),
        &["the first page does not have what `total=/totl` names"],
    );
    refused(
        fetch(&site, "/x", "offset offset=0 total=/text").run(),
        &["what `total=/text` names is no whole number"],
    );
    refused(
        fetch(&site, "/x", "offset offset=0 more=/more").run(),
        &[
            "`more=/more` says there is more, but no rows come at this `offset`",
            "empty=stop",
        ],
    );
    all_arrived(
        fetch(&site, "/x", "offset offset=0 more=/more empty=stop").run(),
        6,
    );
    refused(
        fetch(&site, "/x?offset=0", "cursor after /next more=/more").run(),
        &["`more=/more` says there is more, but page 1 leads no further"],
    );
    // Known pages are all read, also behind an empty one.
    site.serve_with("/holes", |request| match number(request, "page").unwrap() {
        2 => Page::json(r#"{"data":[],"pages":"3"}"#),
        page @ 0..=2 => Page::json(format!(
            "{{\"data\":{},\"pages\":\"3\"}}",
            records([page + 1])
        )),
        page => panic!("page {page}"),
    });
    let run = fetch(&site, "/holes", "page page=0 pages=/pages").run();
    all_arrived(run, 2);
}

#[test]
fn a_page_that_does_not_exist_is_the_end_of_counting_only() {
    let site = Simulator::start();
    site.serve_with("/x", |request| match number(request, "page") {
        Some(page @ 1..=2) => Page::json(format!("{{\"data\":{},\"more\":true}}", records([page]))),
        None => Page::json(r#"{"data":[{"id":1}],"next":"/origin/gone"}"#),
        Some(_) => Page::json(r#"{"detail":"Invalid page."}"#).status(404),
    });
    all_arrived(fetch(&site, "/x", "page page=1").run(), 2);
    refused(
        fetch(&site, "/x", "page page=1 more=/more").run(),
        &[
            "failed to get page 3 of",
            "after 2 rows",
            "answered 404",
            "Invalid page.",
        ],
    );
    refused(fetch(&site, "/x", "page page=3").run(), &["answered 404"]);
    refused(
        fetch(&site, "/x", "next /next").run(),
        &["failed to get page 2", "answered 404"],
    );
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
fn one_failed_page_publishes_nothing_and_a_retried_one_is_no_failure() {
    let site = Simulator::start();
    let asked = AtomicU32::new(0);
    site.serve_with("/x", move |request| {
        let page = number(request, "page").unwrap();
        if page == 3 && asked.fetch_add(1, Ordering::Relaxed) == 0 {
            return Page::json("{}").status(503);
        }
        Page::json(if page > 4 {
            "[]".into()
        } else {
            records([page])
        })
    });
    let run = all_arrived(fetch(&site, "/x", "page page=1").run(), 4);
    assert!(run.log.contains("with 6 requests"), "{}", run.log);
    assert!(run.log.contains("the server answered 503"), "{}", run.log);

    site.serve_with("/broken", |request| {
        match number(request, "page").unwrap() {
            3 => Page::json("{}").status(503),
            page => Page::json(records([page])),
        }
    });
    let run = Action::publishing_to(&site)
        .input("source", site.origin_url("/broken"))
        .input("paginate", "page page=1")
        .run();
    refused(
        run,
        &[
            "failed to get page 3 of",
            "after 2 rows",
            "503 Service Unavailable after 6 attempts",
        ],
    );
    assert_eq!(site.calls(), [""; 0]);
}

#[test]
fn a_page_that_looks_like_one_of_many_is_a_warning() {
    let site = Simulator::start();
    site.serve(
        "/more",
        Page::json(r#"{"data":[{"id":1}],"has_more":true}"#),
    );
    site.serve(
        "/total",
        Page::json(r#"{"results":[{"id":1}],"count":88,"next":null}"#),
    );
    site.serve(
        "/header",
        Page::json(records([1])).header("X-Total-Count", "12"),
    );
    site.serve(
        "/all",
        Page::json(r#"{"data":[{"id":1}],"has_more":false,"total":1,"next":null}"#),
    );
    for (path, words) in [
        ("/more", "`/has_more` is true"),
        ("/total", "`/count` says 88 where 1 row came"),
        ("/header", "`x-total-count` says 12 where 1 row came"),
    ] {
        let run = all_arrived(fetch(&site, path, "auto").run(), 1);
        assert_eq!(run.annotations.len(), 1, "{}", run.raw);
        let told = &run.annotations[0];
        assert!(
            told.starts_with("warning")
                && told.contains(words)
                && told.contains("`paginate: none`"),
            "{told}"
        );
        let run = all_arrived(fetch(&site, path, "none").run(), 1);
        assert_eq!(run.annotations, [""; 0]);
    }
    let run = all_arrived(fetch(&site, "/all", "auto").run(), 1);
    assert_eq!(run.annotations, [""; 0]);
    // A misspelt path looks like the end.
    let run = all_arrived(fetch(&site, "/more", "cursor after /nxt").run(), 1);
    assert!(
        run.annotations[0].contains("`/has_more` is true"),
        "{}",
        run.raw
    );
}

const QUERY: &str = "query($after: String, $owner: String!, $first: Int!) {
  repository(owner: $owner) {
    issues(first: $first, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } } }";

#[test]
fn graphql_pages_by_its_variables() {
    let site = Simulator::start();
    site.serve_with("/graphql", |request| {
        let body = String::from_utf8(request.body.clone()).unwrap();
        assert!(body.contains("\"query\":\"query($after: String"), "{body}");
        let (id, has_next) = match body.split("\"variables\":").nth(1).unwrap() {
            "{\"owner\":\"12\",\"first\":100}}" => (1, true),
            "{\"owner\":\"12\",\"first\":100,\"after\":\"Y3Vyc29y\"}}" => (2, false),
            other => panic!("{other}"),
        };
        let info = format!("{{\"hasNextPage\":{has_next},\"endCursor\":\"Y3Vyc29y\"}}");
        Page::json(format!("{{\"data\":{{\"repository\":{{\"issues\":{{\"nodes\":[{{\"id\":{id}}}],\"pageInfo\":{info}}}}}}}}}"))
    });
    let run = fetch(&site, "/graphql", "cursor after /data/repository/issues/pageInfo/endCursor more=/data/repository/issues/pageInfo/hasNextPage")
        .input("auth", "bearer tok-12345")
        .input("query", QUERY)
        .input("params", "owner: 12\nfirst: 100")
        .input("records", "/data/repository/issues/nodes")
        .run();
    all_arrived(run, 2);
    for request in site.origin_requests() {
        assert_eq!(
            (request.method.as_str(), request.query.as_str()),
            ("POST", "")
        );
        assert_eq!(request.header("content-type"), Some("application/json"));
    }
}

#[test]
fn graphql_errors_are_failures_of_status_200() {
    let site = Simulator::start();
    let long = "x".repeat(500);
    let errors =
        format!("\"errors\":[{{\"message\":\"Field `nodez` is unknown {long}\",\"path\":[]}}]");
    site.serve_with("/first", {
        let errors = errors.clone();
        move |_| Page::json(format!("{{\"data\":null,{errors}}}"))
    });
    site.serve_with("/second", move |request| {
        let is_first = !String::from_utf8_lossy(&request.body).contains("\"after\":\"a\"");
        let errors = if is_first {
            "\"errors\":[]"
        } else {
            errors.as_str()
        };
        Page::json(format!(
            "{{\"data\":{{\"nodes\":[{{\"id\":1}}],\"next\":\"a\"}},{errors}}}"
        ))
    });
    let ask = |path: &str, paginate: &str| {
        fetch(&site, path, paginate)
            .input(
                "query",
                "query($after: String) { nodes(after: $after) { id } }",
            )
            .input("records", "/data/nodes")
            .run()
    };
    for paginate in ["none", "auto", "cursor after /data/next"] {
        let run = refused(
            ask("/first", paginate),
            &[
                "answered with a GraphQL error: Field `nodez` is unknown xxx",
                "`query`",
            ],
        );
        assert!(!run.raw.contains(&long), "the message is not cut");
    }
    let words = ["failed to get page 2", "Field `nodez` is unknown"];
    refused(ask("/second", "cursor after /data/next"), &words);
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
