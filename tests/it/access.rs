//! `headers` and `auth` of several servers: each gets its own and nothing else.

use crate::harness::{Action, Ended};
use crate::server::{Asked, Server, json};

const SQL: &str = "SELECT o.a FROM orders o, customers c";

struct Two {
    orders: Server,
    customers: Server,
}

impl Two {
    fn start() -> Two {
        let start = || Server::start(|_, _| json("[{\"a\":1}]"));
        Two {
            orders: start(),
            customers: start(),
        }
    }

    fn source(&self) -> String {
        let (orders, customers) = (self.orders.url("/o"), self.customers.url("/c"));
        format!("orders: {orders}\ncustomers: {customers}")
    }

    fn step(&self) -> Action {
        Action::building()
            .input("source", self.source())
            .input("sql", SQL)
    }

    /// Fails unless nobody was asked for anything.
    #[track_caller]
    fn refused(&self, run: Ended, words: &[&str]) -> Ended {
        let run = run.failed("inputs", words);
        assert!(self.orders.asked().is_empty() && self.customers.asked().is_empty());
        assert!(!run.shown().contains("hunter2"), "{}", run.raw);
        run
    }
}

fn header<'a>(asked: &'a [Asked], name: &str) -> Option<&'a str> {
    assert!(!asked.is_empty());
    asked[0].header(name)
}

#[test]
fn each_server_gets_its_own() {
    let two = Two::start();
    let run = two
        .step()
        .input(
            "auth",
            "# theirs\norders:\nbearer of-the-orders\n---\ncustomers:\nbasic me:of-the-customers",
        )
        .input(
            "headers",
            "customers:\nX-Key: key-of-customers\n---\norders:\nnone",
        )
        .run()
        .succeeded();
    let (orders, customers) = (two.orders.asked(), two.customers.asked());
    assert_eq!(
        header(&orders, "authorization"),
        Some("Bearer of-the-orders")
    );
    assert_eq!(header(&orders, "x-key"), None);
    // me:of-the-customers
    let basic = "Basic bWU6b2YtdGhlLWN1c3RvbWVycw==";
    assert_eq!(header(&customers, "authorization"), Some(basic));
    assert_eq!(header(&customers, "x-key"), Some("key-of-customers"));
    for secret in ["of-the-orders", "of-the-customers"] {
        assert!(run.masked.contains(&secret.to_owned()), "{:?}", run.masked);
    }
}

#[test]
fn one_block_for_several_servers_is_refused() {
    let two = Two::start();
    let run = two.step().input("auth", "bearer hunter2-hunter2").run();
    let run = two.refused(run, &["input `auth`: the sources lie on 2 servers"]);
    let example = "orders:\nbearer …\n---\ncustomers:\nnone";
    assert!(
        run.annotations[0].contains(example),
        "{:?}",
        run.annotations
    );
    let run = two.step().input("headers", "X-Key: hunter2-hunter2").run();
    two.refused(
        run,
        &[
            "input `headers`: the sources lie on 2 servers",
            "X-Api-Key: …",
        ],
    );
    let unnamed = format!("{}\n{}", two.orders.url("/o"), two.customers.url("/c"));
    let run = Action::building()
        .input("source", unnamed)
        .input("auth", "bearer hunter2-hunter2")
        .run();
    two.refused(
        run,
        &["give each line of `source` a name (`orders: https://…`)"],
    );
}

#[test]
fn blocks_that_fit_no_source_or_are_missing_are_told() {
    let two = Two::start();
    for (auth, words) in [
        (
            "orders:\nbearer hunter2-x",
            "there is no block for the source `customers`",
        ),
        (
            "orders:\nbearer hunter2-x\n---\ncostumers:\nnone\n---\ncustomers:\nnone",
            "line 4: `costumers` is no source: their names are orders, customers; did you mean `customers`?",
        ),
        (
            "orders:\nnone\n---\norders:\nnone\n---\ncustomers:\nnone",
            "line 4: `orders` has two blocks",
        ),
        (
            "orders:\n---\ncustomers:\nnone",
            "line 1: the block of `orders` is empty: write `none`",
        ),
        (
            "bearer hunter2-x\n---\ncustomers:\nnone",
            "line 1: a block begins with the name of its source",
        ),
        (
            "orders:\nbearer hunter2-x\nmore\n---\ncustomers:\nnone",
            "line 3: the credentials go on here",
        ),
    ] {
        let run = two.step().input("auth", auth).run();
        two.refused(run, &[words]);
    }
    let run = two
        .step()
        .input("headers", "orders:\nX-A: 1\nhunter2\n---\ncustomers:\nnone")
        .run();
    two.refused(run, &["input `headers`: line 3: it has no colon"]);
    // Both servers behind one name.
    let both = two.source().replace("customers:", "orders:");
    let run = Action::building()
        .input("source", both)
        .input("auth", "orders:\nbearer hunter2-x")
        .run();
    two.refused(
        run,
        &["the addresses of `orders` lie on 2 servers", "UNION ALL"],
    );
}

#[test]
fn a_file_takes_no_block_and_needs_none() {
    let two = Two::start();
    let step = |auth: &str| {
        two.step()
            .file("c.csv", "a\n1\n")
            .input(
                "source",
                format!("orders: {}\ncustomers: c.csv", two.orders.url("/o")),
            )
            .input("auth", auth)
    };
    let run = step("orders:\nnone\n---\ncustomers:\nbearer hunter2-x").run();
    two.refused(
        run,
        &["line 4: the source `customers` is a file, which takes no `auth`"],
    );
    // One server: as it always was, or in blocks all the same.
    for auth in [
        "bearer the-token-of-all",
        "orders:\nbearer the-token-of-all",
    ] {
        step(auth).run().succeeded();
        let asked = two.orders.asked();
        let last = asked.last().unwrap();
        assert_eq!(
            last.header("authorization"),
            Some("Bearer the-token-of-all")
        );
    }
}

#[test]
fn tables_of_one_server_may_have_credentials_of_their_own() {
    let server = Server::start(|_, _| json("[{\"a\":1}]"));
    let source = format!(
        "orders: {}\ncustomers: {}",
        server.url("/o"),
        server.url("/c")
    );
    Action::building()
        .input("source", source)
        .input("sql", SQL)
        .input(
            "auth",
            "orders:\nbearer first-token\n---\ncustomers:\nbearer second-token",
        )
        .run()
        .succeeded();
    let seen: Vec<_> = server
        .asked()
        .iter()
        .map(|asked| asked.header("authorization").unwrap().to_owned())
        .collect();
    assert_eq!(seen, ["Bearer first-token", "Bearer second-token"]);
}

#[test]
fn a_parameter_that_is_a_credential_goes_to_one_server_only() {
    let two = Two::start();
    let run = two.step().input("params", "a: 1\napi_key: hunter2-x").run();
    two.refused(
        run,
        &["input `params`: `api_key` would go to all 2 servers"],
    );
    two.step().input("params", "status: paid").run().succeeded();
    for asked in [two.orders.asked(), two.customers.asked()] {
        assert!(
            asked[0].target.ends_with("?status=paid"),
            "{}",
            asked[0].target
        );
    }
}
