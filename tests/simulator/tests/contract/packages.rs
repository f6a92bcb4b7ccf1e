//! Publishing `.tdsx`: what is in them, what is taken from them, and which of them are refused.

use std::fs;
use std::io::Write as _;

use flate2::{Compression, write::DeflateEncoder};
use tableau_simulator::{Datasource, Simulator, Site, WithoutExtract};

use crate::client::{Api, Response, datasource, extract, launch, project, sign_in};

/// A zip file as `zip` writes it: deflated members whose sizes stand in the directory only.
pub(crate) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in members {
        let offset = u32::try_from(file.len()).unwrap();
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        let packed = encoder.finish().unwrap();
        let mut sizes = Vec::new();
        for field in [
            crc32fast::hash(content),
            u32::try_from(packed.len()).unwrap(),
            u32::try_from(content.len()).unwrap(),
        ] {
            sizes.extend(field.to_le_bytes());
        }
        let mut lengths = u16::try_from(name.len()).unwrap().to_le_bytes().to_vec();
        lengths.extend([0; 2]);
        // Flags say that names are UTF-8 and that a descriptor follows.
        let common = b"\x14\x00\x08\x08\x08\x00\x00\x00\x21\x00";
        file.extend(b"PK\x03\x04");
        file.extend(common);
        file.extend([0; 12]);
        file.extend(&lengths);
        file.extend(name.as_bytes());
        file.extend(&packed);
        file.extend(b"PK\x07\x08");
        file.extend(&sizes);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(common);
        directory.extend(&sizes);
        directory.extend(&lengths);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let at = u32::try_from(file.len()).unwrap();
    let n = u16::try_from(members.len()).unwrap();
    let size = u32::try_from(directory.len()).unwrap();
    file.extend(directory);
    file.extend(b"PK\x05\x06\x00\x00\x00\x00");
    file.extend([n.to_le_bytes(), n.to_le_bytes()].concat());
    file.extend([size.to_le_bytes(), at.to_le_bytes()].concat());
    file.extend(b"\x00\x00");
    file
}

/// A description as people have them: a mark at the beginning, line ends of Windows, single quotes, old and new
/// forms of one element, and a path with blanks.
fn described(class: &str, path: &str) -> String {
    format!(
        "\u{feff}<?xml version='1.0' encoding='utf-8' ?>\r\n<datasource formatted-name='federated.1' version='18.1' xmlns:user='http://www.tableausoftware.com/xml/user'>\r\n\
         <connection class='federated'><named-connections><named-connection name='x.1'>\
         <connection class='{class}' dbname='{path}' server='db.acme.test' port='5432' username='u' /></named-connection></named-connections>\r\n\
         <_.fcp.ObjectModelEncapsulateLegacy.false...relation connection='x.1' name='Extract' table='[Extract].[Extract]' type='table' />\
         <_.fcp.ObjectModelEncapsulateLegacy.true...relation connection='x.1' name='Extract' table='[Extract].[Extract]' type='table' />\
         </connection>\r\n<column caption='Kunde' datatype='string' name='[customer]' role='dimension' type='nominal' user:auto-column='x' />\
         <column caption='Marge' datatype='real' name='[c]' role='measure' type='quantitative'><calculation class='tableau' formula='1 &lt; 2' /></column>\r\n\
         <folders-common><folder name='Geld'><folder-item name='[c]' type='field' /></folder></folders-common></datasource>\r\n"
    )
}

const ROWS: &str = "Data/Sample WB.twb Files/x y.hyper";

fn rows() -> Vec<u8> {
    extract(&"row ".repeat(50_000))
}

/// Publishes a package over whatever is there.
fn publish(simulator: &Simulator, api: &Api, parameters: &str, package: &[u8]) -> Response {
    let document = datasource("Orders", &project(simulator, &["Sales"]));
    let id = api.upload(package);
    let path = format!("datasources?datasourceType=tdsx&uploadSessionId={id}&{parameters}");
    api.try_send(
        "POST",
        &path,
        &[("request_payload", "", document.as_bytes())],
    )
    .unwrap()
}

fn orders(simulator: &Simulator) -> Datasource {
    simulator.site(|site| site.datasource("Orders").unwrap().clone())
}

