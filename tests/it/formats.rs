//! Files and feeds in all the notations there are, down to the rows in the extract.

use expect_test::expect;
use tableau_simulator::{Page, Simulator};

use crate::harness::Action;

#[test]
fn a_latin_1_export_with_decimal_commas_arrives() {
    let site = Simulator::start();
    let export = b"PLZ;Datum;Umsatz;Ort\r\n01067;31.01.2024;1234,56;M\xFCnchen\r\n80331;01.02.2024;-5;\"K\xF6ln; Rhein\"\r\n";
    site.serve("/export/umsatz.csv", Page::new("text/csv", export.to_vec()));
    let run = Action::building()
        .input("source", site.origin_url("/export/umsatz.csv"))
        .input("csv", "delimiter=; encoding=latin1 decimal=,")
        .input("columns", "PLZ: text\nDatum: date format %d.%m.%Y")
        .run()
        .succeeded();
    expect![[r"
        Extract.Extract
          PLZ TEXT, Datum DATE, Umsatz DOUBLE PRECISION, Ort TEXT
          01067 | 2024-01-31 | 1234.56 | München
          80331 | 2024-02-01 | -5 | Köln; Rhein
    "]]
    .assert_eq(&run.rows());
}

#[test]
fn separated_values_are_read_without_being_described() {
    let run = Action::building()
        .file("in/a.tsv", "\u{feff}id\tname\n1\tx, y; z\n")
        .file("in/b.csv", "id;name\r2;w\r")
        .file("in/c.txt", "id|name\n3|v\n")
        .input("source", "in/*")
        .input("format", "csv")
        .run()
        .succeeded();
    expect![[r"
        Extract.Extract
          id BIGINT, name TEXT
          1 | x, y; z
          2 | w
          3 | v
    "]]
    .assert_eq(&run.rows());
}

#[test]
fn what_a_file_does_not_say_is_asked_for() {
    let read = |content: &[u8]| {
        Action::building()
            .file("x.csv", content)
            .input("source", "x.csv")
    };
    read(b"a,b\n1,Stra\xDFe und Gr\xF6\xDFe\n").run().failed(
        "type",
        &["x.csv", "line 2", "not UTF-8", "csv: encoding=windows-1252"],
    );
    read(b"a;b,c\n1;2,5\n")
        .run()
        .failed("type", &["may be separated by", "csv: delimiter="]);
    read(b"a;b\n1;2\n3\n")
        .run()
        .failed("type", &["line 3", "the row has 1 field, the header has 2"]);
    let run = read(b"a;b\n1,5;x\n").run().succeeded();
    assert!(run.rows().contains("a TEXT"), "{}", run.rows());
    assert!(run.log.contains("csv: decimal=,"), "{}", run.log);
    assert!(run.summary.contains("decimal"), "{}", run.summary);
    read(b"a\n1\n")
        .input("csv", "delimiter=ab")
        .run()
        .failed("inputs", &["`csv`", "one sign"]);
    read(b"a\n1\n")
        .input("csv", "encodng=utf-8 x")
        .run()
        .failed("inputs", &["`csv`", "did you mean `encoding`?"]);
    read(b"a\n1\n")
        .input("csv", "semicolon")
        .run()
        .failed("inputs", &["`csv`", "`semicolon` is no option"]);
    read(b"a;b\n1,5;NA\n")
        .input("csv", "delimiter=; quote=\" decimal=, thousands=. encoding=windows-1252 header=yes skip=0 null=NA trim=no")
        .run()
        .succeeded();
}
