//! Where the rows of a document are when nobody says: what is found is all of them, and what is not found is asked for.

use tableau_simulator::{Page, Simulator};

use crate::harness::{Action, Ended};
use crate::paging::{all_arrived, fetch};
use crate::server::{Server, answer};

const THREE: &str = r#"[{"id":1},{"id":2},{"id":3}]"#;

fn file(name: &str, content: &str) -> Action {
    Action::building().file(name, content).input("source", name)
}

/// Runs a document as a file and as an answer, which must come to the same.
fn both(content: &str) -> [Ended; 2] {
    let site = Simulator::start();
    site.serve("/rows", Page::json(content));
    [
        file("rows.json", content).run(),
        fetch(&site, "/rows", "auto").run(),
    ]
}

#[test]
fn the_only_list_of_a_document_has_its_rows() {
    for (document, place) in [
        (r#"{"orders":ROWS}"#, "/orders"),
        (r#"{"tickets":ROWS,"next_page":null,"count":3}"#, "/tickets"),
        (r#"{"issues":ROWS,"startAt":0,"total":3}"#, "/issues"),
        (
            r#"{"type":"FeatureCollection","name":"x","features":ROWS}"#,
            "/features",
        ),
        (r#"{"data":{"items":ROWS}}"#, "/data/items"),
        (
            r#"{"success":true,"result":{"records":ROWS,"fields":[{"id":"a"}]}}"#,
            "/result/records",
        ),
        (
            r#"{"took":2,"hits":{"total":{"value":3,"relation":"eq"},"hits":ROWS}}"#,
            "/hits/hits",
        ),
        (r#"{"feed":{"entry":ROWS}}"#, "/feed/entry"),
        (
            r#"{"data":{"orders":{"nodes":ROWS,"pageInfo":{"hasNextPage":false}}}}"#,
            "/data/orders/nodes",
        ),
        (
            r#"{"data":{"shop":{"orders":{"nodes":ROWS}}}}"#,
            "/data/shop/orders/nodes",
        ),
        (
            r#"{"_embedded":{"orders":ROWS},"_links":{"self":{"href":"/"}},"page":{"size":20}}"#,
            "/_embedded/orders",
        ),
    ] {
        for run in both(&document.replace("ROWS", THREE)) {
            assert_eq!(run.code, Some(0), "{document}: {}", run.raw);
            assert_eq!(run.output("rows"), "3", "{document}: {}", run.raw);
            let said = format!("rows found at `{place}`");
            assert!(run.log.contains(&said), "{document}: {}", run.raw);
        }
    }
}

#[test]
fn what_may_be_the_rows_is_asked_for() {
    for (document, words) in [
        (
            r#"{"orders":[{"id":1}],"customers":[{"id":1},{"id":2}]}"#,
            &[
                "`/orders` (1) or `/customers` (2)",
                "`records: /orders` or `records: /customers`",
                "`records: /`",
            ][..],
        ),
        (
            r#"{"id":7,"customer":"x","lines":[{"a":1},{"a":2},{"a":3}]}"#,
            &[
                "the rows may be at `/lines` (3)",
                "set `records: /lines`, or `records: /` for the document as one row",
            ],
        ),
        (r#"{"id":7,"items":[{"a":1}]}"#, &["`/items` (1)"]),
        (
            r#"{"base":"EUR","rates":{"2024-01-01":{"USD":1},"2024-01-02":{"USD":2}}}"#,
            &["`records: /rates/*`"],
        ),
        (r#"{"1":{"a":1},"2":{"a":2}}"#, &["`records: /*`"]),
        (
            r#"{"range":"A1:B2","values":[["a","b"],["1","2"]]}"#,
            &["`records: /values`"],
        ),
    ] {
        for run in both(document) {
            let run = run.failed("type", words);
            assert_eq!(run.output("hyper"), "");
        }
    }
}

#[test]
fn a_document_without_lists_is_one_row_and_so_is_any_that_is_said_to_be() {
    for document in [
        r#"{"message":"fine","status":"success"}"#,
        r#"{"city":"Bern","main":{"temp":3.5},"time":["a","b"],"wind":[1,2]}"#,
    ] {
        for run in both(document) {
            assert_eq!(run.succeeded().output("rows"), "1");
        }
    }
    let order = r#"{"id":7,"lines":[{"a":1},{"a":2}]}"#;
    let run = file("order.json", order).input("records", "/").run();
    assert_eq!(run.succeeded().output("rows"), "1");
}

#[test]
fn an_empty_list_is_no_rows() {
    for document in [
        r#"{"data":[],"total":0}"#,
        r#"{"orders":[],"next":null}"#,
        r#"{"data":{"items":[]}}"#,
        r#"{"items":null,"total":0}"#,
    ] {
        let run = file("rows.json", document)
            .input("columns", "id: bigint")
            .input("min-rows", "0")
            .run();
        assert_eq!(run.code, Some(0), "{document}: {}", run.raw);
        assert_eq!(run.output("rows"), "0", "{document}: {}", run.raw);
    }
}

#[test]
fn the_place_of_the_first_page_holds_for_all() {
    let site = Simulator::start();
    for (name, pages) in [
        (
            "/empty-first",
            [
                r#"{"orders":[],"more":true}"#,
                r#"{"orders":[{"id":1},{"id":2}],"more":true}"#,
                r#"{"orders":[{"id":3}],"more":false}"#,
            ],
        ),
        (
            "/one-last",
            [
                r#"{"orders":[{"id":1}],"more":true}"#,
                r#"{"orders":[{"id":2}],"more":true}"#,
                r#"{"orders":[{"id":3}],"extra":[{"x":1}],"more":false}"#,
            ],
        ),
    ] {
        let pages = pages.map(str::to_owned);
        site.serve_with(name, move |request| {
            let page = crate::paging::number(request, "page").unwrap_or(1);
            Page::json(pages[usize::try_from(page).unwrap() - 1].clone())
        });
        all_arrived(fetch(&site, name, "page page=1 more=/more").run(), 3);
    }
}

#[test]
fn an_error_in_place_of_rows_is_a_failure() {
    let words = &["the source reports an error at `/error", "no such report"][..];
    for document in [
        r#"{"error":{"code":500,"message":"no such report"}}"#,
        r#"{"errors":["no such report"]}"#,
        r#"{"errors":[{"message":"no such report"}],"data":null}"#,
        r#"{"data":[],"error":"no such report"}"#,
    ] {
        for run in both(document) {
            run.failed("type", words);
        }
        let run = file("rows.json", document)
            .input("records", "/data/items")
            .run();
        run.failed("type", words);
    }
    for document in [
        r#"{"error":null,"x":1}"#,
        r#"{"errors":[],"x":1}"#,
        r#"{"passed":7,"errors":2}"#,
    ] {
        let run = file("rows.json", document).run();
        assert_eq!(run.succeeded().output("rows"), "1", "{document}");
    }
    let known =
        file("rows.json", r#"{"job":7,"error":"no such report"}"#).input("columns", "error: text");
    assert_eq!(known.run().succeeded().output("rows"), "1");
}

#[test]
fn an_error_in_the_middle_is_a_failure() {
    let site = Simulator::start();
    site.serve_with("/pages", |request| {
        Page::json(match crate::paging::number(request, "page") {
            Some(1) => r#"{"orders":[{"id":1}]}"#,
            Some(2) => r#"{"error":{"message":"too many requests"}}"#,
            _ => r#"{"orders":[]}"#,
        })
    });
    for records in ["", "/orders"] {
        let run = fetch(&site, "/pages", "page page=1")
            .input("records", records)
            .run();
        run.failed("fetch", &["page 2", "`/error`", "too many requests"]);
    }
}

#[test]
fn signs_of_pages_are_seen_beside_the_rows() {
    let site = Simulator::start();
    for (document, records, words) in [
        (
            r#"{"data":{"items":[{"id":1}],"total":88}}"#,
            "",
            "`/data/total` says 88 where 1 row came",
        ),
        (
            r#"{"data":{"orders":{"nodes":[{"id":1}],"pageInfo":{"hasNextPage":true}}}}"#,
            "",
            "`/data/orders/pageInfo/hasNextPage` is true",
        ),
        (
            r#"{"orders":[{"id":1}],"next_page":"u"}"#,
            "",
            "`/next_page` is set",
        ),
        (r#"{"id":1,"next_page":"u"}"#, "/", "`/next_page` is set"),
    ] {
        site.serve("/page", Page::json(document));
        let run = fetch(&site, "/page", "auto")
            .input("records", records)
            .run()
            .succeeded();
        assert!(
            run.annotations.iter().any(|told| told.contains(words)),
            "{document}: {}",
            run.raw
        );
    }
}

#[test]
fn files_of_which_one_has_no_rows_are_no_table() {
    let run = Action::building()
        .file("a.json", r#"{"orders":[{"id":1},{"id":2}]}"#)
        .file("b.json", r#"{"id":1}"#)
        .input("source", "*.json")
        .run();
    run.failed("type", &["no rows at `/orders`", "a.json"]);
}

#[test]
fn xml_asks_for_the_rows_as_json_does() {
    let order = "<order><id>1</id><customer>x</customer><line>a</line><line>b</line></order>";
    let run = file("order.xml", order).run();
    run.failed(
        "type",
        &[
            "the rows may be at `/order/line` (2)",
            "`records: /order/line`",
            "`records: /`",
        ],
    );
    let run = file("order.xml", order).input("records", "/").run();
    assert_eq!(run.succeeded().output("rows"), "1");
    let rows =
        "<orders><total>2</total><order><id>1</id></order><order><id>2</id></order></orders>";
    assert_eq!(
        file("orders.xml", rows).run().succeeded().output("rows"),
        "2"
    );
    let nested = "<orders><order><id>1</id><line>a</line><line>b</line></order></orders>";
    file("orders.xml", nested)
        .run()
        .failed("type", &["`/orders/order/line` (2) or `/orders/order` (1)"]);
}

#[test]
fn an_expanded_list_that_goes_on_is_an_error() {
    for (record, name) in [
        (
            r#"{"id":1,"Kids":[{"a":1}],"Kids@odata.nextLink":"x"}"#,
            "`Kids`",
        ),
        (
            r#"{"id":1,"Kids":[{"a":1,"Toys":[],"Toys@odata.nextLink":"x"}]}"#,
            "Toys",
        ),
    ] {
        let document =
            format!(r#"{{"@odata.context":"https://x/$metadata#P","value":[{record}]}}"#);
        let run = file("people.json", &document).run();
        run.failed("type", &[name, "first part", "$expand="]);
        let run = file("people.json", &document)
            .input("columns", "Kids: skip")
            .run();
        assert_eq!(run.succeeded().output("rows"), "1");
    }
    let older = r#"{"d":{"results":[{"__metadata":{"uri":"u"},"id":1,"Kids":{"results":[{"a":1}],"__next":"x"}}]}}"#;
    file("people.json", older)
        .run()
        .failed("type", &["`Kids`", "first part"]);
}

#[test]
fn no_rows_counted_behind_the_last_page_is_no_contradiction() {
    let site = Simulator::start();
    site.serve_with("/pages", |request| {
        Page::json(match crate::paging::number(request, "page") {
            Some(1) => r#"{"orders":[{"id":1},{"id":2}],"total":3}"#,
            Some(2) => r#"{"orders":[{"id":3}],"total":3}"#,
            _ => r#"{"orders":[],"total":0}"#,
        })
    });
    all_arrived(fetch(&site, "/pages", "page page=1 total=/total").run(), 3);
}

#[test]
fn a_last_page_that_is_repeated_ends_where_the_total_says() {
    let site = Simulator::start();
    site.serve_with("/pages", |request| {
        Page::json(match crate::paging::number(request, "page") {
            Some(1) => r#"{"orders":[{"id":1},{"id":2}],"total":3}"#,
            _ => r#"{"orders":[{"id":3}],"total":3}"#,
        })
    });
    all_arrived(fetch(&site, "/pages", "page page=1 total=/total").run(), 3);
    let run = fetch(&site, "/pages", "page page=1").run();
    let run = run.failed(
        "fetch",
        &[
            "hold the same rows",
            "`more=/path`, `total=/path` or `pages=/path`",
        ],
    );
    assert!(!run.raw.contains("paginate: none"), "{}", run.raw);
}

/// As the World Bank answers.
#[test]
fn a_list_behind_an_object_about_it_is_asked_for() {
    let document = "[{\"page\":1,\"pages\":1,\"total\":2},[{\"a\":1},{\"a\":2}]]";
    let site = Simulator::start();
    site.serve("/x", Page::json(document));
    let step = |source: String| {
        Action::building()
            .file("x.json", document)
            .input("source", source)
    };
    for source in ["x.json".to_owned(), site.origin_url("/x")] {
        let run = step(source.clone()).run();
        // A page is looked into when it comes, a file when types are found.
        let stage = run.output("failed-stage").to_owned();
        run.failed(&stage, &["the rows may be at `/1` (2)", "`records: /1`"]);
        for (records, rows) in [("/1", "2"), ("/", "2")] {
            let run = step(source.clone())
                .input("records", records)
                .run()
                .succeeded();
            assert_eq!(run.output("rows"), rows, "{records}");
        }
    }
    // Other arrays are rows by themselves.
    for document in [
        "[{\"a\":1},[1,2]]",
        "[{\"a\":1},{\"a\":2}]",
        "[{\"a\":1}]",
        "[]",
        "[{\"a\":1},[{\"b\":1}],{\"a\":2}]",
    ] {
        let run = Action::building()
            .file("x.json", document)
            .input("source", "x.json")
            .input("min-rows", "0")
            .input("columns", "a: text")
            .run();
        assert!(!run.raw.contains("may be at"), "{document}: {}", run.raw);
    }
}

#[test]
fn pages_of_xml_agree_on_their_rows() {
    let order = |id: u32| format!("<order><id>{id}</id></order>");
    let page = |orders: &[u32]| {
        let orders: Vec<String> = orders.iter().map(|id| order(*id)).collect();
        format!("<orders>{}</orders>", orders.concat())
    };
    let serve = |pages: Vec<String>| {
        Server::start(move |asked, _| {
            let number = asked.target.rsplit('=').next().unwrap();
            let at = number.parse::<usize>().unwrap() - 1;
            let body = pages.get(at).map_or("<orders/>", String::as_str);
            answer("200 OK", &["Content-Type: application/xml"], body)
        })
    };
    let step = |server: &Server| {
        Action::building()
            .input("source", server.url("/x"))
            .input("paginate", "page page=1")
    };
    // The page behind the end has no rows, and a page of one row is no row by itself.
    let server = serve(vec![page(&[1, 2]), page(&[3])]);
    let run = step(&server).run().succeeded();
    assert_eq!(run.output("rows"), "3", "{}", run.log);
    assert!(run.rows().contains('3'), "{}", run.rows());
    assert_eq!(server.asked().len(), 3);
    // Nothing on the first page tells where the rows are.
    let (first, second) = (page(&[1]), page(&[2, 3]));
    let server = Server::start(move |asked, _| {
        if asked.target.ends_with("/2") {
            return answer("200 OK", &["Content-Type: application/xml"], &second);
        }
        let headers = ["Content-Type: application/xml", "Link: </2>; rel=\"next\""];
        answer("200 OK", &headers, &first)
    });
    let run = Action::building().input("source", server.url("/1")).run();
    let stage = run.output("failed-stage").to_owned();
    run.failed(&stage, &["`/orders/order`", "set `records: /orders/order`"]);
}

#[test]
fn an_xml_file_without_rows_among_others_is_no_row() {
    let run = Action::building()
        .file(
            "a.xml",
            "<orders><order><id>1</id></order><order><id>2</id></order></orders>",
        )
        .file("b.xml", "<orders><order><id>3</id></order></orders>")
        .input("source", "*.xml")
        .run()
        .failed(
            "type",
            &["b.xml", "`/orders/order`", "set `records: /orders/order`"],
        );
    assert_eq!(run.output("rows"), "");
    let run = Action::building()
        .file(
            "a.xml",
            "<orders><order><id>1</id></order><order><id>2</id></order></orders>",
        )
        .file("b.xml", "<orders><order><id>3</id></order></orders>")
        .input("source", "*.xml")
        .input("records", "/orders/order")
        .run()
        .succeeded();
    assert_eq!(run.output("rows"), "3");
}
