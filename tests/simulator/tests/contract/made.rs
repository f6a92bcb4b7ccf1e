//! What people made of a data source: what shows it, what keeps it and what loses it.

use std::fs;

use tableau_simulator::{
    CalculatedField, Caption, Datasource, Downloads, Fault, Folder, Simulator, WithoutExtract,
};

use crate::client::{Api, datasource, extract, launch, project, sign_in};

/// Publishes `Orders` and lets a person work on it; returns its LUID.
fn worked_on(simulator: &Simulator, api: &Api) -> String {
    let sales = project(simulator, &["Sales"]);
    let answer = api.publish("", &datasource("Orders", &sales), &extract("1"));
    let luid = answer.attribute("id");
    simulator.site(|site| {
        site.add_calculated_field(&luid, "Marge \"%\"", "[a] < 1 & [b]\n");
        site.set_caption(&luid, "customer", "Kunde");
        site.add_folder(&luid, "Geld & Gut", &["a", "b"]);
    });
    luid
}

/// What a person has made: names of calculated fields, captions and folders.
fn made(datasource: &Datasource) -> [Vec<String>; 3] {
    let fields = datasource.calculations().into_iter();
    let captions = datasource.captions().into_iter();
    let folders = datasource.folders().into_iter();
    [
        fields.map(|field| field.caption).collect(),
        captions.map(|caption| caption.caption).collect(),
        folders.map(|folder| folder.name).collect(),
    ]
}

fn made_of_orders(simulator: &Simulator) -> [Vec<String>; 3] {
    simulator.site(|site| made(site.datasource("Orders").unwrap()))
}

const MADE: [[&str; 1]; 3] = [["Marge \"%\""], ["Kunde"], ["Geld & Gut"]];

#[test]
fn a_published_file_is_described() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let sales = project(&simulator, &["Sales"]);
    api.publish("", &datasource("S &amp; O", &sales), &extract("1"));
    simulator.site(|site| {
        let published = site.datasource("S & O").unwrap();
        for part in [
            "<?xml version='1.0' encoding='utf-8' ?>\n",
            " formatted-name=\"S &amp; O\"",
            "<connection class=\"federated\">",
            " class=\"hyper\" dbname=\"Data/Extracts/SO.hyper\"",
            " table=\"[Extract].[Extract]\" type=\"table\" />",
        ] {
            assert!(published.tds.contains(part), "{}", published.tds);
        }
        assert_eq!(published.tds.matches("<named-connection ").count(), 1);
        assert_eq!(published.tds.matches("<relation ").count(), 1);
        assert!(published.is_live() && !published.has_extract());
        assert_eq!(made(published), [const { Vec::<String>::new() }; 3]);
    });
}

#[test]
fn people_edit_in_tableau() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let luid = worked_on(&simulator, &api);
    simulator.site(|site| {
        let before = site.datasource("Orders").unwrap().updated_at.clone();
        site.add_calculated_field(&luid, "Zweite", "1");
        site.set_caption(&luid, "customer", "Kundin");
        site.add_folder(&luid, "Leer", &[]);
        let orders = site.datasource("Orders").unwrap();
        assert!(orders.updated_at > before);
        let [first, second] = &orders.calculations()[..] else {
            panic!("{}", orders.tds)
        };
        let expected = CalculatedField {
            name: first.name.clone(),
            caption: "Marge \"%\"".to_owned(),
            formula: "[a] < 1 & [b]\n".to_owned(),
        };
        assert_eq!(*first, expected);
        assert_ne!(first.name, second.name);
        assert_eq!(
            orders.captions(),
            [Caption {
                column: "[customer]".to_owned(),
                caption: "Kundin".to_owned()
            }]
        );
        let [full, empty] = &orders.folders()[..] else {
            panic!("{}", orders.tds)
        };
        let expected = Folder {
            name: "Geld & Gut".to_owned(),
            fields: vec!["[a]".to_owned(), "[b]".to_owned()],
        };
        assert_eq!((full, empty.fields.len()), (&expected, 0));
        // Columns come before folders, folders before the layout.
        let places =
            ["<column ", "<folders-common>", "<layout "].map(|part| orders.tds.find(part).unwrap());
        assert!(places.is_sorted(), "{}", orders.tds);
        assert!(orders.tds.find("<aliases ").unwrap() < places[0]);
    });
    let shown = api.get(&format!("datasources/{luid}"));
    let updated = simulator.site(|site| site.datasource("Orders").unwrap().updated_at.clone());
    assert_eq!(shown.attribute("updatedAt"), updated);
}

