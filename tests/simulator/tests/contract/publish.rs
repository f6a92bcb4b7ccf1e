//! Publishing: the table of the modes, the errors, and what an overwrite keeps.

use std::fs;

use tableau_simulator::{AsJob, Setup, Simulator};

use crate::client::{Response, datasource, extract, launch, project, send, sign_in};

const NOT_EXISTS: &str = "New";
const EXISTS: &str = "Old";

#[test]
fn the_modes_behave_as_in_the_table() {
    for as_job in ["", "&asJob=true"] {
        for (parameters, name, expected) in [
            ("", NOT_EXISTS, 0),
            ("overwrite=false", NOT_EXISTS, 0),
            ("createnew=true", NOT_EXISTS, 0),
            ("", EXISTS, 403_007),
            ("overwrite=false", EXISTS, 403_007),
            ("overwrite=true", NOT_EXISTS, 0),
            ("overwrite=true", EXISTS, 0),
            ("append=true", NOT_EXISTS, 404_004),
            ("append=true", EXISTS, 0),
            ("replace=true", NOT_EXISTS, 404_004),
            ("replace=true", EXISTS, 0),
            ("overwrite=true&append=true", EXISTS, 400_055),
            ("overwrite=yes", EXISTS, 400_008),
        ] {
            let simulator = Simulator::start();
            let api = sign_in(&simulator);
            let sales = project(&simulator, &["Sales"]);
            let luid = api
                .publish("", &datasource(EXISTS, &sales), &extract("1"))
                .attribute("id");
            // The name is matched in any case.
            let document = datasource(&name.to_uppercase(), &sales);
            let check = |answer: &Response| {
                assert_eq!(
                    answer.code(),
                    expected,
                    "{parameters} {name}: {}",
                    answer.body
                );
                let success = if as_job.is_empty() { 201 } else { 202 };
                assert!(expected != 0 || answer.status == success, "{}", answer.body);
            };
            check(&api.publish(&format!("{parameters}{as_job}"), &document, &extract("2")));
            simulator.site(tableau_simulator::Site::finish_jobs);
            simulator.site(|site| {
                let old = site.datasource(EXISTS).unwrap();
                assert_eq!(old.luid, luid);
                let stored: Vec<Vec<u8>> = old
                    .parts
                    .iter()
                    .map(|part| fs::read(part).unwrap())
                    .collect();
                let expected: &[&[u8]] = match (parameters, name, expected) {
                    ("append=true", EXISTS, 0) => &[b"HyPer1", b"HyPer2"],
                    (_, EXISTS, 0) => &[b"HyPer2"],
                    _ => &[b"HyPer1"],
                };
                assert_eq!(stored, expected, "{parameters} {name}");
                assert_eq!(
                    site.datasources.len(),
                    if name == NOT_EXISTS && !matches!(parameters, "append=true" | "replace=true") {
                        2
                    } else {
                        1
                    }
                );
            });
            // The same through an upload session, on the state reached.
            if expected != 0 {
                let id = api.upload(&extract("3"));
                check(&api.commit(&id, &format!("{parameters}{as_job}"), &document));
                assert_eq!(
                    simulator.site(|site| site.uploads.len()),
                    1,
                    "a refused commit must not use up the session"
                );
            }
        }
    }
}

#[test]
fn an_existing_name_is_refused_with_the_words_of_real_servers() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let sales = project(&simulator, &["Sales"]);
    assert_eq!(
        api.publish("", &datasource("X", &sales), &extract(""))
            .status,
        201
    );
    let refused = api.publish("", &datasource("X", &sales), &extract(""));
    assert!(refused.body.contains("The datasource &apos;X&apos; already exists and may not be overwritten without the &apos;overwrite&apos; flag set to &apos;true&apos;."));
    // The same name in another project is another data source.
    let other = api.publish(
        "",
        &datasource("X", &project(&simulator, &["Sales", "EMEA"])),
        &extract(""),
    );
    assert_eq!(
        (other.status, other.attribute("contentUrl")),
        (201, "X_1".to_owned())
    );
}

