//! Every YAML block of the README does what stands beside it.

use expect_test::expect;
use tableau_simulator::{CONTENT_URL, Page, Simulator, TOKEN_NAME, TOKEN_SECRET};

use crate::harness::{Action, Ended};
use crate::network::Authority;
use crate::server::Server;

const README: &str = include_str!("../../README.md");

/// What stands in for the expressions of recipes; an address of Tableau is set by the test.
const VALUES: [(&str, &str); 14] = [
    ("vars.TABLEAU_SERVER_URL", "https://tableau.example"),
    ("vars.TABLEAU_SITE_ID", CONTENT_URL),
    ("vars.TABLEAU_PROJECT_ID", "Sales"),
    ("vars.TABLEAU_PAT_NAME", TOKEN_NAME),
    ("secrets.TABLEAU_PAT_SECRET", TOKEN_SECRET),
    ("secrets.API_TOKEN", "tok-12345"),
    ("secrets.RATES_KEY", "key-of-rates"),
    ("secrets.STRIPE_KEY", "tok-12345"),
    ("github.token", "tok-12345"),
    ("secrets.SAP_USER", "user"),
    ("secrets.SAP_PASSWORD", "password-of-sap"),
    ("vars.TENANT", "tenant-1"),
    ("vars.CLIENT_ID", "client-1"),
    ("secrets.CLIENT_SECRET", "secret-of-client-1"),
];

/// Returns the YAML block behind `<!-- recipe: NAME -->`.
fn block(name: &str) -> &'static str {
    let start = format!("<!-- recipe: {name} -->\n```yaml\n");
    let rest = README.split(&start).nth(1);
    let rest = rest.unwrap_or_else(|| panic!("the README has no recipe `{name}`"));
    rest.split("```").next().unwrap()
}

/// Inputs of a recipe with its expressions filled in: those of `with:`, or all there are.
fn inputs(name: &str) -> Vec<(String, String)> {
    let mut lines: Vec<&str> = block(name).lines().collect();
    if let Some(with) = lines.iter().position(|line| line.trim() == "with:") {
        let depth = depth_of(lines[with]);
        lines.drain(..=with);
        let is_deeper = |line: &&str| line.is_empty() || depth_of(line) > depth;
        lines = lines.into_iter().take_while(is_deeper).collect();
    }
    let depth = depth_of(lines[0]);
    filled(&lines, depth)
}

/// What the first workflow gives every step of its job: variables of the environment.
fn environment() -> Vec<(String, String)> {
    let lines = block("dog")
        .lines()
        .skip_while(|line| line.trim() != "env:");
    let lines: Vec<&str> = lines
        .skip(1)
        .take_while(|line| line.trim() != "steps:")
        .collect();
    filled(&lines, depth_of(lines[0]))
}

/// Entries of a mapping with their expressions filled in.
fn filled(lines: &[&str], depth: usize) -> Vec<(String, String)> {
    let mut inputs: Vec<(String, String)> = Vec::new();
    for line in lines {
        let line = line.get(depth..).unwrap_or_default();
        if let Some(more) = line.strip_prefix("  ") {
            let value = &mut inputs.last_mut().unwrap().1;
            *value += &format!("{more}\n");
        } else {
            let (name, value) = line.split_once(": ").unwrap();
            let value = value.strip_prefix('|').unwrap_or(value);
            inputs.push((name.to_owned(), value.trim_matches('"').to_owned()));
        }
    }
    for (_, value) in &mut inputs {
        for (expression, filled) in VALUES {
            *value = value.replace(&format!("${{{{ {expression} }}}}"), filled);
        }
        assert!(!value.contains("${{"), "{value}");
    }
    inputs
}

fn depth_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// A step with the inputs of a recipe and another source; it only builds unless it says where to publish to.
pub(crate) fn recipe(name: &str, source: impl Into<String>) -> Action {
    let inputs = inputs(name);
    let publishes = inputs.iter().any(|(name, _)| name == "datasource");
    let action = if publishes {
        let variables = environment().into_iter();
        variables.fold(Action::new(), |action, (name, value)| {
            action.variable(&name, value)
        })
    } else {
        Action::building()
    };
    inputs
        .into_iter()
        .fold(action, |action, (name, value)| action.input(&name, value))
        .input("source", source)
}