#[test]
fn an_overwrite_loses_what_people_made_and_other_modes_keep_it() {
    for (parameters, kept) in [
        ("append=true", true),
        ("append=true&asJob=true", true),
        ("replace=true", true),
        ("replace=true&asJob=true", true),
        ("overwrite=true", false),
        ("overwrite=true&asJob=true", false),
        ("", true),
    ] {
        let simulator = Simulator::start();
        let api = sign_in(&simulator);
        worked_on(&simulator, &api);
        assert_eq!(made_of_orders(&simulator), MADE);
        let sales = project(&simulator, &["Sales"]);
        api.publish(parameters, &datasource("Orders", &sales), &extract("2"));
        if parameters.contains("asJob") {
            assert_eq!(made_of_orders(&simulator), MADE, "before the job");
        }
        simulator.site(tableau_simulator::Site::finish_jobs);
        let expected: [Vec<String>; 3] = if kept {
            MADE.map(|made| made.map(str::to_owned).into())
        } else {
            [const { Vec::new() }; 3]
        };
        assert_eq!(made_of_orders(&simulator), expected, "{parameters}");
    }
}

#[test]
fn downloads_carry_what_people_made() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let luid = worked_on(&simulator, &api);
    let tds = simulator.site(|site| site.datasource("Orders").unwrap().tds.clone());
    let path = format!("datasources/{luid}/content");
    let packed = api.get(&path).body;
    assert!(packed.contains("Orders.tds") && packed.contains(&tds));
    assert!(packed.contains("Data/Extracts/Orders.hyper") && packed.contains("HyPer1"));
    assert_eq!(api.get(&format!("{path}?includeExtract=False")).body, tds);
}

#[test]
fn the_file_is_left_out_as_asked() {
    for is_extract in [false, true] {
        for (without, packed, kept) in [
            (WithoutExtract::Described, false, false),
            (WithoutExtract::Packed, true, false),
            (WithoutExtract::LiveKept, true, !is_extract),
        ] {
            let simulator = launch(|setup| setup.settings.without_extract = without);
            let api = sign_in(&simulator);
            let luid = worked_on(&simulator, &api);
            if is_extract {
                simulator.site(|site| site.add_extract(&luid));
            }
            let path = format!("datasources/{luid}/content");
            let answer = api.get(&format!("{path}?includeExtract=False"));
            assert_eq!(answer.status, 200);
            assert_eq!(answer.body.starts_with("PK\u{3}\u{4}"), packed);
            assert_eq!(answer.body.contains("HyPer1"), kept, "{without:?}");
            assert!(answer.body.contains("Kunde"));
            let suffix = if packed { "tdsx" } else { "tds" };
            let named = format!(
                "content-disposition: name=\"tableau_datasource\"; filename=\"orders.{suffix}\""
            );
            assert!(answer.head.contains(&named), "{}", answer.head);
            assert!(api.get(&path).body.contains("HyPer1"));
        }
    }
}

#[test]
fn an_extract_of_something_else_is_not_live() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let sales = project(&simulator, &["Sales"]);
    let luid = simulator.site(|site| site.add_datasource_from("Remote", &sales, &["snowflake"]));
    let live = simulator.site(|site| site.datasource("Remote").unwrap().clone());
    assert!(!live.is_live() && !live.has_extract());
    assert!(live.tds.contains(" class=\"snowflake\"") && !live.tds.contains("dbname"));
    let path = format!("datasources/{luid}/content");
    // Nothing is stored here, so that even the whole is a description.
    assert!(api.get(&path).body.starts_with("<?xml"));
    let flag = || {
        api.get(&format!("datasources/{luid}"))
            .attribute("hasExtracts")
    };
    assert_eq!(flag(), "false");
    simulator.site(|site| {
        site.add_extract(&luid);
        site.add_calculated_field(&luid, "x", "1");
        site.add_folder(&luid, "y", &[]);
    });
    assert_eq!(flag(), "true");
    let found = api.get("datasources?filter=hasExtracts:eq:true");
    assert_eq!(found.attributes("contentUrl"), ["Remote"]);
    let extracted = simulator.site(|site| site.datasource("Remote").unwrap().clone());
    assert!(!extracted.is_live() && extracted.has_extract());
    let places = ["<column ", "<folders-common>", "<extract ", "<layout "]
        .map(|part| extracted.tds.find(part).unwrap());
    assert!(places.is_sorted(), "{}", extracted.tds);
}

#[test]
fn downloads_need_a_right() {
    let simulator = launch(|setup| setup.settings.downloads = Downloads::Forbidden);
    let api = sign_in(&simulator);
    let luid = worked_on(&simulator, &api);
    for path in [
        format!("datasources/{luid}/content"),
        format!("datasources/{luid}/content?includeExtract=False"),
    ] {
        let refused = api.get(&path);
        assert_eq!((refused.status, refused.code()), (403, 403_028));
    }
    simulator.site(|site| site.settings.downloads = Downloads::Allowed);
    assert_eq!(api.get(&format!("datasources/{luid}/content")).code(), 0);
    // In the middle of it the connection may break.
    let fault = "download-data-source=truncate".parse::<Fault>().unwrap();
    simulator.add_fault(fault);
    let whole = fs::read(simulator.site(|site| site.datasources[0].parts[0].clone())).unwrap();
    assert_eq!(whole, extract("1"));
    let cut = api.get(&format!("datasources/{luid}/content"));
    assert!(
        !cut.body.contains("PK\u{5}\u{6}"),
        "the end must be missing"
    );
}
