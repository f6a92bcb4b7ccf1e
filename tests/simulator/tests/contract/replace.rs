//! `replace=true` at publish: what it takes, what it keeps, and what servers make of it that do not like it.

use std::fs;

use tableau_simulator::{Replace, Simulator, Site};

use crate::client::{Api, Response, datasource, extract, launch, project, sign_in};

/// What somebody has published and worked on, and what became of it.
struct Orders {
    simulator: Simulator,
    api: Api,
    sales: String,
}

impl Orders {
    fn with(replace: Replace) -> Self {
        let simulator = launch(|setup| setup.settings.replace = replace);
        let api = sign_in(&simulator);
        let sales = project(&simulator, &["Sales"]);
        let described = datasource("Orders", &sales).replace("\"><", "\" description=\"d\"><");
        let luid = api.publish("", &described, &extract("1")).attribute("id");
        simulator.site(|site| site.add_calculated_field(&luid, "Marge", "[a]"));
        Self {
            simulator,
            api,
            sales,
        }
    }

    /// Publishes in a single request, or through an upload session.
    fn publish(&self, parameters: &str, name: &str, in_session: bool) -> Response {
        let document = datasource(name, &self.sales);
        if in_session {
            let id = self.api.upload(&extract("2"));
            self.api.commit(&id, parameters, &document)
        } else {
            self.api.publish(parameters, &document, &extract("2"))
        }
    }

    /// Returns the stored file and how many calculated fields there are.
    fn state(&self) -> (Vec<u8>, usize) {
        self.simulator.site(|site| {
            let orders = site.datasource("Orders").unwrap();
            assert_eq!(orders.parts.len(), 1);
            let stored = fs::read(&orders.parts[0]).unwrap();
            (stored, orders.calculations().len())
        })
    }

    /// Waits for the job of an answer and returns its finish code and notes.
    fn finished(&self, answer: &Response) -> (String, bool) {
        assert_eq!(answer.status, 202, "{}", answer.body);
        self.simulator.site(Site::finish_jobs);
        let job = self.api.get(&format!("jobs/{}", answer.attribute("id")));
        assert!(job.body.contains("completedAt="), "{}", job.body);
        (job.attribute("finishCode"), job.body.contains("statusNote"))
    }
}

const OLD: (&[u8], usize) = (b"HyPer1", 1);

fn is(state: &(Vec<u8>, usize), expected: (&[u8], usize)) -> bool {
    (state.0.as_slice(), state.1) == expected
}

#[test]
fn rows_are_replaced_and_everything_else_is_kept() {
    for in_session in [false, true] {
        for as_job in ["", "&asJob=true"] {
            let orders = Orders::with(Replace::Supported);
            let site = |look: fn(&Site) -> tableau_simulator::Datasource| {
                orders.simulator.site(|site| look(site))
            };
            let before = site(|site| site.datasources[0].clone());
            let answer = orders.publish(&format!("replace=true{as_job}"), "ORDERS", in_session);
            if as_job.is_empty() {
                assert_eq!(answer.status, 201, "{}", answer.body);
            } else {
                assert_eq!(orders.finished(&answer), ("0".to_owned(), false));
            }
            assert!(is(&orders.state(), (b"HyPer2", 1)));
            let after = site(|site| site.datasources[0].clone());
            assert!(after.updated_at > before.updated_at);
            assert_eq!(after.connections, before.connections);
            assert_eq!(after.tds, before.tds);
            let same = |datasource: &tableau_simulator::Datasource| {
                (
                    datasource.luid.clone(),
                    datasource.name.clone(),
                    datasource.description.clone(),
                    datasource.created_at.clone(),
                )
            };
            assert_eq!(same(&after), same(&before));
        }
    }
}

#[test]
fn what_cannot_be_replaced_is_refused() {
    for (parameters, name, code) in [
        ("replace=true&overwrite=true", "Orders", 400_055),
        ("replace=true&append=true", "Orders", 400_055),
        ("replace=true&overwrite=true&append=true", "Orders", 400_055),
        ("replace=yes", "Orders", 400_008),
        ("replace=true", "New", 404_004),
        ("replace=true&createnew=true", "New", 404_004),
        ("replace=false", "Orders", 403_007),
    ] {
        for in_session in [false, true] {
            for as_job in ["", "&asJob=true"] {
                let orders = Orders::with(Replace::Supported);
                let answer = orders.publish(&format!("{parameters}{as_job}"), name, in_session);
                assert_eq!(answer.code(), code, "{parameters} {name}");
                assert!(is(&orders.state(), OLD));
                // A refused commit does not use up its session.
                let left = orders.simulator.site(|site| site.uploads.len());
                assert_eq!(left, usize::from(in_session));
            }
        }
    }
}

