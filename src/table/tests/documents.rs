//! XML documents: where the rows are, what becomes of elements and attributes, and what is refused.

use super::super::*;
use super::{contains, files, render, rules};
use crate::data::SystemColumn;
use crate::source::Format;

fn xml(content: &str, records: &str, columns: &str) -> String {
    let files = files(&[(Format::Xml, content.as_bytes())]);
    render(&files.staged, &rules(records, columns))
}

const RATES: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
 <gesmes:subject>Reference rates</gesmes:subject>
 <Cube>
  <Cube time="2024-01-31"><Cube currency="USD" rate="1.0837"/><Cube currency="JPY" rate="160.19"/></Cube>
  <Cube time="2024-01-30"><Cube currency="USD" rate="1.0846"/></Cube>
 </Cube>
</gesmes:Envelope>"#;

#[test]
fn rows_are_where_the_path_says_or_where_elements_repeat() {
    let rows = "time date | Cube text\n\
        day 19753 | [{\"currency\":\"USD\",\"rate\":\"1.0837\"},{\"currency\":\"JPY\",\"rate\":\"160.19\"}]\n\
        day 19752 | [{\"currency\":\"USD\",\"rate\":\"1.0846\"}]";
    for path in ["/Envelope/Cube/Cube", "/gesmes:Envelope/*/Cube", ""] {
        assert_eq!(xml(RATES, path, ""), rows, "{path}");
    }
    assert_eq!(
        xml(RATES, "/Envelope/Cube/Cube/Cube", ""),
        "currency text | rate double\nUSD | 1.0837\nJPY | 160.19\nUSD | 1.0846"
    );
    assert_eq!(
        xml("<a><b>1</b><c x=\"y\"/></a>", "/", ""),
        "b bigint | c.x text\n1 | y"
    );
    assert_eq!(xml("<a>5</a>", "", ""), "value bigint\n5");
    assert_eq!(
        xml("<a><b>1</b><b>x</b></a>", "/a/b", ""),
        "value text\n1\nx"
    );
    let mut keyed = rules("/rates/*", "");
    keyed.system.insert(SystemColumn::Key);
    let document = files(&[(Format::Xml, b"<rates><usd>1.5</usd><jpy>160</jpy></rates>")]);
    assert_eq!(
        render(&document.staged, &keyed),
        "value double | _key text\n1.5 | usd\n160.0 | jpy"
    );
}

#[test]
fn rows_that_are_not_there_are_an_error() {
    contains(
        &xml(RATES, "/Envelope/Cubes/Cube", ""),
        &[
            "`/Envelope` has no `Cubes`, it has `subject`, `Cube`",
            "records: /Envelope/Cube/Cube",
        ],
    );
    contains(
        &xml(RATES, "/envelope/Cube", ""),
        &["`/` has no `envelope`, it has `Envelope`"],
    );
    contains(&xml(RATES, "/Envelope/subject/x", ""), &[]);
    assert_eq!(xml("<orders/>", "/orders/order", ""), "");
    contains(
        &xml("<orders><total>0</total></orders>", "/orders/order", ""),
        &["it has `total`"],
    );
    contains(
        &xml("<r><a/><a/><b/><b/><b/></r>", "", ""),
        &["`/r/a` (2) or `/r/b` (3)", "records: /r/a"],
    );
    let single = files(&[(Format::Xml, b"<r><a>1</a></r>")]);
    let table = Table::read(&single.staged, &Rules::default()).unwrap();
    contains(
        &table.notices().unwrap().join("\n"),
        &["no element comes twice", "one row"],
    );
}

#[test]
fn a_list_in_one_record_is_a_list_in_all() {
    assert_eq!(
        xml(
            "<r><o><t>1</t></o><o><t>2</t><t>3</t></o><o/></r>",
            "/r/o",
            ""
        ),
        "t text\n[\"1\"]\n[\"2\",\"3\"]\n\u{2205}"
    );
    assert_eq!(
        xml(
            "<r><o><l><n>1</n></l></o><o><l><n>2</n><t>a</t><t>b</t></l><l><t/></l></o></r>",
            "/r/o",
            ""
        ),
        "l text\n[{\"n\":\"1\"}]\n[{\"n\":\"2\",\"t\":[\"a\",\"b\"]},{\"t\":[null]}]"
    );
    // Also if the other record is in another file.
    let two = files(&[
        (Format::Xml, b"<r><o><t>1</t></o></r>"),
        (Format::Xml, b"<r><o><t>2</t><t>3</t></o></r>"),
    ]);
    assert_eq!(
        render(&two.staged, &rules("/r/o", "first: bigint from /t/0")),
        "t text | first bigint\n[\"1\"] | 1\n[\"2\",\"3\"] | 2"
    );
}

