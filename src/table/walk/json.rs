//! The walk over JSON documents and files with one document a line.

use crate::data::DataError;
use crate::outline::rows::{self, Extent, Found};
use crate::readers::json::records::{self, JsonRecord};
use crate::readers::position::DataProblem;
use crate::readers::record::Stop;
use crate::readers::refusal;
use crate::source::{Family, StagedFile};
use crate::table::pass::{Ended, Pass};
use crate::typing::key_plan;

/// Finds where the rows of a document are; lines are rows themselves.
pub(crate) fn place(pass: &mut Pass<'_>, file: &StagedFile) -> Result<Option<Found>, DataError> {
    if let Some(path) = &pass.rules.records {
        if path.steps.is_empty() && file.format.family() == Family::Json {
            refusal::check_document(file, pass.rules)
                .map_err(|problem| problem.at(file, None, None))?;
        }
        return Ok(Some(Found::told(path.clone())));
    }
    if file.format.family() == Family::Lines {
        return Ok(None);
    }
    let found = match pass.places.get(&file.origin) {
        Some(found) => found.clone(),
        None => rows::locate(file, pass.rules).map_err(|problem| problem.at(file, None, None))?,
    };
    check_extent(pass, file, &found).map_err(|problem| problem.at(file, None, None))?;
    let notice = found.notice.iter().filter(|n| !pass.notices.contains(n));
    pass.notices.extend(notice.cloned().collect::<Vec<_>>());
    pass.places.insert(file.origin.clone(), found.clone());
    Ok(Some(found))
}

/// One document that is a row among others that hold rows is one whose rows were not found.
fn check_extent(pass: &Pass<'_>, file: &StagedFile, found: &Found) -> Result<(), DataProblem> {
    if found.extent == Extent::Document && pass.places.contains_key(&file.origin) {
        // A later page; the first one has been looked at.
        refusal::check_document(file, pass.rules)?;
    }
    let others = pass.places.iter();
    rows::check_extent(
        found,
        others.map(|(origin, found)| (origin.as_str(), found)),
    )
}

/// Takes the records of a document or of lines.
pub(crate) fn read(
    pass: &mut Pass<'_>,
    file: &StagedFile,
    found: Option<&Found>,
) -> Result<(), Ended<DataError>> {
    let path = found.map(|found| &found.path);
    // Another file may mean other things by the same keys.
    pass.forget_plan();
    let result = records::read(file, path, &mut |record: JsonRecord<'_>| {
        let offset = record.offset;
        pass.record((offset, &file.origin, record.key), |row, plan| {
            key_plan::take(row, plan, &record)
        })
        .map_err(|ended| {
            ended.map(|problem| {
                problem
                    .within(offset)
                    .at(file, Some(pass.profile.record), Some(offset))
            })
        })
    });
    match result {
        Ok(notice) => {
            let notice = notice.map(|notice| format!("{}: {notice}", file.origin));
            pass.notices.extend(notice);
            Ok(())
        }
        Err(Stop::Sink(ended)) => Err(ended),
        Err(Stop::DataProblem(problem)) => Err(problem.at(file, None, None).into()),
    }
}
