//! Documents made up at random: rows that nobody declared are found or asked for, and never lost in one row.

use proptest::prelude::*;
use serde_json::Value as Json;

use super::super::*;
use super::{Files, files};
use crate::data::path::RecordsPath;
use crate::data::path::Step;
use crate::outline::page::PageInspector;
use crate::outline::rows::{self, Extent};
use crate::readers::position::DataProblem;
use crate::source::{Count, Format, PageQuestion, PageReader, Signs};

/// Names of data, of envelopes and of errors, and such as no path can write.
const KEYS: [&str; 40] = [
    "orders",
    "lines",
    "customers",
    "a",
    "b",
    "id",
    "name",
    "city",
    "data",
    "results",
    "records",
    "rows",
    "value",
    "content",
    "items",
    "entries",
    "d",
    "result",
    "response",
    "page",
    "total",
    "count",
    "next",
    "has_more",
    "type",
    "meta",
    "links",
    "extensions",
    "error",
    "errors",
    "included",
    "fields",
    "values",
    "coordinates",
    "@odata.context",
    "2024-01-31",
    "2024-02-29",
    "a/b~c",
    "",
    "*",
];

/// Keys that a line of an input cannot have.
const ODD_KEYS: [&str; 3] = ["a\tb", " a ", "\u{7}"];

fn key() -> impl Strategy<Value = String> {
    let usual = proptest::sample::select(&KEYS[..]);
    let odd = proptest::sample::select(&ODD_KEYS[..]);
    prop_oneof![30 => usual, 1 => odd].prop_map(str::to_owned)
}

fn document() -> impl Strategy<Value = Json> {
    let scalar = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (0_u32..300).prop_map(Json::from),
        Just(Json::from(2.5)),
        proptest::sample::select(&["", "x", "ok", "2024-01-31", "FeatureCollection"][..])
            .prop_map(Json::from),
    ];
    let object = |inner: BoxedStrategy<Json>| {
        proptest::collection::btree_map(key(), inner, 0..4)
            .prop_map(|members| Json::Object(members.into_iter().collect()))
    };
    let any = scalar.prop_recursive(5, 40, 4, move |inner| {
        let objects = proptest::collection::vec(object(inner.clone()), 0..4);
        prop_oneof![
            3 => object(inner.clone()),
            3 => objects.prop_map(Json::Array),
            1 => proptest::collection::vec(inner, 0..4).prop_map(Json::Array),
        ]
    });
    object(any.boxed())
}

/// Whether a list of several objects lies behind few keys.
fn has_rows(value: &Json, depth: usize) -> bool {
    match value {
        Json::Array(elements) => elements.iter().filter(|one| one.is_object()).count() > 1,
        Json::Object(members) if depth < 3 => {
            members.values().any(|inner| has_rows(inner, depth + 1))
        }
        _ => false,
    }
}

/// What a path without `*` leads to.
fn at<'j>(document: &'j Json, path: &RecordsPath) -> Option<&'j Json> {
    path.steps
        .iter()
        .try_fold(document, |value, step| match step {
            Step::Key(key) => value.get(key.as_str()),
            Step::Each => None,
        })
}

fn count(files: &Files, path: &RecordsPath) -> Result<u64, String> {
    let mut rows = 0;
    let read = crate::readers::json::records::read(&files.staged.files[0], Some(path), &mut |_| {
        rows += 1;
        Ok::<(), DataProblem>(())
    });
    read.map(|_| rows).map_err(|stop| format!("{stop:?}"))
}

/// The lines that a message offers, with the numbers of rows it says are there.
fn offered(problem: &DataProblem) -> Vec<(String, u64)> {
    let hint = problem.hint.as_deref().unwrap_or_default();
    let lines = hint.split("`records: ").skip(1);
    let paths = lines.filter_map(|line| Some(line.split_once('`')?.0));
    let paths = paths.filter(|path| *path != "/");
    let said = |path: &str| {
        let (_, rest) = problem.what.split_once(&format!("`{path}` ("))?;
        rest.split_once(')')?.0.parse().ok()
    };
    paths
        .map(|path| (path.to_owned(), said(path).unwrap_or(u64::MAX)))
        .collect()
}

fn check(document: &Json) -> Result<(), TestCaseError> {
    let text = document.to_string();
    let files = files(&[(Format::Json, text.as_bytes())]);
    let (page, rules) = (&files.staged.files[0], Rules::default());
    let ask = PageQuestion {
        document: &[],
        last: None,
        rows_at: None,
        signs: Signs::Wanted,
        count: Count::Always,
    };
    let inspector = PageInspector { rules: &rules };
    let seen = inspector.inspect(page, &ask);
    let table = Table::read(&files.staged, &rules);
    match rows::locate(page, &rules) {
        Ok(found) => {
            let is_row = found.extent == Extent::Document;
            prop_assert!(!is_row || !has_rows(document, 0), "one row");
            prop_assert_eq!(is_row, found.path.steps.is_empty());
            let rows = match at(document, &found.path) {
                Some(Json::Array(elements)) => u64::try_from(elements.len()).unwrap(),
                Some(Json::Null) => 0,
                Some(_) if is_row => 1,
                other => return Err(TestCaseError::fail(format!("rows in {other:?}"))),
            };
            let seen = seen.map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(seen.rows, Some(rows));
            let path = found.path.to_string();
            prop_assert_eq!(seen.rows_at.as_deref(), Some(path.as_str()));
            // A later page, and the file once it was a page.
            let again = inspector.inspect(
                page,
                &PageQuestion {
                    rows_at: Some(&path),
                    ..ask
                },
            );
            prop_assert_eq!(
                again.map_err(|error| error.to_string()).unwrap().rows,
                Some(rows)
            );
            if let Ok(table) = table {
                prop_assert_eq!(table.rows(), Some(rows));
            }
        }
        Err(problem) => {
            let told = table
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            prop_assert!(told.contains(&problem.what), "{} but {told}", problem.what);
            let seen = seen.err().map(|error| error.to_string());
            prop_assert_eq!(seen.as_deref(), Some(told.as_str()));
            let is_error = problem.what.starts_with("the source reports an error at");
            let hint = problem.hint.as_deref().unwrap_or_default();
            prop_assert!(is_error || hint.contains("`records: /`"), "{problem:?}");
            for (line, said) in offered(&problem) {
                // Inputs are trimmed.
                let path = RecordsPath::parse(line.trim()).unwrap();
                prop_assert_eq!(count(&files, &path), Ok(said), "{}: {:?}", line, problem);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_are_found_or_asked_for(document in document()) {
        check(&document)?;
    }
}