#[test]
fn attributes_and_texts_are_columns() {
    assert_eq!(
        xml(
            "<r><o id=\"1\"><p cur=\"EUR\">9.5</p></o><o id=\"2\"><p>7</p></o></r>",
            "/r/o",
            ""
        ),
        "id bigint | p.cur text | p.value double\n1 | EUR | 9.5\n2 | \u{2205} | 7.0"
    );
    assert_eq!(
        xml(
            "<r><o id=\"1\"><p cur=\"EUR\">9.5</p></o></r>",
            "/r/o",
            "p: decimal(5,2)\nnumber: text from /@id\nc: text from /p/@cur"
        ),
        "number text | p decimal(5,2) | c text\n1 | #950 | EUR"
    );
    let clash = "<r><o id=\"1\"><id>x</id></o></r>";
    contains(
        &xml(clash, "/r/o", ""),
        &[
            "both an attribute and a child `id`",
            "`id_attribute: text from /@id`",
        ],
    );
    assert_eq!(
        xml(clash, "/r/o", "id_attribute: text from /@id"),
        "id_attribute text | id text\n1 | x"
    );
    contains(
        &xml("<r><o><p value=\"1\">a</p></o></r>", "/r/o", ""),
        &["from /p/@value"],
    );
    contains(
        &xml("<r><o>text<value>1</value></o></r>", "/r/o", ""),
        &["a child `value`"],
    );
    assert_eq!(
        xml(
            "<r><o><a><b>1</b><c d=\"2\"/></a></o></r>",
            "/r/o",
            "a: json"
        ),
        "a text\n{\"b\":\"1\",\"c\":{\"d\":\"2\"}}"
    );
    assert_eq!(
        xml("<r><o><a><b>1</b></a></o></r>", "/r/o", "a: text"),
        "a text\n{\"b\":\"1\"}"
    );
    contains(
        &xml("<r><o><a><b>1</b></a></o></r>", "/r/o", "a: bigint"),
        &["column `a`", "is an object"],
    );
}

#[test]
fn namespaces_are_not_columns() {
    let content = "<r xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:m=\"urn:m\">\
        <o xsi:type=\"t\" m:id=\"1\"><m:n xsi:nil=\"true\"/><t>a</t><m:t>b</m:t></o></r>";
    assert_eq!(
        xml(content, "/r/o", "kind: text from /@type"),
        "kind text | id bigint | n text | t text | m:t text\nt | 1 | \u{2205} | a | b"
    );
}

#[test]
fn text_is_what_the_document_means() {
    assert_eq!(
        xml(
            "<r><o a=\"x&#10;y &quot;&amp;\">  &#220;&lt;b&gt; <![CDATA[ <raw> & ]]></o></r>",
            "/r/o",
            ""
        ),
        "a text | value text\nx\ny \"& |   Ü<b>  <raw> & "
    );
    assert_eq!(
        xml(
            "<r><o><a> 1 </a><b>\n  </b><c><![CDATA[ ]]></c><d></d></o></r>",
            "/r/o",
            "a: bigint"
        ),
        "a bigint | b text | c text | d text\n1 | \u{2205} |   | \u{2205}"
    );
    assert_eq!(
        xml("<r>\r\n<o>a\r\nb</o></r>", "/r/o", ""),
        "value text\na\nb"
    );
    assert_eq!(
        xml("<r><!-- x --><?pi y?><o>1</o></r>", "/r/o", ""),
        "value bigint\n1"
    );
    let latin = files(&[(
        Format::Xml,
        b"<?xml version='1.0' encoding='ISO-8859-1'?><r><o>\xFC</o></r>",
    )]);
    assert_eq!(
        render(&latin.staged, &rules("/r/o", "")),
        "value text\n\u{fc}"
    );
    let utf16: Vec<u8> = "<?xml version=\"1.0\" encoding=\"utf-16\"?><r><o>\u{fc}</o></r>"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let utf16 = files(&[(Format::Xml, utf16.as_slice())]);
    assert_eq!(
        render(&utf16.staged, &rules("/r/o", "")),
        "value text\n\u{fc}"
    );
}

