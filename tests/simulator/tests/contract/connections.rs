//! What data sources read from, as far as it is told.

use tableau_simulator::{Connections, Fault, Simulator};

use crate::client::{Api, datasource, extract, launch, project, send, sign_in};

/// Publishes a file and returns the path of its connections.
fn published(simulator: &Simulator, api: &Api) -> String {
    let sales = project(simulator, &["Sales"]);
    let answer = api.publish("", &datasource("Orders", &sales), &extract("1"));
    format!("datasources/{}/connections", answer.attribute("id"))
}

#[test]
fn a_published_file_is_the_only_connection() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let path = published(&simulator, &api);
    let answer = api.get(&path);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.contains("<connections><connection id="));
    assert_eq!(answer.attributes("type"), ["hyper"]);
    assert_eq!(answer.attributes("serverAddress"), [""]);
    let luid = simulator.site(|site| site.datasources[0].connections[0].luid.clone());
    assert_eq!(answer.attribute("id"), luid);
    // An overwrite and an append keep it.
    let sales = project(&simulator, &["Sales"]);
    for mode in ["overwrite=true", "append=true"] {
        api.publish(mode, &datasource("Orders", &sales), &extract("2"));
        assert_eq!(api.get(&path).attributes("id"), [luid.as_str()], "{mode}");
    }
}

#[test]
fn other_data_sources_name_what_they_read_from() {
    let simulator = Simulator::start();
    let sales = project(&simulator, &["Sales"]);
    let [one, two] = simulator.site(|site| {
        [&["snowflake"][..], &["hyper", "sqlserver"]]
            .map(|kinds| site.add_datasource_from("Remote", &sales, kinds))
    });
    let api = sign_in(&simulator);
    let kinds = |luid: &str| {
        let answer = api.get(&format!("datasources/{luid}/connections"));
        answer.attributes("type")
    };
    assert_eq!(kinds(&one), ["snowflake"]);
    assert_eq!(kinds(&two), ["hyper", "sqlserver"]);
    let listed = api.get(&format!("datasources/{one}"));
    assert_eq!(listed.attribute("type"), "snowflake");
    // Written over by a file, it reads from the file.
    let answer = api.publish(
        "overwrite=true",
        &datasource("Remote", &sales),
        &extract("1"),
    );
    assert_eq!(kinds(&answer.attribute("id")), ["hyper"]);
}

#[test]
fn connections_are_named_or_kept_secret_as_asked() {
    let simulator = launch(|setup| setup.settings.connections = Connections::Dataengine);
    let api = sign_in(&simulator);
    let path = published(&simulator, &api);
    assert_eq!(api.get(&path).attributes("type"), ["dataengine"]);
    simulator.site(|site| site.settings.connections = Connections::Forbidden);
    let refused = api.get(&path);
    assert_eq!((refused.status, refused.code()), (403, 403_021));
}

#[test]
fn connections_are_checked_like_any_call() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let path = published(&simulator, &api);
    // Not 404004 as everywhere else.
    assert_eq!(api.get("datasources/x/connections").code(), 404_011);
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(api.call(method, &path, "").code(), 405_000, "{method}");
    }
    let whole = format!("/api/3.29/sites/{}/{path}", api.site);
    let unsigned = send(&api.url, "GET", &whole, &[], b"").unwrap();
    assert_eq!(unsigned.code(), 401_000);
}

#[test]
fn connections_go_wrong_as_asked() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let path = published(&simulator, &api);
    for (effect, status, code) in [
        ("403021", 403, 403_021),
        ("503", 503, 0),
        ("429", 429, 429_000),
    ] {
        let nth = simulator.n_calls("query-data-source-connections") + 1;
        let fault = format!("query-data-source-connections#{nth}={effect}");
        simulator.add_fault(fault.parse::<Fault>().unwrap());
        let answer = api.get(&path);
        assert_eq!((answer.status, answer.code()), (status, code), "{effect}");
        assert_eq!(api.get(&path).status, 200);
    }
    let struck = simulator.calls();
    assert!(struck.contains(&"query-data-source-connections!".to_owned()));
}
