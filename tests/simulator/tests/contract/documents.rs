//! How answers are written, and that two runs are alike.

use std::str::FromStr;

use tableau_simulator::{Simulator, XmlStyle};

use crate::client::{datasource, extract, launch, project, send, sign_in};

#[test]
fn the_style_of_answers_can_be_set() {
    for (style, part) in [
        ("plain", "<tsResponse xmlns=\"http://tableau.com/api\""),
        ("prefixed", "<ns0:restApiVersion>3.29</ns0:restApiVersion>"),
        ("bare", "<tsResponse\n  xmlns='http://tableau.com/api'>"),
        ("adorned", "<elementAddedLater kind=\"new\">"),
    ] {
        let simulator = launch(|setup| setup.settings.xml = XmlStyle::from_str(style).unwrap());
        let answer = send(&simulator.url(), "GET", "/api/3.29/serverInfo", &[], b"").unwrap();
        assert!(answer.body.contains(part), "{style}: {}", answer.body);
        assert!(answer.head.contains("content-type: application/xml"));
    }
    assert!(XmlStyle::from_str("fancy").is_err());
}

#[test]
fn two_runs_are_alike() {
    let run = || {
        let simulator = Simulator::start();
        let api = sign_in(&simulator);
        let sales = project(&simulator, &["Sales"]);
        let answer = api.publish("", &datasource("X", &sales), &extract("1"));
        answer.body.replace(&simulator.url(), "URL")
    };
    let first = run();
    assert_eq!(first, run());
    assert!(
        first.contains("createdAt=\"2026-01-01T00:00:02Z\""),
        "{first}"
    );
}

#[test]
fn requests_are_written_down() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let sales = project(&simulator, &["Sales"]);
    api.publish("overwrite=true", &datasource("X", &sales), &extract("1"));
    simulator.site(|site| {
        let request = site.requests.last().unwrap();
        assert_eq!(
            (
                request.operation.to_string().as_str(),
                request.method.as_str(),
                request.status
            ),
            ("publish-data-source", "POST", 201)
        );
        assert_eq!(request.query, "datasourceType=hyper&overwrite=true");
        let document = format!(
            "<tsRequest><datasource name=\"X\"><project id=\"{sales}\"/></datasource></tsRequest>"
        );
        assert_eq!(request.document.as_deref(), Some(document.as_str()));
    });
}
