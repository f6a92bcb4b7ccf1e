//! Paging, filters, and the lag of the index.

use tableau_simulator::{FilterCase, Paging, Simulator};

use crate::client::{datasource, extract, launch, project, sign_in};

#[test]
fn projects_are_behind_several_pages() {
    let simulator = launch(|setup| setup.site.add_projects(250));
    let api = sign_in(&simulator);
    let total = simulator.site(|site| site.projects.len());
    let mut names = Vec::new();
    for page in 1..=total.div_ceil(100) {
        let answer = api.get(&format!("projects?pageNumber={page}"));
        assert_eq!(answer.attribute("totalAvailable"), total.to_string());
        assert_eq!(answer.attribute("pageSize"), "100");
        names.extend(answer.attributes("name"));
    }
    assert_eq!(names.len(), total);
    assert!(
        names.contains(&"Project 0250".to_owned()) && names.contains(&"Sales &amp; Ops".to_owned())
    );
    let beyond = api.get("projects?pageNumber=4");
    assert_eq!(beyond.code(), 400_006);
    assert!(beyond.body.contains(
        "0xB4EAB088 : The start index &apos;300&apos; is greater than or equal to the total count."
    ));
    assert_eq!(api.get("projects?pageSize=1001").code(), 403_014);
    assert_eq!(api.get("projects?pageSize=0").code(), 400_007);
}

#[test]
fn names_with_separators_cannot_be_filtered_for() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let count = |filter: &str| {
        api.get(&format!("projects?filter={filter}"))
            .attribute("totalAvailable")
    };
    assert_eq!(count("name:eq:EMEA"), "2");
    assert_eq!(count("name%3Aeq%3ASales+%26+Ops"), "0");
    assert_eq!(count("name:eq:Sales%20*%20Ops"), "1");
    assert_eq!(count("name:eq:Gr%C3%B6%C3%9Fe*%C3%9Cberblick"), "1");
    assert_eq!(count("name:eq:Tief/er"), "1");
    assert_eq!(count("name:eq:sales"), "0");
    assert_eq!(count("topLevelProject:eq:false"), "2");
    let parent = project(&simulator, &["Finance"]);
    assert_eq!(
        count(&format!("name:eq:EMEA,parentProjectId:eq:{parent}")),
        "1"
    );
    assert_eq!(
        api.get("projects?filter=name:eq:Gr%C3%B6%C3%9Fe%2C%20Ma%C3%9F%3A%20%C3%9Cberblick")
            .code(),
        400_000
    );
    assert_eq!(api.get("projects?filter=colour:eq:red").code(), 400_000);
    assert_eq!(api.get("datasources?filter=projectId:eq:x").code(), 400_000);
    simulator.site(|site| site.settings.filter_case = FilterCase::Insensitive);
    assert_eq!(count("name:eq:sales"), "1");
}

#[test]
fn a_new_data_source_appears_in_lists_later_than_by_its_luid() {
    let simulator = launch(|setup| setup.settings.index_lag = 2);
    let api = sign_in(&simulator);
    let sales = project(&simulator, &["Sales"]);
    let luid = api
        .publish("", &datasource("Late", &sales), &extract("1"))
        .attribute("id");
    let listed = || {
        api.get("datasources?filter=name:eq:Late,projectName:eq:Sales")
            .attribute("totalAvailable")
    };
    assert_eq!(
        api.get(&format!("datasources/{luid}")).attribute("name"),
        "Late"
    );
    assert_eq!([listed(), listed(), listed()], ["0", "0", "1"]);
    // An overwrite is not new.
    assert_eq!(
        api.publish("overwrite=true", &datasource("Late", &sales), &extract("2"))
            .status,
        201
    );
    assert_eq!(listed(), "1");
}

#[test]
fn data_sources_can_be_updated_tagged_and_deleted() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let (sales, finance) = (
        project(&simulator, &["Sales"]),
        project(&simulator, &["Finance"]),
    );
    let a = simulator.site(|site| site.add_datasource("A", &sales));
    simulator.site(|site| site.add_datasource("B", &sales));
    simulator.site(|site| site.add_datasource("A", &finance));
    let path = format!("datasources/{a}");
    let put =
        |document: &str| api.call("PUT", &path, &format!("<tsRequest>{document}</tsRequest>"));
    let changed = put(
        "<datasource description='line&#10;break' isCertified='True' certificationNote='seen'/>",
    );
    assert_eq!(
        (changed.status, changed.attribute("description")),
        (200, "line&#10;break".to_owned())
    );
    assert!(!changed.body.contains("<tags"));
    for (document, code) in [
        ("<datasource name='b'/>".to_owned(), 409_015),
        ("<datasource name='a'/>".to_owned(), 0),
        (
            format!("<datasource><project id='{finance}'/></datasource>"),
            409_015,
        ),
        (
            "<datasource><project id='x'/></datasource>".to_owned(),
            404_005,
        ),
        (
            "<datasource><owner id='x'/></datasource>".to_owned(),
            404_002,
        ),
        ("<datasource isCertified='perhaps'/>".to_owned(), 400_008),
        ("<datasource colour='red'/>".to_owned(), 400_000),
    ] {
        let answer = put(&document);
        assert_eq!(answer.code(), code, "{document}: {}", answer.body);
    }
    let tags = format!("{path}/tags");
    let tagged = api.call("PUT", &tags, "<tsRequest><tags><tag label='one two'/><tag label='&quot;a/b c&quot;'/><tag label='ONE'/></tags></tsRequest>");
    assert_eq!(tagged.attributes("label"), ["one", "two", "a/b c"]);
    assert_eq!(
        api.call("PUT", &tags, "<tsRequest><tags/></tsRequest>")
            .attributes("label")
            .len(),
        3
    );
    assert_eq!(
        api.call("DELETE", &format!("{tags}/a%2Fb%20c"), "").status,
        204
    );
    assert_eq!(
        api.call("DELETE", &format!("{tags}/a%2Fb%20c"), "").code(),
        404_007
    );
    simulator.site(|site| {
        let datasource = site.datasource("a").unwrap();
        assert_eq!(datasource.tags, ["one", "two"]);
        assert_eq!(
            (datasource.description.as_str(), datasource.is_certified),
            ("line\nbreak", true)
        );
    });
    assert_eq!(api.call("DELETE", &path, "").status, 204);
    for method in ["GET", "DELETE"] {
        assert_eq!(api.call(method, &path, "").code(), 404_004);
    }
    assert_eq!(
        api.call("PUT", &tags, "<tsRequest><tags/></tsRequest>")
            .code(),
        404_004
    );
}

