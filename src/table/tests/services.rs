//! `OData` in all its notations: types come from the service, never from the values.

use super::super::*;
use super::{Files, contains, files, render, rules};
use crate::source::Format;
use crate::source::Metadata;

const MODEL: &str = r#"<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="N" xmlns="http://docs.oasis-open.org/odata/ns/edm">
<ComplexType Name="Address"><Property Name="Zip" Type="Edm.String"/></ComplexType>
<EntityType Name="Order">
 <Property Name="Id" Type="Edm.Int64"/><Property Name="Code" Type="Edm.String"/><Property Name="Day" Type="Edm.String"/>
 <Property Name="Freight" Type="Edm.Decimal" Precision="10" Scale="2"/><Property Name="Rate" Type="Edm.Decimal"/>
 <Property Name="At" Type="Edm.DateTimeOffset"/><Property Name="On" Type="Edm.Date"/><Property Name="Old" Type="Edm.DateTime"/>
 <Property Name="Photo" Type="Edm.Binary"/><Property Name="Ship" Type="N.Address"/>
</EntityType>
<EntityContainer Name="C"><EntitySet Name="Orders" EntityType="N.Order"/></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"#;

fn described(content: &str) -> Files {
    let mut files = files(&[(Format::OData, content.as_bytes())]);
    let path = files.folder.join("metadata");
    std::fs::write(&path, MODEL).unwrap();
    files.staged.metadata.push(Metadata {
        requests: 1,
        origin: String::from("file-0"),
        path: Some(path),
    });
    files
}

fn atom(content: &str, columns: &str) -> String {
    let files = files(&[(Format::Atom, content.as_bytes())]);
    render(&files.staged, &rules("", columns))
}

#[test]
fn version_4_has_the_types_of_its_description() {
    let files = described(
        r#"{"@odata.context":"https://x/$metadata#Orders","@odata.count":2,"value":[
        {"@odata.id":"Orders(1)","Id":"1","Code":"007","Day":"2024-01-31","Freight":10,"Rate":"1.50","At":"2024-01-31T10:00:00+02:00","On":"2024-01-31","Photo":"AAEC","Ship":{"Zip":"01067"},"Tags":["a"],"Lines@odata.count":0,"Extra":5},
        {"Id":2,"Code":"","Day":null,"Freight":0.55,"Rate":2,"At":null,"On":null,"Photo":null,"Ship":null,"Tags":[]}]}"#,
    );
    assert_eq!(
        render(&files.staged, &Rules::default()),
        "Id bigint | Code text | Day text | Freight decimal(10,2) | Rate double | At timestamp | On date | Ship.Zip text | Tags text | Extra bigint\n\
         1 | 007 | 2024-01-31 | #1000 | 1.5 | 2024-01-31T08:00:00Z | day 19753 | 01067 | [\"a\"] | 5\n\
         2 |  | \u{2205} | #55 | 2.0 | \u{2205} | \u{2205} | \u{2205} | [] | \u{2205}"
    );
    assert_eq!(
        render(
            &files.staged,
            &rules(
                "",
                "Code: bigint\nDay: date\nId: skip\nRate: skip\nAt: skip\nOn: skip\nShip: json\nTags: skip\nExtra: skip\nFreight: text\nself: text from /@odata.id"
            )
        ),
        "self text | Code bigint | Day date | Freight text | Ship text\n\
         Orders(1) | 7 | day 19753 | 10 | {\"Zip\":\"01067\"}\n\u{2205} | \u{2205} | \u{2205} | 0.55 | \u{2205}"
    );
}