#[test]
fn everything_comes_from_the_package() {
    for parameters in ["overwrite=true", "overwrite=true&asJob=true", ""] {
        let simulator = Simulator::start();
        let api = sign_in(&simulator);
        let sales = project(&simulator, &["Sales"]);
        if !parameters.is_empty() {
            let first = api.publish("", &datasource("Orders", &sales), &extract("1"));
            let luid = first.attribute("id");
            simulator.site(|site| site.add_calculated_field(&luid, "Alt", "1"));
        }
        let tds = described("hyper", ROWS);
        let package = zip(&[
            ("Orders.tds", tds.as_bytes()),
            (ROWS, &rows()),
            ("Image/a.png", b"image"),
        ]);
        let answer = publish(&simulator, &api, parameters, &package);
        assert!(matches!(answer.status, 201 | 202), "{}", answer.body);
        simulator.site(Site::finish_jobs);
        let known = orders(&simulator);
        assert_eq!(known.tds, tds);
        assert_eq!(fs::read(&known.parts[0]).unwrap(), rows());
        assert_eq!(known.parts.len(), 1);
        assert_eq!(known.calculations()[0].formula, "1 < 2");
        assert_eq!(known.captions()[0].caption, "Kunde");
        assert_eq!(known.folders()[0].fields, ["[c]"]);
        assert!(known.is_live() && known.kind == "hyper");

        // It comes back byte by byte, with everything that was in it.
        let path = format!("datasources/{}/content", known.luid);
        let packed = api.get(&path).body;
        for part in [&tds, ROWS, "row row ", "Image/a.png", "image"] {
            assert!(packed.contains(part), "{part}");
        }
        assert_eq!(api.get(&format!("{path}?includeExtract=False")).body, tds);
        simulator.site(|site| site.settings.without_extract = WithoutExtract::Packed);
        let packed = api.get(&format!("{path}?includeExtract=False")).body;
        assert!(packed.contains("Image/a.png") && !packed.contains("row row "));
    }
}

#[test]
fn other_modes_go_on_from_a_package() {
    let simulator = Simulator::start();
    let api = sign_in(&simulator);
    let document = datasource("Orders", &project(&simulator, &["Sales"]));
    let tds = described("hyper", ROWS);
    let package = zip(&[
        ("Orders.tds", tds.as_bytes()),
        (ROWS, &rows()),
        ("a.txt", b"1"),
    ]);
    assert_eq!(publish(&simulator, &api, "", &package).status, 201);
    let stored = |n: usize| {
        let known = orders(&simulator);
        assert_eq!(known.parts.len(), n);
        (fs::read(&known.parts[n - 1]).unwrap(), known)
    };
    let path = format!("datasources/{}/content", orders(&simulator).luid);
    for (mode, n) in [("append=true", 2), ("replace=true", 1)] {
        assert_eq!(api.publish(mode, &document, &extract(mode)).status, 201);
        let (file, known) = stored(n);
        assert_eq!((file, known.tds), (extract(mode), tds.clone()));
        let packed = api.get(&path).body;
        assert!(packed.contains(ROWS) && packed.contains("a.txt") && packed.contains(mode));
    }
    // People edit what came in a package as well.
    let luid = orders(&simulator).luid;
    simulator.site(|site| {
        site.set_caption(&luid, "customer", "Kundin");
        site.add_folder(&luid, "Neu", &[]);
        site.add_calculated_field(&luid, "Neues", "2");
    });
    let known = orders(&simulator);
    assert_eq!(known.captions()[0].caption, "Kundin");
    assert_eq!(known.folders().len(), 2);
    assert_eq!(known.calculations().len(), 2);
    assert!(known.tds.contains("user:auto-column=\"x\""));
    // A bare file forgets all of it, the other members included.
    assert_eq!(
        api.publish("overwrite=true", &document, &extract("4"))
            .status,
        201
    );
    let (file, known) = stored(1);
    assert_eq!((file, known.calculations().len()), (extract("4"), 0));
    let packed = api.get(&path).body;
    assert!(packed.contains("Data/Extracts/Orders.hyper") && !packed.contains("a.txt"));
}