#[test]
fn projects_are_created_and_deleted_with_what_lies_in_them() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let create = |attributes: &str| {
        let document = format!("<tsRequest><project {attributes}/></tsRequest>");
        api.call("POST", "projects", &document)
    };
    let own = create("name='Own' description='a &amp; b'");
    assert_eq!((own.status, own.attribute("name")), (201, "Own".to_owned()));
    let own = own.attribute("id");
    let within = create(&format!("name='Sales' parentProjectId='{own}'"));
    assert_eq!(within.attribute("parentProjectId"), own);
    let sales = project(&simulator, &["Sales"]);
    for project in [&within.attribute("id"), &sales] {
        simulator.site(|site| site.add_datasource("A", project));
    }
    for (attributes, code) in [
        ("name='oWN'", 409_006),
        ("name=' '", 400_000),
        ("description='x'", 400_000),
        ("name='x' colour='red'", 400_000),
        ("name='x' contentPermissions='Mine'", 400_008),
        ("name='x' parentProjectId='y'", 404_005),
    ] {
        assert_eq!(create(attributes).code(), code, "{attributes}");
    }
    let path = format!("projects/{own}");
    assert_eq!(api.get(&path).code(), 405_000);
    assert_eq!(api.call("DELETE", &path, "").status, 204);
    assert_eq!(api.call("DELETE", &path, "").code(), 404_005);
    let default = format!("projects/{}", project(&simulator, &["default"]));
    assert_eq!(api.call("DELETE", &default, "").code(), 403_003);
    simulator.site(|site| {
        assert!(site.project(&["Own"]).is_none() && site.project(&["Sales"]).is_some());
        let left: Vec<_> = site
            .datasources
            .iter()
            .map(|found| &found.project)
            .collect();
        assert_eq!(left, [&sales]);
    });
}

#[test]
fn data_sources_are_downloaded_packed_or_described() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let sales = project(&simulator, &["Sales"]);
    let published = api.publish("", &datasource("S &amp; O", &sales), &extract("rows"));
    let path = format!("datasources/{}/content", published.attribute("id"));
    let packed = api.get(&path);
    let named = "content-disposition: name=\"tableau_datasource\"; filename=\"so.tdsx\"";
    assert!(packed.head.contains(named), "{}", packed.head);
    assert!(packed.body.starts_with("PK") && packed.body.contains("Data/Extracts/SO.hyper"));
    assert!(packed.body.contains("rows"));
    let described = api.get(&format!("{path}?includeExtract=false"));
    assert!(described.head.contains("filename=\"so.tds\""));
    assert!(described.body.contains("formatted-name=\"S &amp; O\""));
    assert!(!described.body.contains("rows"));
    assert_eq!(api.get(&format!("{path}?includeExtract=1")).code(), 400_008);
    assert_eq!(api.get("datasources/x/content").code(), 404_004);
}

#[test]
fn lists_lie_about_their_end_as_asked() {
    let simulator = launch(|setup| setup.site.add_projects(10));
    let api = sign_in(&simulator);
    let set = |paging| simulator.site(|site| site.settings.paging = paging);
    set(Paging::Absurd);
    let page = api.get("projects?pageSize=10&pageNumber=2");
    assert_eq!(page.attribute("totalAvailable"), u64::MAX.to_string());
    assert_eq!(page.attribute("pageSize"), u64::MAX.to_string());
    assert_eq!(api.get("projects?pageNumber=9").code(), 400_006);
    for paging in [Paging::Endless, Paging::EndlessWithoutTotal] {
        set(paging);
        let mut ids = std::collections::HashSet::new();
        for number in 3..6 {
            let page = api.get(&format!("projects?pageSize=7&pageNumber={number}"));
            let found = page.body.split("<project ").skip(1);
            let found = found.map(|entry| entry.split('"').nth(1).unwrap().to_owned());
            ids.extend(found);
            let total = page
                .body
                .contains(&format!("totalAvailable=\"{}\"", (number + 1) * 7));
            assert_eq!(total, paging == Paging::Endless);
        }
        assert_eq!(ids.len(), 21);
        let page = api.get("datasources?pageSize=3&pageNumber=5");
        assert_eq!(page.body.matches("<datasource ").count(), 3);
    }
}

#[test]
fn projects_lie_in_a_circle_as_asked() {
    let simulator = Simulator::start();
    simulator.site(|site| site.add_circle_of_projects(3));
    let projects = simulator.site(|site| site.projects.clone());
    let circle: Vec<_> = projects.iter().rev().take(3).collect();
    for (index, project) in circle.iter().enumerate() {
        let around = circle[(index + 2) % 3];
        assert_eq!(project.parent.as_ref(), Some(&around.luid));
    }
}
