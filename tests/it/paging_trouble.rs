//! Sources that page as badly as real ones do: nothing may be lost or doubled in silence.

use std::sync::atomic::{AtomicU32, Ordering};

use tableau_simulator::{Page, Simulator};

use crate::harness::Action;
use crate::paging::{all_arrived, fetch, number, records, refused};

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
