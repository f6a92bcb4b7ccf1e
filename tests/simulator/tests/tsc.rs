//! Drives the simulator with Tableau's official Python client, which knows nothing of us.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::process::Command;

use tableau_simulator::{
    Setup, Simulator, Site, TOKEN_NAME, TOKEN_SECRET, WithoutExtract, XmlStyle,
};

/// A file that begins like a real one; only its bytes matter here.
fn write_file(path: &std::path::Path, bytes: usize) -> Vec<u8> {
    let mut content = b"HyPer\x02\x00\x00\x01".to_vec();
    content.extend((0..bytes).map(|n| u8::try_from(n * 7 % 251).unwrap()));
    fs::write(path, &content).unwrap();
    content
}

fn drive(style: XmlStyle) {
    let Some(python) = std::env::var_os("TSC_PYTHON") else {
        panic!(
            "TSC_PYTHON is not set: run `tests/setup.sh`, which installs Tableau's Python client, and set what it prints"
        );
    };
    let directory = std::env::temp_dir().join(format!("tsc-test-{}-{style:?}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let (small, large) = (directory.join("small.hyper"), directory.join("large.hyper"));
    let (small_bytes, large_bytes) = (
        write_file(&small, 1_000),
        write_file(&large, 3 * 1024 * 1024),
    );

    let mut site = Site::default();
    site.add_projects(250);
    let awkward = site
        .project(&["Größe, Maß: Überblick"])
        .unwrap()
        .luid
        .clone();
    site.add_datasource_from("Remote", &awkward, &["snowflake"]);
    let mut setup = Setup {
        site,
        ..Setup::default()
    };
    setup.settings.xml = style;
    // Both forms of a download without its file, whatever the style.
    let alone = if style == XmlStyle::Prefixed {
        setup.settings.without_extract = WithoutExtract::Packed;
        "tdsx"
    } else {
        "tds"
    };
    let simulator = Simulator::launch(setup);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tsc.py");
    let output = Command::new(python)
        .arg(script)
        .args([
            &simulator.url(),
            &simulator.site(|site| site.content_url.clone()),
            TOKEN_NAME,
            TOKEN_SECRET,
        ])
        .args([&small, &large])
        .arg(alone)
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && output.stdout == b"done\n",
        "{log}\ncalls: {:?}",
        simulator.calls()
    );

    simulator.site(|site| {
        let orders = site.datasource("Orders & Co").unwrap();
        assert!(fs::read(&orders.parts[0]).unwrap() == large_bytes && orders.parts.len() == 1);
        let visits = site.datasource("Visits").unwrap();
        assert!(fs::read(&visits.parts[0]).unwrap() == large_bytes);
        assert!(fs::read(&visits.parts[1]).unwrap() == small_bytes && visits.parts.len() == 2);
        assert_eq!(visits.tags, ["finance"]);
        assert!(site.datasource("Gone").is_none());
        // The refused publication has left its upload session behind.
        assert_eq!(
            site.uploads
                .iter()
                .map(|upload| upload.appends)
                .collect::<Vec<_>>(),
            [4]
        );
        assert!(!format!("{:?}", site.requests).contains(TOKEN_SECRET));
    });
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn the_official_client_finds_a_tableau_site() {
    drive(XmlStyle::Plain);
}

#[test]
fn the_official_client_reads_prefixed_documents() {
    drive(XmlStyle::Prefixed);
}

#[test]
fn the_official_client_reads_bare_documents() {
    drive(XmlStyle::Bare);
}

#[test]
fn the_official_client_reads_adorned_documents() {
    drive(XmlStyle::Adorned);
}
