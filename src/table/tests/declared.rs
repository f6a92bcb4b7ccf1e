//! Declared columns: their types, their places, and values that do not fit.

use super::*;

#[test]
fn declared_columns_have_their_type_and_place() {
    let rows = r#"[{"id":"7","price":1.10,"address":{"city":"X","zip":"01"},"tags":["p","q"],"raw":{"k":[1]},"no":{"a":1}}]"#;
    assert_eq!(
        json(
            rows,
            "",
            "id: bigint\nprice: text\ntown: text from /address/city\ntag: text from /tags/1\nraw: json\nno: skip\nnew: date"
        ),
        "id bigint | price text | town text | address.zip text | tags text | tag text | raw text | new date\n\
         7 | 1.10 | X | 01 | [\"p\",\"q\"] | q | {\"k\":[1]} | ∅"
    );
    assert_eq!(
        json(
            rows,
            "",
            "address: json\nid: skip\nprice: skip\ntags: skip\nraw: skip\nno: skip\nc: text from /address/city"
        ),
        "address text | c text\n{\"city\":\"X\",\"zip\":\"01\"} | X"
    );
    assert_eq!(
        csv("Order No,b\n007,1\n", "no: bigint from /Order No\nb: skip"),
        "no bigint\n7"
    );
    assert_eq!(
        csv(
            "t\n1\n",
            "d: timestamp from /t format epoch\ns: text from /t"
        ),
        "d timestamp | s text\n1970-01-01T00:00:01Z | 1"
    );
    contains(
        &notices(Format::Csv, "a\n1\n", "b: text"),
        &["not in the data, so null: `b`"],
    );
    contains(&csv("a\n1\n", "A: text"), &["differ only in case"]);
    contains(
        &json(r#"[{"a":{"b":1},"c":2}]"#, "", "c: text from /a/b"),
        &["column `c`", "two different keys"],
    );
}

#[test]
fn a_type_declared_for_an_object_is_not_ignored() {
    let rows = r#"[{"a":{"b": 1},"c":2},{"a":"x"},{"a":{}}]"#;
    assert_eq!(
        json(rows, "", "a: text\nb: bigint from /a/b"),
        "a text | b bigint | c bigint\n{\"b\": 1} | 1 | 2\nx | ∅ | ∅\n{} | ∅ | ∅"
    );
    contains(
        &json(rows, "", "a: double"),
        &[
            "3 values do not fit `double`",
            "`{\"b\": 1}` (record 1)",
            "is an object",
        ],
    );
}

#[test]
fn declared_columns_belong_to_the_tables_that_have_them() {
    let orders = files(&[(Format::Json, br#"[{"id":1,"zip":"01"}]"#)]);
    let codes = files(&[(Format::Csv, b"id,code\n1,007\n")]);
    let nobody = files(&[(Format::Json, b"[]")]);
    let rules = rules("", "zip: bigint\ncode: bigint\nnew: date");
    let all = [&orders, &codes, &nobody].map(|files| files.staged.clone());
    let tables = Table::read_all(&all, &rules).unwrap();
    let names = |table: &Table| -> Vec<String> {
        table
            .columns()
            .iter()
            .map(|column| column.name.clone())
            .collect()
    };
    assert_eq!(names(&tables[0]), ["id", "zip", "new"]);
    assert_eq!(names(&tables[1]), ["id", "code"]);
    // What an empty answer lacks nobody knows.
    assert_eq!(names(&tables[2]), ["zip", "code", "new"]);
    let mut rows = Vec::new();
    for table in &tables {
        table
            .for_each_row::<anyhow::Error>(|row| {
                rows.push(row.iter().map(shown).collect::<Vec<_>>().join(" "));
                Ok(())
            })
            .unwrap();
    }
    assert_eq!(rows, ["1 1 ∅", "1 7"]);
    assert_eq!(
        tables[0].notices().unwrap().last().unwrap(),
        "declared in `columns` but not in the data, so null: `new`"
    );
    assert_eq!(tables[1].notices().unwrap(), [""; 0]);
}

#[test]
fn values_that_do_not_fit_are_listed() {
    let text = csv("a,b\n1,x\nfoo,2\nfoo,3\n2.5,4\n", "a: bigint\nb: bigint");
    contains(
        &text,
        &[
            "file-0, record 2 (line 3), column `a`: 3 values do not fit `bigint`: `foo` (record 2), `2.5` (record 4)",
            "`foo` is not a number",
            "the same goes for `b`",
            "`a: text`",
            "try_cast",
        ],
    );
    contains(
        &csv("a\n2024-01-31T10:00Z\n2024-01-31\n", "a: timestamp"),
        &["some times have a zone", "tz UTC"],
    );
}