#[test]
fn publishing_is_checked() {
    let simulator = launch(|setup: &mut Setup| setup.settings.single_request_limit = 1000);
    let api = sign_in(&simulator);
    let sales = project(&simulator, &["Sales"]);
    let document = datasource("X", &sales);
    let payload = ("request_payload", "", document.as_bytes());
    let file = extract("1");
    let large = extract(&"x".repeat(1000));
    let id = api.upload(&file);
    let post = |parameters: &str, parts: &[(&str, &str, &[u8])]| {
        let answer = api
            .try_send("POST", &format!("datasources?{parameters}"), parts)
            .unwrap();
        (answer.status, answer.code())
    };
    let attached = ("tableau_datasource", "a.hyper", &file[..]);
    let session = format!("uploadSessionId={id}");
    for (parameters, parts, expected) in [
        ("overwrite=1", &[payload, attached][..], (400, 400_008)),
        ("asJob=maybe", &[payload, attached], (400, 400_008)),
        ("", &[payload], (400, 400_000)),
        ("", &[attached], (400, 400_000)),
        ("", &[payload, attached, attached], (400, 400_010)),
        (
            "",
            &[payload, ("tableau_datasource", "a.csv", &file)],
            (400, 400_010),
        ),
        (
            "",
            &[payload, ("tableau_datasource", "hyper", &file)],
            (400, 400_010),
        ),
        (
            "",
            &[payload, ("tableau_file", "a.hyper", &file)],
            (400, 400_000),
        ),
        (
            "",
            &[payload, ("tableau_datasource", "a.hyper", &large)],
            (413, 0),
        ),
        (
            "",
            &[payload, ("tableau_datasource", "a.hyper", b"PK\x03\x04")],
            (400, 400_011),
        ),
        (
            "",
            &[payload, ("tableau_datasource", "a.hyper", b"")],
            (400, 400_011),
        ),
        (&session, &[payload], (400, 400_010)),
        (
            &format!("{session}&datasourceType=csv"),
            &[payload],
            (400, 400_010),
        ),
        (
            &format!("{session}&datasourceType=hyper"),
            &[payload, attached],
            (400, 400_010),
        ),
        (
            "uploadSessionId=7720:0-1:0&datasourceType=hyper",
            &[payload],
            (404, 404_015),
        ),
        (
            &format!("{session}&datasourceType=tdsx"),
            &[payload],
            (400, 400_011),
        ),
    ] {
        assert_eq!(post(parameters, parts), expected, "{parameters}");
    }
    assert!(simulator.site(|site| site.datasources.is_empty()));
}

#[test]
fn documents_are_checked() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let sales = project(&simulator, &["Sales"]);
    let document = datasource("X", &sales);
    let id = api.upload(&extract("1"));
    for (document, code) in [
        (
            datasource("X", "00000000-0000-4000-8000-00000000ffff"),
            404_005,
        ),
        (datasource("", &sales), 400_000),
        (datasource(&"n".repeat(256), &sales), 400_000),
        (datasource("a&#1;", &sales), 400_000),
        (
            format!(
                "<tsRequest><datasource name='X' isCertified='x'><project id='{sales}'/></datasource></tsRequest>"
            ),
            400_008,
        ),
        (
            format!(
                "<tsRequest><datasource name='X'><projekt id='{sales}'/></datasource></tsRequest>"
            ),
            400_000,
        ),
        (
            "<tsRequest><workbook name='X'/></tsRequest>".to_owned(),
            400_000,
        ),
        (String::new(), 400_000),
    ] {
        let answer = api.commit(&id, "", &document);
        assert_eq!(answer.code(), code, "{document}: {}", answer.body);
    }
    assert!(simulator.site(|site| site.datasources.is_empty()));
    assert_eq!(api.commit(&id, "", &document).status, 201);
    assert_eq!(api.commit(&id, "overwrite=true", &document).code(), 404_015);
}

