//! What the `$metadata` of an `OData` service says about the types of the records in a file.

use super::edm::{StructureId, Types};
use crate::data::path::RecordsPath;
use crate::readers::json::records::{self, JsonRecord};
use crate::readers::json::scan::Scanner;
use crate::readers::position::DataProblem;
use crate::readers::record::Stop;
use crate::readers::text::unreadable;
use crate::source::{Staged, StagedFile};

/// Returns what the service says about the types of a file's records; `None` if it says nothing at all.
pub(crate) fn expect(
    staged: &Staged,
    file: &StagedFile,
    path: &RecordsPath,
    notices: &mut Vec<String>,
) -> Result<Option<(Types, Option<StructureId>)>, DataProblem> {
    let mut say = |notice: String| {
        if !notices.contains(&notice) {
            notices.push(notice);
        }
    };
    let own = staged
        .metadata
        .iter()
        .find(|metadata| metadata.origin == file.origin);
    let Some(described) = own.and_then(|metadata| metadata.path.as_ref()) else {
        say(String::from(
            "the types are inferred from the values: the service's `$metadata` is not there",
        ));
        return Ok(None);
    };
    let document = std::fs::read_to_string(described).map_err(|error| unreadable(&error))?;
    let types = match Types::parse(&document) {
        Ok(types) => types,
        Err(error) => {
            say(format!(
                "the types are inferred from the values: the service's `$metadata` cannot be read: {error}"
            ));
            Types::default()
        }
    };
    let record = record_type(file, path, &types)?;
    if record.is_none() {
        say(String::from(
            "the types are inferred from the values: the service's `$metadata` does not describe these records",
        ));
    }
    Ok(Some((types, record)))
}

/// Returns the type of a document's records, as far as `types` know it.
fn record_type(
    file: &StagedFile,
    path: &RecordsPath,
    types: &Types,
) -> Result<Option<StructureId>, DataProblem> {
    let (input, skipped) = crate::readers::text::open_utf8(&file.path)?;
    let mut scanner = Scanner::new(input, skipped);
    let mut context = None;
    if scanner.peek()? == Some(b'{') {
        scanner.object(|scanner, key| {
            let is_context = matches!(
                key.as_str(),
                "@odata.context" | "@context" | "odata.metadata"
            );
            if !is_context || scanner.peek()? != Some(b'"') {
                return scanner.pass();
            }
            let range = scanner.value()?;
            let (text, _) = scanner.text(&range)?;
            context = serde_json::from_str::<String>(text).ok();
            Ok::<(), DataProblem>(())
        })?;
    }
    if let Some(context) = context {
        let fragment = context.split_once('#').map_or("", |(_, fragment)| fragment);
        return Ok(types.described(fragment));
    }
    let mut name = None;
    let first = records::read(file, Some(path), &mut |record: JsonRecord<'_>| {
        let value: Option<serde_json::Value> = serde_json::from_str(record.text).ok();
        name = value
            .as_ref()
            .and_then(|value| value["__metadata"]["type"].as_str())
            .map(str::to_owned);
        // One is enough.
        Err(())
    });
    match first {
        Err(Stop::DataProblem(problem)) => Err(problem),
        _ => Ok(name.and_then(|name| types.named(&name))),
    }
}
