//! With an engine that reads rows, descriptions have columns, and packages must agree with their file.

use std::fs;
use std::path::Path;

use tableau_simulator::{Column, Simulator, Site, Table, Tables};

use crate::client::{Api, datasource, extract, launch, project, sign_in};
use crate::packages::zip;

/// Reads files such as `HyPer|Extract|Orders|id=20=integer|name=129=string`.
#[derive(Debug)]
struct Engine;

impl Tables for Engine {
    fn tables(&mut self, file: &Path) -> Result<Vec<Table>, String> {
        let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
        let mut fields = text.split('|').skip(1);
        let (Some(schema), Some(name)) = (fields.next(), fields.next()) else {
            return Err("not a database".to_owned());
        };
        let columns = fields.map(|field| {
            let parts: Vec<&str> = field.split('=').collect();
            Column {
                name: parts[0].to_owned(),
                remote_type: parts[1].parse().unwrap(),
                local_type: parts[2].to_owned(),
            }
        });
        Ok(vec![Table {
            schema: schema.to_owned(),
            name: name.to_owned(),
            columns: columns.collect(),
        }])
    }
}

const ROWS: &str = "|Extract|Orders|id=20=integer|a < b & c=129=string";

fn with_engine() -> (Simulator, Api, String) {
    let simulator = launch(|setup| setup.engine = Some(Box::new(Engine)));
    let api = sign_in(&simulator);
    let sales = project(&simulator, &["Sales"]);
    (simulator, api, sales)
}

fn tds(simulator: &Simulator) -> String {
    simulator.site(|site| site.datasource("Orders").unwrap().tds.clone())
}

#[test]
fn every_column_has_its_record() {
    let (simulator, api, sales) = with_engine();
    let document = datasource("Orders", &sales);
    assert_eq!(api.publish("", &document, &extract(ROWS)).status, 201);
    let text = tds(&simulator);
    for part in [
        " name=\"Orders\" table=\"[Extract].[Orders]\" type=\"table\" />",
        "<remote-name>id</remote-name>",
        "<remote-type>20</remote-type>",
        "<local-type>integer</local-type>",
        "<remote-name>a &lt; b &amp; c</remote-name>",
        "<local-name>[a &lt; b &amp; c]</local-name>",
        "<parent-name>[Orders]</parent-name>",
        "<ordinal>1</ordinal>",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(
        text.matches("<metadata-record class=\"column\">").count(),
        2
    );
    // An overwrite looks again, replaced rows do not.
    let other = extract("|Extract|Orders|x=5=real");
    assert_eq!(api.publish("replace=true", &document, &other).status, 201);
    assert_eq!(tds(&simulator), text);
    assert_eq!(api.publish("overwrite=true", &document, &other).status, 201);
    assert!(tds(&simulator).contains("<remote-name>x</remote-name>"));
    assert_eq!(tds(&simulator).matches("<metadata-record ").count(), 1);
}

#[test]
fn a_file_nothing_can_read_is_refused() {
    let (simulator, api, sales) = with_engine();
    let document = datasource("Orders", &sales);
    assert_eq!(api.publish("", &document, &extract("1")).code(), 400_011);
    let answer = api.publish("asJob=true", &document, &extract("1"));
    assert_eq!(answer.status, 202);
    simulator.site(Site::finish_jobs);
    let job = api.get(&format!("jobs/{}", answer.attribute("id")));
    assert_eq!(job.attribute("finishCode"), "1");
    assert!(simulator.site(|site| site.datasources.is_empty()));
}

#[test]
fn a_package_agrees_with_its_file() {
    let (simulator, api, sales) = with_engine();
    let document = datasource("Orders", &sales);
    let luid = api.publish("", &document, &extract(ROWS)).attribute("id");
    simulator.site(|site| site.set_caption(&luid, "id", "Nummer"));
    let text = tds(&simulator);
    for (rows, code) in [
        (ROWS, 0),
        // More columns than the description knows are nobody's harm.
        (
            "|Extract|Orders|a < b & c=129=string|new=5=real|id=20=integer",
            0,
        ),
        ("|Extract|Orders|id=20=integer", 400_011),
        (
            "|Extract|Extract|id=20=integer|a < b & c=129=string",
            400_011,
        ),
        ("|public|Orders|id=20=integer|a < b & c=129=string", 400_011),
        ("", 400_011),
    ] {
        let member = extract(rows);
        let package = zip(&[
            ("Orders.tds", text.as_bytes()),
            ("Data/Extracts/Orders.hyper", &member),
        ]);
        let parts = [
            ("request_payload", "", document.as_bytes()),
            ("tableau_datasource", "a.tdsx", package.as_slice()),
        ];
        let answer = api.try_send("POST", "datasources?overwrite=true", &parts);
        assert_eq!(answer.unwrap().code(), code, "{rows}");
        let known = simulator.site(|site| site.datasource("Orders").unwrap().clone());
        assert_eq!(known.tds, text);
        assert_eq!(known.captions()[0].caption, "Nummer");
        assert_eq!(fs::read(&known.parts[0]).unwrap() == member, code == 0);
    }
}
