//! Objects found in one look, against what the library makes of them.

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;

/// What the library makes of the same text, keys in order.
fn by_the_library(text: &str) -> Option<Vec<(String, String)>> {
    struct All(Vec<(String, String)>);
    impl<'de> serde::Deserialize<'de> for All {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<All, D::Error> {
            struct Each;
            impl<'de> serde::de::Visitor<'de> for Each {
                type Value = All;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<All, A::Error> {
                    let mut all = Vec::new();
                    while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
                        all.push((key, value.get().to_owned()));
                    }
                    Ok(All(all))
                }
            }
            from.deserialize_map(Each)
        }
    }
    serde_json::from_str(text).ok().map(|All(all)| all)
}

fn agrees(text: &str) -> ObjectScan {
    let mut members = Members::default();
    let look = members.look(text.as_bytes());
    if let ObjectScan::Whole(end) = look {
        let object = &text[..end];
        let found: Vec<(String, String)> = members
            .list()
            .iter()
            .map(|member| {
                let (key, value) = (member.key(object), member.value(object));
                let is_right = match member.kind {
                    JsonKind::Plain => value.starts_with('"') && !value.contains('\\'),
                    JsonKind::Escaped => value.starts_with('"') && value.contains('\\'),
                    JsonKind::Number => value.parse::<f64>().is_ok(),
                    JsonKind::True => value == "true",
                    JsonKind::False => value == "false",
                    JsonKind::Null => value == "null",
                    JsonKind::Nested => value.starts_with(['{', '[']),
                };
                assert!(is_right, "{:?} {value}", member.kind);
                (key.to_owned(), value.to_owned())
            })
            .collect();
        assert_eq!(Some(found), by_the_library(object), "{object}");
    }
    look
}

#[test]
fn what_is_broken_is_never_taken() {
    for text in [
        r#"{"a":01}"#,
        r#"{"a":1.}"#,
        r#"{"a":.5}"#,
        r#"{"a":-}"#,
        r#"{"a":1e}"#,
        r#"{"a":+1}"#,
        r#"{"a":1,}"#,
        r"{,}",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r"{a:1}",
        r#"{"a":tru}"#,
        r#"{"a":nul1}"#,
        r#"{"a":"\x"}"#,
        r#"{"a":"\u12g4"}"#,
        "{\"a\":\"\t\"}",
        "{\"a\":\"\n\"}",
        r#"{"a":[1,]}"#,
        r#"{"a":{"b":1,}}"#,
        r#"{"a":{"b"}}"#,
        r#"{"a":[1 2]}"#,
        r#"{"a":1]"#,
        r#"{"a":[1}]"#,
        r#"{"a":NaN}"#,
        r#"{"a":Infinity}"#,
        r"{'a':1}",
        r#"{"a":1 "b":2}"#,
        r#"{"a"  1}"#,
        "{\u{a0}}",
        r#"{"a":0x1}"#,
    ] {
        assert_eq!(agrees(text), ObjectScan::Other, "{text}");
    }
    // Right, and all the same nothing for this place.
    assert_eq!(agrees(r#"{"\u0061":1}"#), ObjectScan::Other);
}

#[test]
fn a_beginning_is_never_taken_for_the_whole() {
    let text = r#"{"a" : "x\"\u00e9é" , "b":[{"c":[-1.5e+3,0,true]},{}],"d":false,"e":null,"f":{"g":"h"},"i":12} "#;
    assert_eq!(agrees(text), ObjectScan::Whole(text.len() - 1));
    for end in 0..text.len() - 1 {
        let look = Members::default().look(&text.as_bytes()[..end]);
        assert_eq!(
            look,
            ObjectScan::More,
            "{}",
            &text.as_bytes()[..end].escape_ascii()
        );
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
    assert_eq!(agrees(&deep), ObjectScan::Other);
}

fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"b\"",
        "\"\\n\"",
        "\"\\u00e9\"",
        "\"é\"",
        "1",
        "-0.5",
        "1e9",
        "0",
        "-",
        "true",
        "null",
        "false",
        " ",
        "\n",
        "\"",
        "\\",
        ".",
        "e",
        "{}",
        "[]",
        "\"c\":1",
        "\"d\":\"x\"",
    ])
}

#[test]
fn every_byte_that_means_something_is_seen_wherever_it_is() {
    for filler in [b' ', b'a', b'!', b'#', 0x7f, 0x80, 0xff] {
        for length in 0..40 {
            let mut bytes = vec![filler; length];
            assert_eq!(plain(&bytes), length);
            for at in 0..length {
                for byte in 0..=255 {
                    bytes[at] = byte;
                    let is_plain = byte >= 0x20 && byte != b'"' && byte != b'\\';
                    assert_eq!(plain(&bytes), if is_plain { length } else { at });
                }
                bytes[at] = filler;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_taken_is_what_the_library_takes(pieces in prop::collection::vec(piece(), 0..14)) {
        agrees(&format!("{{{}", pieces.concat()));
        agrees(&pieces.concat());
    }

    #[test]
    fn habits_change_nothing(texts in prop::collection::vec((prop::collection::vec(piece(), 0..10), 0..3usize), 1..12)) {
        let mut habitual = Members::of_many();
        let mut keys_of_kin: Vec<(KeyOrder, Vec<String>)> = Vec::new();
        for (pieces, times) in texts {
            let text = format!("{{{}", pieces.concat());
            for _ in 0..=times {
                let mut members = Members::default();
                let look = members.look(text.as_bytes());
                prop_assert_eq!(habitual.look(text.as_bytes()), look, "{}", text);
                if let ObjectScan::Whole(_) = look {
                    prop_assert_eq!(habitual.list(), members.list(), "{}", text);
                    let keys: Vec<String> = members.list().iter().map(|member| member.key(&text).to_owned()).collect();
                    if let Some(key_order) = habitual.key_order() {
                        keys_of_kin.push((key_order, keys));
                    }
                }
            }
        }
        for (key_order, keys) in &keys_of_kin {
            for (other, others) in &keys_of_kin {
                prop_assert!(key_order != other || keys == others);
            }
        }
    }

    #[test]
    fn right_objects_are_taken(keys in prop::collection::vec("[a-z]{1,3}", 0..6), values in prop::collection::vec(piece(), 6)) {
        let mut members = Vec::new();
        for (key, value) in keys.iter().zip(&values) {
            if serde_json::from_str::<&RawValue>(value).is_ok() {
                members.push(format!("\"{key}\" :{value}"));
            }
        }
        let text = format!("{{{}}}", members.join(" ,"));
        prop_assert_eq!(agrees(&text), ObjectScan::Whole(text.len()));
    }
}