#[test]
fn only_extracts_replace_rows() {
    let orders = Orders::with(Replace::Supported);
    let document = datasource("Orders", &orders.sales);
    let payload = ("request_payload", "", document.as_bytes());
    for (kind, file) in [
        ("tdsx", &b"PK\x03\x04"[..]),
        ("tds", b"<?xml version='1.0'?><datasource/>"),
        ("parquet", b"PAR1"),
    ] {
        let id = orders.api.upload(file);
        let path = format!("datasources?datasourceType={kind}&uploadSessionId={id}&replace=true");
        let answer = orders.api.try_send("POST", &path, &[payload]).unwrap();
        assert_eq!(answer.code(), 400_054, "{kind}");
        assert!(answer.body.contains(".hyper and .tde"));
        let name = format!("a.{kind}");
        let parts = [payload, ("tableau_datasource", name.as_str(), file)];
        let path = "datasources?replace=true&asJob=true";
        let answer = orders.api.try_send("POST", path, &parts).unwrap();
        assert_eq!(answer.code(), 400_054, "{kind}");
    }
    assert!(is(&orders.state(), OLD));
}

#[test]
fn servers_that_do_not_know_it_see_a_new_data_source() {
    for as_job in ["", "&asJob=true"] {
        let orders = Orders::with(Replace::Ignored);
        let parameters = format!("replace=true{as_job}");
        for in_session in [false, true] {
            let answer = orders.publish(&parameters, "Orders", in_session);
            assert_eq!(answer.code(), 403_007);
        }
        let before = orders.simulator.site(|site| site.datasources[0].clone());
        assert!(is(&orders.state(), OLD));
        // Its value is not even looked at, and it does not stand against other modes.
        assert_eq!(
            orders.publish("replace=maybe", "Orders", false).code(),
            403_007
        );
        assert_eq!(
            before,
            orders.simulator.site(|site| site.datasources[0].clone())
        );
        let created = orders.publish(&parameters, "New", true);
        assert!(matches!(created.status, 201 | 202), "{}", created.body);
        let both = orders.publish("replace=true&overwrite=true", "Orders", true);
        assert_eq!(both.status, 201);
        assert!(is(&orders.state(), (b"HyPer2", 0)));
    }
}

#[test]
fn what_people_made_is_lost_as_asked() {
    for as_job in ["", "&asJob=true"] {
        let orders = Orders::with(Replace::LosesMetadata);
        let answer = orders.publish(&format!("replace=true{as_job}"), "Orders", true);
        if !as_job.is_empty() {
            assert!(is(&orders.state(), OLD));
            assert_eq!(orders.finished(&answer), ("0".to_owned(), false));
        }
        assert!(is(&orders.state(), (b"HyPer2", 0)));
    }
}

#[test]
fn an_extract_stays_one_even_if_its_metadata_is_lost() {
    let orders = Orders::with(Replace::LosesMetadata);
    let remote = |look: fn(&mut Site, &str)| {
        orders.simulator.site(|site| {
            let luid = site.datasource("Remote").unwrap().luid.clone();
            look(site, &luid);
            site.datasource("Remote").unwrap().clone()
        })
    };
    orders
        .simulator
        .site(|site| site.add_datasource_from("Remote", &orders.sales, &["snowflake"]));
    remote(|site, luid| {
        site.add_extract(luid);
        site.set_caption(luid, "a", "b");
    });
    let answer = orders.publish("replace=true", "Remote", false);
    assert_eq!(answer.status, 201, "{}", answer.body);
    let after = remote(|_, _| {});
    assert!(after.has_extract() && after.captions().is_empty());
    assert_eq!(
        (after.kind.as_str(), after.connections[0].kind.as_str()),
        ("snowflake", "snowflake")
    );
}

#[test]
fn jobs_refuse_without_a_word_as_asked() {
    let orders = Orders::with(Replace::RefusedAtJob);
    let answer = orders.publish("replace=true&asJob=true", "Orders", true);
    assert_eq!(orders.finished(&answer), ("1".to_owned(), false));
    assert!(is(&orders.state(), OLD));
    assert_eq!(orders.simulator.site(|site| site.uploads.len()), 0);
    let answer = orders.publish("replace=true", "Orders", false);
    assert_eq!(answer.code(), 400_011);
    assert!(is(&orders.state(), OLD));
    // Other modes are none of its business.
    let answer = orders.publish("overwrite=true&asJob=true", "Orders", true);
    assert_eq!(orders.finished(&answer).0, "0");
}

#[test]
fn there_must_be_a_file_to_replace() {
    let orders = Orders::with(Replace::Supported);
    let luid = orders
        .simulator
        .site(|site| site.add_datasource_from("Remote", &orders.sales, &["snowflake"]));
    let answer = orders.publish("replace=true", "Remote", false);
    assert_eq!(answer.code(), 400_011);
    let answer = orders.publish("replace=true&asJob=true", "Remote", true);
    assert_eq!(orders.finished(&answer), ("1".to_owned(), false));
    let is_untouched = |site: &mut Site| site.datasource("Remote").unwrap().parts.is_empty();
    assert!(orders.simulator.site(is_untouched));
    // An extract of a database has one.
    orders.simulator.site(|site| site.add_extract(&luid));
    let answer = orders.publish("replace=true", "Remote", false);
    assert_eq!(answer.status, 201, "{}", answer.body);
    let remote = orders
        .simulator
        .site(|site| site.datasource("Remote").unwrap().clone());
    assert!(remote.has_extract() && remote.connections[0].kind == "snowflake");
    assert_eq!(fs::read(&remote.parts[0]).unwrap(), extract("2"));
}