#[test]
fn entities_are_never_expanded() {
    let laughs = "<?xml version=\"1.0\"?>\n<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">]>\n<l><o>&b;</o><o/></l>";
    contains(
        &xml(laughs, "", ""),
        &["(line 3)", "the entity `&b;` is unknown", "never expanded"],
    );
    let external = "<!DOCTYPE l [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><l><o a=\"&x;\"/></l>";
    contains(&xml(external, "/l/o", ""), &["the entity `&x;` is unknown"]);
    contains(&xml("<l><o>&nbsp;</o></l>", "/l/o", ""), &["`&nbsp;`"]);
    for bad in ["&#0;", "&#1;", "&#xD800;", "&#x110000;", "&#x;", "&", "& x"] {
        let text = xml(&format!("<l><o>{bad}</o></l>"), "/l/o", "");
        contains(&text, &["broken XML"]);
    }
}

#[test]
fn broken_documents_say_what_to_do() {
    let valid = "valid XML, or set `format`";
    for (content, told) in [
        ("<r><o>1</p></r>", valid),
        ("<r/><r/>", valid),
        ("<r/>x", valid),
        ("<r><o a=1/></r>", valid),
        ("<r><o>&#0;</o></r>", valid),
        ("<r><o>1</o>", "cut short?"),
        ("<r><o>&nbsp;</o></r>", "characters themselves"),
    ] {
        contains(&xml(content, "/r/o", ""), &[told]);
    }
    for (content, told) in [
        ("{\"a\" 1}", "valid JSON, or set `format`"),
        ("[1 2]", "valid JSON, or set `format`"),
        ("[{\"a\":1},", "cut short?"),
    ] {
        contains(&super::json(content, "", ""), &[told]);
    }
}

#[test]
fn broken_documents_have_a_place() {
    for (content, told) in [
        ("<r><o>1</o>", "ends too early"),
        ("<r><o>1</p></r>", "expected `</o>`"),
        ("<r/><r/>", "second root"),
        ("<r/>x", "outside the root"),
        ("<r><o a=1/></r>", "broken XML"),
        ("<r><o a='1' a='2'/></r>", "broken XML"),
        ("<r", "not closed"),
        ("", "ends too early"),
        (
            "<?xml version='1.0' encoding='klingon'?><r/>",
            "`klingon`, which is unknown",
        ),
    ] {
        contains(&xml(content, "/r/o", ""), &[told]);
    }
    contains(
        &xml("<r>\n<o>1</o>\n<o>2</p></r>", "/r/o", ""),
        &["(line 3)"],
    );
    let latin = files(&[(Format::Xml, b"<r>\n<o>\xFC</o></r>")]);
    contains(
        &render(&latin.staged, &rules("/r/o", "")),
        &["(line 2)", "not UTF-8", "encoding="],
    );
    let deep = format!("{}{}", "<a>".repeat(5000), "</a>".repeat(5000));
    contains(&xml(&deep, "/", ""), &["nested deeper than 100 levels"]);
}

#[test]
fn what_is_said_about_an_element_is_no_column() {
    let i = "http://www.w3.org/2001/XMLSchema-instance";
    for document in [
        format!("<A xmlns:i=\"{i}\"><I><P i:nil=\"true\"/></I><I><P>9.5</P></I></A>"),
        format!(
            "<A xmlns:i=\"{i}\"><I><P i:nil=\"1\" i:type=\"d\"></P></I><I i:schemaLocation=\"a b\"><P>9.5</P></I></A>"
        ),
        format!("<A><I xmlns:i='{i}'><P i:nil='true'/></I><I><P>9.5</P></I></A>"),
        format!("<A><I><P i:nil='true' xmlns:i='{i}'/></I><I><P>9.5</P></I></A>"),
        format!(
            "<A xmlns:i='{i}' xmlns:j='{i}'><I><P i:nil='true'/></I><I><P j:nil='false'>9.5</P></I></A>"
        ),
        format!("<A xmlns:i='x'><I xmlns:i='{i}'><P i:nil='true'/></I><I><P>9.5</P></I></A>"),
        String::from("<A><I><P xsi:nil='true'/></I><I><P>9.5</P></I></A>"),
    ] {
        assert_eq!(xml(&document, "/A/I", ""), "P double\n∅\n9.5", "{document}");
    }
    // What is declared further down or has ended means nothing here.
    let other = format!(
        "<A xmlns:i='{i}'><I xmlns:i='x'><P i:nil='true'>1</P></I><I><P i:nil='true'/></I></A>"
    );
    assert_eq!(
        xml(&other, "/A/I", ""),
        "P.nil boolean | P.value bigint\ntrue | 1\n∅ | ∅"
    );
    let ended = format!("<A><B xmlns:i='{i}'/><I><P i:nil='true'>1</P></I></A>");
    assert_eq!(
        xml(&ended, "/A/I", ""),
        "P.nil boolean | P.value bigint\ntrue | 1"
    );
}
