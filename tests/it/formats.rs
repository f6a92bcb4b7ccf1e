//! Files and feeds in all the notations there are, down to the rows in the extract.

use expect_test::expect;
use tableau_simulator::{Page, Simulator};

use crate::harness::Action;
use crate::recipes::recipe;

#[test]
fn a_latin_1_export_with_decimal_commas_arrives() {
    let site = Simulator::start();
    let export = b"PLZ;Datum;Umsatz;Ort\r\n01067;31.01.2024;1234,56;M\xFCnchen\r\n80331;01.02.2024;-5;\"K\xF6ln; Rhein\"\r\n";
    site.serve("/export/umsatz.csv", Page::new("text/csv", export.to_vec()));
    let run = recipe("csv", site.origin_url("/export/umsatz.csv"))
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
    read(b"a;b;c\n1;2;3\n")
        .input("csv", "delimiter=,")
        .run()
        .failed("type", &["x.csv", "2 `;`, 0 `,`", "`csv: delimiter=;`"]);
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
    let run = Action::building()
        .file("x.json", "[{\"a\":1}]")
        .input("source", "x.json")
        .input("csv", "delimiter=;")
        .run()
        .succeeded();
    assert!(run.log.contains("`csv` has no effect"), "{}", run.log);
    read(b"a;b\n1,5;NA\n")
        .input("csv", "delimiter=; quote=\" decimal=, thousands=. encoding=windows-1252 header=yes skip=0 null=NA trim=no")
        .run()
        .succeeded();
}

#[test]
fn an_announced_encoding_that_would_be_misread_is_refused() {
    let site = Simulator::start();
    let content = b"a\n~{<:Ky2;~}\n\x1b(I1\x1b(B\n";
    for (path, charset) in [("/jp", "iso-2022-jp"), ("/hz", "HZ-GB-2312")] {
        site.serve(
            path,
            Page::new(&format!("text/csv; charset={charset}"), content),
        );
    }
    let read = |path: &str| Action::building().input("source", site.origin_url(path));
    read("/jp").run().failed(
        "fetch",
        &[
            "/jp",
            "`charset=iso-2022-jp`",
            "`csv: encoding=iso-2022-jp`",
        ],
    );
    read("/hz").run().failed(
        "fetch",
        &["/hz", "`charset=hz-gb-2312`", "`csv: encoding=`"],
    );
    let run = read("/jp")
        .input("csv", "encoding=iso-2022-jp")
        .run()
        .succeeded();
    assert!(run.rows().contains("\u{ff71}"), "{}", run.rows());
}

const RATES: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
 <gesmes:subject>Reference rates</gesmes:subject>
 <gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
 <Cube>
  <Cube time="2024-01-31"><Cube currency="USD" rate="1.0837"/><Cube currency="JPY" rate="160.19"/></Cube>
  <Cube time="2024-01-30"><Cube currency="USD" rate="1.0846"/></Cube>
 </Cube>
</gesmes:Envelope>"#;

#[test]
fn the_rates_of_the_central_bank_arrive() {
    let site = Simulator::start();
    site.serve("/eurofxref-hist.xml", Page::new("text/xml", RATES));
    let rates = || recipe("xml", site.origin_url("/eurofxref-hist.xml"));
    let run = rates().run().succeeded();
    expect![[r"
        Extract.Extract
          day DATE, currency TEXT, rate NUMERIC(18, 6)
          2024-01-30 | USD | 1.084600
          2024-01-31 | JPY | 160.190000
          2024-01-31 | USD | 1.083700
    "]]
    .assert_eq(&run.rows());
    let found = rates().input("records", "").run().succeeded();
    assert_eq!(found.rows(), run.rows());
    assert!(
        found.log.contains("rows found at `/Envelope/Cube/Cube`"),
        "{}",
        found.log
    );
    rates().input("records", "/Envelope/Cubes").run().failed(
        "type",
        &["`/Envelope` has no `Cubes`", "records: /Envelope/Cube"],
    );
}

#[test]
fn a_document_that_wants_to_grow_is_refused() {
    let lines: Vec<String> = (1..10)
        .map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10)))
        .collect();
    let laughs = format!(
        "<!DOCTYPE r [<!ENTITY l0 \"ha\">{}]><r><o>&l9;</o><o>1</o></r>",
        lines.concat()
    );
    Action::building()
        .file("x.xml", laughs)
        .input("source", "x.xml")
        .run()
        .failed("type", &["x.xml", "the entity `&l9;` is unknown"]);
    let external = "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><r><o>&x;</o></r>";
    let run = Action::building()
        .file("x.xml", external)
        .input("source", "x.xml")
        .input("records", "/r/o")
        .run()
        .failed("type", &["the entity `&x;` is unknown"]);
    assert!(!run.raw.contains("root:"));
}