#[test]
fn a_publication_needs_a_length() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let document = datasource("X", &project(&simulator, &["Sales"]));
    let path = format!("/api/3.29/sites/{}/datasources", api.site);
    let chunked = [
        ("X-Tableau-Auth", api.token.as_str()),
        ("Content-Type", "multipart/mixed; boundary=b0undary"),
        ("Transfer-Encoding", "chunked"),
    ];
    let body = crate::client::multipart(&[
        ("request_payload", "", document.as_bytes()),
        ("tableau_datasource", "a.hyper", &extract("1")),
    ]);
    assert_eq!(
        send(&api.url, "POST", &path, &chunked, &body)
            .unwrap()
            .code(),
        400_000
    );
}

#[test]
fn a_file_that_is_no_extract_is_named_in_the_error() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let id = api.upload(b"id;name\n");
    let answer = api.commit(&id, "", &datasource("X", &project(&simulator, &["Sales"])));
    assert_eq!(answer.code(), 400_011);
    assert!(answer.body.contains(&format!(
        "There was a problem publishing the file &apos;{id}&apos;."
    )));
}

#[test]
fn an_overwrite_keeps_what_belongs_to_the_data_source() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let sales = project(&simulator, &["Sales"]);
    let described = datasource("Sales &amp; Öps", &sales).replace("\"><", "\" description=\"d\"><");
    let first = api.publish("", &described, &extract("1"));
    assert_eq!(
        (
            first.attribute("description"),
            first.attribute("contentUrl")
        ),
        ("d".to_owned(), "Salesps".to_owned())
    );
    assert!(
        first
            .attribute("webpageUrl")
            .starts_with(&format!("{}/#/site/acme/datasources/47", simulator.url()))
    );
    simulator.site(|site| {
        site.datasources[0].tags.push("t".to_owned());
        site.datasources[0].owner = "someone".to_owned();
    });
    let second = api.publish(
        "overwrite=true",
        &datasource("SALES &amp; öps", &sales),
        &extract("2"),
    );
    for attribute in ["id", "name", "contentUrl", "createdAt", "webpageUrl"] {
        assert_eq!(second.attribute(attribute), first.attribute(attribute));
    }
    assert!(second.attribute("updatedAt") > first.attribute("updatedAt"));
    assert!(second.body.contains("label=\"t\"") && second.body.contains("<owner id=\"someone\"/>"));
    assert!(second.attributes("description").is_empty());
}

#[test]
fn without_a_project_the_default_one_is_used() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let answer = api.publish(
        "",
        "<tsRequest><datasource name='X'/></tsRequest>",
        &extract("1"),
    );
    assert!(answer.body.contains("name=\"default\""), "{}", answer.body);
}

#[test]
fn jobs_need_a_server_that_knows_them() {
    let simulator = launch(|setup| setup.settings.as_job = AsJob::Ignored);
    let api = sign_in(&simulator);
    let sales = project(&simulator, &["Sales"]);
    assert_eq!(
        api.publish("asJob=true", &datasource("X", &sales), &extract("1"))
            .status,
        201
    );
}

#[test]
fn published_files_stay_in_the_store() {
    let directory = std::env::temp_dir().join(format!("simulator-store-{}", std::process::id()));
    let simulator = launch(|setup| setup.store = Some(directory.clone()));
    let api = sign_in(&simulator);
    let (sales, finance) = (
        project(&simulator, &["Sales"]),
        project(&simulator, &["Finance"]),
    );
    api.publish("", &datasource("A/B", &sales), &extract("1"));
    api.publish("overwrite=true", &datasource("A/B", &sales), &extract("2"));
    api.publish("append=true", &datasource("A/B", &sales), &extract("3"));
    api.publish("", &datasource("A/B", &finance), &extract("4"));
    let abandoned = api.upload(&extract("5"));
    drop(simulator);
    let mut stored: Vec<(String, Vec<u8>)> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (
                path.file_name().unwrap().to_str().unwrap().to_owned(),
                fs::read(&path).unwrap(),
            )
        })
        .collect();
    stored.sort();
    let expected = [
        ("A_B (2).hyper", "4"),
        ("A_B.hyper", "2"),
        ("A_B.part2.hyper", "3"),
    ];
    assert_eq!(
        stored,
        expected.map(|(name, rest)| (name.to_owned(), extract(rest))),
        "{abandoned}"
    );
    fs::remove_dir_all(directory).unwrap();
}