#[test]
fn every_block_is_a_recipe_and_every_recipe_is_cooked() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    let mut tests = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        // A folder holds parts of a test, and no recipe.
        if let Ok(text) = std::fs::read_to_string(entry.unwrap().path()) {
            tests += &text.split_whitespace().collect::<String>();
        }
    }
    let parts: Vec<&str> = README.split("```yaml\n").collect();
    assert!(parts.len() > 12);
    for before in &parts[..parts.len() - 1] {
        let mark = before.trim_end().lines().last().unwrap();
        let name = mark
            .strip_prefix("<!-- recipe: ")
            .and_then(|rest| rest.strip_suffix(" -->"))
            .unwrap_or_else(|| panic!("a block of the README has no name, after: {mark}"));
        let call: String = format!("recipe(\"{name}\",").split_whitespace().collect();
        assert!(tests.contains(&call), "no test runs the recipe `{name}`");
    }
}

#[test]
fn the_example_is_the_first_workflow_with_comments() {
    let example = include_str!("../../.github/examples/publish-dog.yml");
    let is_comment = |line: &&str| !line.trim_start().starts_with('#');
    let lines: Vec<&str> = example.lines().filter(is_comment).collect();
    assert_eq!(lines.join("\n"), block("dog").trim_end());
}

#[test]
fn only_what_is_secret_is_a_secret_in_the_quick_start() {
    let secrets: Vec<&str> = block("dog")
        .match_indices("secrets.")
        .map(|(at, _)| block("dog")[at..].split(' ').next().unwrap())
        .collect();
    assert_eq!(secrets, ["secrets.TABLEAU_PAT_SECRET"]);
    let variables = environment();
    let names: Vec<&str> = variables.iter().map(|(name, _)| name.as_str()).collect();
    for name in [
        "TABLEAU_SERVER_URL",
        "TABLEAU_SITE_ID",
        "TABLEAU_PROJECT_ID",
        "TABLEAU_PAT_NAME",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
}

#[test]
fn the_first_workflow_publishes_a_dog() {
    let site = Simulator::start();
    let url = "https://images.dog.ceo/breeds/hound-afghan/n02088094_1003.jpg";
    let answer = format!("{{\"message\":\"{url}\",\"status\":\"success\"}}");
    site.serve("/api/breeds/image/random", Page::json(answer));
    recipe("dog", site.origin_url("/api/breeds/image/random"))
        .input("server-url", site.url())
        .run()
        .succeeded();
    let arrived = site.site(|site| site.datasource("dog_api_output").unwrap().parts[0].clone());
    let rows = crate::extract::read(&arrived);
    assert!(
        rows.contains(&format!("hound-afghan | {url} | 20")),
        "{rows}"
    );
}

#[test]
fn records_of_a_file_are_published_below_a_path() {
    let site = Simulator::start();
    let run = recipe("records", "data/orders.json")
        .file("data/orders.json", include_str!("../fixtures/orders.json"))
        .input("server-url", site.url())
        .run()
        .succeeded();
    assert_eq!(run.output("rows"), "3");
    let (project, description, tags, emea) = site.site(|site| {
        let emea = site.project(&["Sales", "EMEA"]).unwrap().luid.clone();
        let published = site.datasource("Orders").unwrap();
        let tags = published.tags.clone();
        (
            published.project.clone(),
            published.description.clone(),
            tags,
            emea,
        )
    });
    assert_eq!(project, emea);
    assert_eq!(run.output("project-id"), emea);
    assert_eq!(description, "Orders of the web shop, every morning");
    assert_eq!(tags, ["shop", "daily"]);
}

#[test]
fn an_envelope_behind_a_token_is_opened() {
    let site = Simulator::start();
    site.serve_with("/v2/orders", |request| {
        assert_eq!(request.param("status").as_deref(), Some("paid"));
        assert_eq!(request.header("authorization"), Some("Bearer tok-12345"));
        Page::json(
            r#"{"data":{"items":[
                {"zip":"01067","amount":12.5,"ordered_at":"2026-01-31T10:00:00"},
                {"zip":"80331","amount":7,"ordered_at":"2026-07-31T10:00:00"}]}}"#,
        )
    });
    let run = recipe("api", site.origin_url("/v2/orders"))
        .run()
        .succeeded();
    expect![[r"
        Extract.Extract
          zip TEXT, amount NUMERIC(12, 2), ordered_at TIMESTAMP
          01067 | 12.50 | 2026-01-31 09:00:00
          80331 | 7.00 | 2026-07-31 08:00:00
    "]]
    .assert_eq(&run.rows());
}

#[test]
fn a_client_gets_a_token_and_shows_it() {
    let tokens = Server::start(|_, _| {
        let body =
            r#"{"access_token":"tok-of-the-tenant","token_type":"Bearer","expires_in":3600}"#;
        crate::server::json(body)
    });
    let site = Simulator::start();
    site.serve_with("/v1.0/users", |request| {
        assert_eq!(
            request.header("authorization"),
            Some("Bearer tok-of-the-tenant")
        );
        Page::json(r#"{"value":[{"id":"1","displayName":"Ada"}]}"#)
    });
    let (_, auth) = inputs("oauth2").pop().unwrap();
    let address = "https://login.microsoftonline.com/tenant-1/oauth2/v2.0/token";
    assert!(auth.contains(address), "{auth}");
    let run = recipe(
        "oauth2",
        site.origin_url("/v1.0/users?$select=id,displayName"),
    )
    .input("auth", auth.replace(address, &tokens.url("/token")))
    .run()
    .succeeded();
    assert!(run.rows().contains("1 | Ada"), "{}", run.rows());
    let asked = &tokens.asked()[0].body;
    assert!(asked.contains("graph.microsoft.com"), "{asked}");
}

#[test]
fn named_sources_are_joined() {
    let site = Simulator::start();
    let orders = r#"[{"id":1,"customer_id":7,"amount":2.5},{"id":2,"customer_id":8,"amount":3},{"id":3,"customer_id":7,"amount":4}]"#;
    site.serve("/v2/orders", Page::json(orders));
    let given = block("join");
    for line in ["orders: https://", "customers: data/customers/*.csv"] {
        assert!(given.contains(line), "{given}");
    }
    let source = format!(
        "orders: {}\ncustomers: data/customers/*.csv",
        site.origin_url("/v2/orders")
    );
    let run = recipe("join", source)
        .file("data/customers/1.csv", "id,country\n7,France\n")
        .file("data/customers/2.csv", "id,country\n8,Norway\n")
        .run()
        .succeeded();
    expect![[r"
        Extract.Extract
          country TEXT, orders BIGINT, amount DOUBLE PRECISION
          France | 2 | 6.5
          Norway | 1 | 3
    "]]
    .assert_eq(&run.rows());
}

#[test]
fn each_of_several_servers_gets_its_own_credentials() {
    let (orders, rates) = (Simulator::start(), Simulator::start());
    orders.serve_with("/v2/orders", |request| {
        assert_eq!(request.header("authorization"), Some("Bearer tok-12345"));
        assert_eq!(request.header("x-api-key"), None);
        Page::json(r#"[{"id":1,"amount":2,"currency":"EUR"}]"#)
    });
    rates.serve_with("/latest", |request| {
        assert_eq!(request.header("authorization"), None);
        assert_eq!(request.header("x-api-key"), Some("key-of-rates"));
        Page::json(r#"[{"currency":"EUR","rate":1.5}]"#)
    });
    let source = format!(
        "orders: {}\nrates: {}",
        orders.origin_url("/v2/orders"),
        rates.origin_url("/latest")
    );
    let run = recipe("credentials", source).run().succeeded();
    assert!(run.rows().contains("1 | 3"), "{}", run.rows());
}

#[test]
fn a_ca_of_the_workspace_is_trusted() {
    let ours = Authority::new("Corporate");
    let rows = crate::http::gzip(b"id,name\n1,a\n");
    let server = Server::start(move |_, _| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/gzip\r\n";
        let head = format!("{head}Content-Length: {}\r\n\r\n", rows.len());
        [head.as_bytes(), &rows].concat()
    });
    let front = ours.front(server.address(), &["127.0.0.1"]);
    let run = recipe("ca", format!("https://{front}/orders.csv.gz"))
        .file("ci/corporate-ca.pem", &ours.pem)
        .run()
        .succeeded();
    assert!(run.rows().contains("1 | a"), "{}", run.rows());
}

#[test]
fn guards_let_fresh_orders_through_and_stop_others() {
    let guarded = |n: usize, amount: &str, age: &str| -> Ended {
        let mut rows = "order_id,line,customer_id,amount\n".to_owned();
        for order in 0..n {
            rows += &format!("{},{},7,{amount}\n", order / 2, order % 2);
        }
        let sql = format!("SELECT *, _fetched_at - interval '{age}' AS ordered_at FROM input");
        recipe("guards", "orders.csv")
            .file("orders.csv", rows)
            .input("sql", sql)
            .run()
    };
    guarded(1000, "1.5", "1 hour").succeeded();
    guarded(999, "1.5", "1 hour").failed("check", &["min-rows"]);
    guarded(1000, "-1.5", "1 hour").failed("check", &["amount < 0"]);
    guarded(1000, "1.5", "40 hours").failed("check", &["interval '36 hours'"]);
}