const MODEL: &str = r#"<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="N" xmlns="http://docs.oasis-open.org/odata/ns/edm"><EntityType Name="Order">
<Property Name="OrderID" Type="Edm.Int32"/><Property Name="CustomerID" Type="Edm.String"/>
<Property Name="OrderDate" Type="Edm.DateTimeOffset"/><Property Name="Freight" Type="Edm.Decimal" Precision="10" Scale="4"/>
</EntityType><EntityContainer Name="C"><EntitySet Name="Orders" EntityType="N.Order"/></EntityContainer></Schema>
</edmx:DataServices></edmx:Edmx>"#;

const ORDERS: &str = r#"{"@odata.context":"SERVICE/$metadata#Orders(OrderID,CustomerID,OrderDate,Freight)","@odata.count":2,"value":[
{"OrderID":10267,"CustomerID":"00042","OrderDate":"1996-07-29T00:00:00+02:00","Freight":208.58},
{"OrderID":10270,"CustomerID":"2024-01-31","OrderDate":null,"Freight":136}]}"#;

#[test]
fn odata_version_4_has_the_types_of_its_service() {
    let site = Simulator::start();
    let service = site.origin_url("/V4/Northwind.svc");
    site.serve(
        "/V4/Northwind.svc/Orders",
        Page::json(ORDERS.replace("SERVICE", &service)),
    );
    let orders = || {
        recipe("odata", format!("{service}/Orders?tenant=7"))
            .input("headers", "X-Api-Key: key-of-the-source")
    };
    // Nobody describes the types yet.
    let inferred = orders().run().succeeded();
    assert!(
        inferred.rows().contains("Freight DOUBLE PRECISION"),
        "{}",
        inferred.rows()
    );
    let told = inferred.annotations.join("\n");
    assert!(
        told.contains("does not describe its types") && told.contains("404"),
        "{told}"
    );

    site.serve(
        "/V4/Northwind.svc/$metadata",
        Page::new("application/xml", MODEL),
    );
    let run = orders().run().succeeded();
    expect![[r"
        Extract.Extract
          OrderID BIGINT, CustomerID TEXT, OrderDate TIMESTAMP, Freight NUMERIC(10, 4)
          10267 | 00042 | 1996-07-28 22:00:00 | 208.5800
          10270 | 2024-01-31 | NULL | 136.0000
    "]]
    .assert_eq(&run.rows());
    assert_eq!(run.annotations, [""; 0]);
    assert!(run.log.contains("with 2 requests"), "{}", run.log);
    let requests = site.origin_requests();
    let last = &requests[requests.len() - 1];
    assert_eq!(last.path, "/V4/Northwind.svc/$metadata");
    assert_eq!(last.query, "tenant=7");
    assert_eq!(last.header("x-api-key"), Some("key-of-the-source"));
    assert_eq!(last.header("accept"), Some("application/xml"));
}

#[test]
fn odata_doubles_may_be_infinite_or_no_number() {
    let site = Simulator::start();
    let service = site.origin_url("/svc");
    let model = MODEL.replace(
        "Type=\"Edm.Decimal\" Precision=\"10\" Scale=\"4\"",
        "Type=\"Edm.Double\"",
    );
    let orders = ORDERS
        .replace("SERVICE", &service)
        .replace("208.58", "\"INF\"")
        .replace("136", "\"NaN\"");
    site.serve("/svc/Orders", Page::json(orders));
    site.serve("/svc/$metadata", Page::new("application/xml", model));
    let run = Action::building()
        .input("source", format!("{service}/Orders"))
        .run()
        .succeeded();
    let rows = run.rows().to_lowercase();
    assert!(rows.contains("inf") && rows.contains("nan"), "{rows}");
}

#[test]
fn a_description_elsewhere_gets_no_credentials() {
    let (site, other) = (Simulator::start(), Simulator::start());
    let elsewhere = other.origin_url("/svc");
    site.serve(
        "/svc/Orders",
        Page::json(ORDERS.replace("SERVICE", &elsewhere)),
    );
    other.serve("/svc/$metadata", Page::new("application/xml", MODEL));
    let run = Action::building()
        .input("source", site.origin_url("/svc/Orders"))
        .input("auth", "bearer tok-12345")
        .run()
        .succeeded();
    assert_eq!(other.origin_requests(), []);
    assert!(
        run.annotations
            .join("\n")
            .contains("does not describe its types")
    );
    assert!(
        !run.raw
            .replace("::add-mask::tok-12345", "")
            .contains("tok-12345")
    );
}

const FEED: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices" xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">
<title type="text">OrderSet</title><updated>2024-01-31T00:00:00Z</updated>
<entry><id>1</id><content type="application/xml"><m:properties>
<d:Order>0000004711</d:Order><d:Net m:type="Edm.Decimal">12.50</d:Net><d:Items m:type="Edm.Int64">3</d:Items>
<d:Created m:type="Edm.DateTime">2024-01-31T10:00:00</d:Created><d:Closed m:type="Edm.DateTime" m:null="true"/><d:Name>M&#252;ller</d:Name>
</m:properties></content></entry></feed>"#;

#[test]
fn odata_version_2_in_atom_says_its_types_inline() {
    let site = Simulator::start();
    site.serve(
        "/sap/opu/odata/sap/ZSALES_SRV/OrderSet",
        Page::new("application/atom+xml;type=feed; charset=utf-8", FEED),
    );
    let orders = || {
        recipe(
            "odata atom",
            site.origin_url("/sap/opu/odata/sap/ZSALES_SRV/OrderSet"),
        )
    };
    let run = orders().run().succeeded();
    assert_eq!(
        site.origin_requests()[0].header("authorization"),
        Some("Basic dXNlcjpwYXNzd29yZC1vZi1zYXA=")
    );
    expect![[r"
        Extract.Extract
          Order TEXT, Net DOUBLE PRECISION, Items BIGINT, Created TIMESTAMP, Closed TIMESTAMP, Name TEXT
          0000004711 | 12.5 | 3 | 2024-01-31 10:00:00 | NULL | Müller
    "]]
    .assert_eq(&run.rows());
    let run = orders()
        .input("format", "odata")
        .input("columns", "Net: decimal(15,2)\nOrder: bigint")
        .run()
        .succeeded();
    assert!(
        run.rows().contains("Order BIGINT, Net NUMERIC(15, 2)"),
        "{}",
        run.rows()
    );
}

#[test]
fn named_sources_do_not_get_each_others_columns() {
    let action = || {
        Action::building()
            .file("o.json", r#"[{"id":1,"zip":"01067"}]"#)
            .file("c.csv", "id,code\n1,007\n")
            .input("source", "orders: o.json\ncodes: c.csv")
    };
    let run = action()
        .input("columns", "code: bigint\nzip: bigint\nnew: date")
        .input(
            "sql",
            "SELECT o.id, zip, c.code, new FROM orders o JOIN codes c ON c.id = o.id",
        )
        .run()
        .succeeded();
    expect![[r"
        Extract.Extract
          id BIGINT, zip BIGINT, code BIGINT, new DATE
          1 | 1067 | 7 | NULL
    "]]
    .assert_eq(&run.rows());
}