#[test]
fn packages_that_cannot_be_used_are_refused() {
    let rows = rows();
    let live = described("hyper", ROWS);
    let whole = zip(&[("Orders.tds", live.as_bytes()), (ROWS, &rows)]);
    let mut damaged = whole.clone();
    damaged[60] ^= 1;
    let mut encrypted = whole.clone();
    let entry = encrypted
        .windows(4)
        .rposition(|four| four == b"PK\x01\x02")
        .unwrap();
    encrypted[entry + 8] |= 1;
    let tds = live.as_bytes();
    let absolute = described("hyper", "C:/data/x y.hyper");
    let typed = format!("<!DOCTYPE datasource [<!ENTITY a 'b'>]>{}", &live[3..]);
    for (problem, package) in [
        ("cut off", whole[..whole.len() - 30].to_vec()),
        ("damaged", damaged),
        ("encrypted", encrypted),
        ("without its file", zip(&[("Orders.tds", tds)])),
        ("no description", zip(&[(ROWS, &rows)])),
        (
            "description below the top",
            zip(&[("a/b.tds", tds), (ROWS, &rows)]),
        ),
        (
            "two descriptions",
            zip(&[("a.tds", tds), ("b.tds", tds), (ROWS, &rows)]),
        ),
        (
            "file elsewhere",
            zip(&[("a.tds", tds), ("Data/x.hyper", &rows)]),
        ),
        (
            "path of a machine",
            zip(&[("a.tds", absolute.as_bytes()), (ROWS, &rows)]),
        ),
        (
            "not a file of rows",
            zip(&[("a.tds", tds), (ROWS, b"id;name\n")]),
        ),
        (
            "way out",
            zip(&[("a.tds", tds), (ROWS, &rows), ("../x", b"")]),
        ),
        (
            "absolute name",
            zip(&[("a.tds", tds), (ROWS, &rows), ("/x", b"")]),
        ),
        (
            "backslash",
            zip(&[("a.tds", tds), (ROWS, &rows), ("a\\x", b"")]),
        ),
        (
            "same name twice",
            zip(&[("a.tds", tds), (ROWS, &rows), (ROWS, &rows)]),
        ),
        ("not XML", zip(&[("a.tds", b"<datasource>"), (ROWS, &rows)])),
        (
            "another document",
            zip(&[("a.tds", b"<workbook/>"), (ROWS, &rows)]),
        ),
        (
            "entities",
            zip(&[("a.tds", typed.as_bytes()), (ROWS, &rows)]),
        ),
    ] {
        let simulator = Simulator::start();
        let api = sign_in(&simulator);
        let document = datasource("Orders", &project(&simulator, &["Sales"]));
        api.publish("", &document, &extract("1"));
        let before = orders(&simulator);
        let answer = publish(&simulator, &api, "overwrite=true", &package);
        assert_eq!(answer.code(), 400_011, "{problem}");
        // With a job it is accepted, and the job fails without a word.
        let answer = publish(&simulator, &api, "overwrite=true&asJob=true", &package);
        assert_eq!(answer.status, 202, "{problem}");
        simulator.site(Site::finish_jobs);
        let job = api.get(&format!("jobs/{}", answer.attribute("id")));
        assert_eq!(job.attribute("finishCode"), "1", "{problem}");
        assert!(!job.body.contains("statusNote"));
        assert_eq!(orders(&simulator), before, "{problem}");
        assert_eq!(fs::read(&before.parts[0]).unwrap(), extract("1"));
    }
}

#[test]
fn packages_may_read_from_elsewhere() {
    let simulator = launch(|_| {});
    let api = sign_in(&simulator);
    let remote = described("postgres", "db");
    let package = zip(&[("a.tds", remote.as_bytes()), ("Image/a.png", b"image")]);
    let answer = publish(&simulator, &api, "", &package);
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.attribute("type"), "postgres");
    let known = orders(&simulator);
    assert!(!known.is_live() && known.parts.is_empty());
    let connections = api.get(&format!("datasources/{}/connections", known.luid));
    assert_eq!(connections.attributes("type"), ["postgres"]);
    assert_eq!(connections.attributes("serverAddress"), ["db.acme.test"]);
    // A description alone will do for that, too, but not for one that needs a file.
    let document = datasource("Orders", &project(&simulator, &["Sales"]));
    for (tds, code) in [(remote, 0), (described("hyper", ROWS), 400_011)] {
        let parts = [
            ("request_payload", "", document.as_bytes()),
            ("tableau_datasource", "a.tds", tds.as_bytes()),
        ];
        let answer = api.try_send("POST", "datasources?overwrite=true", &parts);
        assert_eq!(answer.unwrap().code(), code);
    }
    let path = format!("datasources/{}/content", known.luid);
    let answer = api.get(&path);
    assert!(answer.head.contains("filename=\"orders.tds\""));
    assert_eq!(answer.body, described("postgres", "db"));
}

#[test]
fn nothing_of_a_package_stays_behind() {
    let directory = std::env::temp_dir().join(format!("simulator-tdsx-{}", std::process::id()));
    let simulator = launch(|setup| setup.store = Some(directory.clone()));
    let api = sign_in(&simulator);
    let files = || {
        let files = fs::read_dir(&directory).unwrap();
        let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<String> = files.filter(|name| !name.starts_with('.')).collect();
        files.sort();
        files
    };
    let tds = described("hyper", ROWS);
    let package = zip(&[("Orders.tds", tds.as_bytes()), (ROWS, &rows())]);
    let document = datasource("Orders", &project(&simulator, &["Sales"]));
    for _ in 0..2 {
        let answer = publish(&simulator, &api, "overwrite=true", &package);
        assert_eq!(answer.status, 201, "{}", answer.body);
        assert_eq!(files(), ["Orders.hyper", "Orders.tdsx"]);
    }
    api.publish("overwrite=true", &document, &extract("1"));
    assert_eq!(files(), ["Orders.hyper"]);
    publish(&simulator, &api, "overwrite=true", &package);
    let luid = orders(&simulator).luid;
    assert_eq!(
        api.call("DELETE", &format!("datasources/{luid}"), "")
            .status,
        204
    );
    assert!(files().is_empty());
    drop(simulator);
    fs::remove_dir_all(directory).unwrap();
}