#[test]
fn version_2_says_its_type_in_every_entity() {
    let files = described(
        r#"{"d":{"__count":"1","results":[{"__metadata":{"uri":"x","type":"N.Order"},"Id":"7","Freight":"1.20",
        "Old":"\/Date(1706695200000)\/","At":"/Date(1706695200000+0060)/","Rate":"0.1","Code":"5",
        "Customer":{"__deferred":{"uri":"y"}},"Lines":{"results":[{"n":1}]},"Ship":{"__metadata":{"type":"N.Address"},"Zip":"1"}}],"__next":"z"}}"#,
    );
    assert_eq!(
        render(&files.staged, &Rules::default()),
        "Id bigint | Freight decimal(10,2) | Old timestamp | At timestamp | Rate double | Code text | Lines text | Ship.Zip text\n\
         7 | #120 | 2024-01-31T10:00:00Z | 2024-01-31T10:00:00Z | 0.1 | 5 | [{\"n\":1}] | 1"
    );
    let one = described(r#"{"d":{"__metadata":{"type":"N.Order"},"Id":"7"}}"#);
    assert_eq!(render(&one.staged, &Rules::default()), "Id bigint\n7");
    let list = described(r#"{"d":[{"__metadata":{"type":"N.Order"},"Id":"7"}]}"#);
    assert_eq!(render(&list.staged, &Rules::default()), "Id bigint\n7");
}

#[test]
fn one_entity_is_one_row() {
    let files =
        described(r#"{"@odata.context":"$metadata#Orders/$entity","Id":1,"data":[{"a":1}]}"#);
    assert_eq!(
        render(&files.staged, &Rules::default()),
        "Id bigint | data text\n1 | [{\"a\":1}]"
    );
}

#[test]
fn without_a_description_the_values_decide() {
    let files = files(&[(
        Format::OData,
        br#"{"@odata.context":"$metadata#Orders","value":[{"@odata.etag":"x","Id":1,"Day":"2024-01-31"}]}"#,
    )]);
    assert_eq!(
        render(&files.staged, &Rules::default()),
        "Id bigint | Day date\n1 | day 19753"
    );
    let table = Table::read(&files.staged, &Rules::default()).unwrap();
    contains(
        &table.notices().unwrap().join("\n"),
        &["inferred from the values", "$metadata"],
    );
}

#[test]
fn values_that_contradict_the_description_are_told() {
    let files = described(r#"{"@odata.context":"$metadata#Orders","value":[{"Freight":1.234}]}"#);
    contains(
        &render(&files.staged, &Rules::default()),
        &[
            "column `Freight`",
            "`1.234`",
            "decimal(10,2)",
            "has too many digits",
            "Freight: text",
        ],
    );
    let files = described(r#"{"d":[{"__metadata":{"type":"N.Order"},"At":"/Date(1x)/"}]}"#);
    contains(
        &render(&files.staged, &Rules::default()),
        &["is not a time like `/Date("],
    );
}

const FEED: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices" xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">
<title>Orders</title><link rel="self" href="Orders"/>
ENTRIES
</feed>"#;

#[test]
fn atom_entries_say_their_types_inline() {
    let entries = r#"<entry><id>1</id><title/><link rel="edit" href="x"/>
<link rel="related/Lines" type="application/atom+xml;type=feed" title="Lines"><m:inline><feed><entry><content><m:properties><d:N m:type="Edm.Int32">1</d:N></m:properties></content></entry></feed></m:inline></link>
<content type="application/xml"><m:properties>
<d:Id m:type="Edm.Int32">1</d:Id><d:Code>007</d:Code><d:Day>2024-01-31</d:Day><d:Freight m:type="Edm.Decimal">10.50</d:Freight>
<d:At m:type="Edm.DateTime">2024-01-31T10:00:00</d:At><d:Gone m:type="Edm.Int64" m:null="true"/><d:Ok m:type="Edm.Boolean">true</d:Ok>
<d:Photo m:type="Edm.Binary">AAEC</d:Photo><d:Ship m:type="N.Address"><d:Zip>01067</d:Zip></d:Ship><d:Tags m:type="Collection(Edm.String)"><d:element>a</d:element></d:Tags>
</m:properties></content></entry>
<entry><content type="image/png" src="x"/><m:properties><d:Id m:type="Edm.Int32">2</d:Id><d:Code></d:Code><d:Day m:null="true"/></m:properties></entry>"#;
    assert_eq!(
        atom(&FEED.replace("ENTRIES", entries), ""),
        "Id bigint | Code text | Day text | Freight double | At timestamp | Gone bigint | Ok boolean | Ship.Zip text | Tags text | Lines text\n\
         1 | 007 | 2024-01-31 | 10.5 | 2024-01-31T10:00:00Z | \u{2205} | true | 01067 | [\"a\"] | [{\"N\":\"1\"}]\n\
         2 |  | \u{2205} | \u{2205} | \u{2205} | \u{2205} | \u{2205} | \u{2205} | \u{2205} | \u{2205}"
    );
    assert_eq!(
        atom(
            &FEED.replace(
                "ENTRIES",
                "<entry><content><m:properties><d:A>1</d:A></m:properties></content></entry>"
            ),
            "A: bigint"
        ),
        "A bigint\n1"
    );
    assert_eq!(atom(&FEED.replace("ENTRIES", ""), ""), "");
    let entry = "<entry xmlns:m=\"m\"><content><m:properties><A m:type=\"Edm.Byte\">1</A></m:properties></content></entry>";
    assert_eq!(atom(entry, ""), "A bigint\n1");
}
