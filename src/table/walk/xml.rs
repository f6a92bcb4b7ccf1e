//! The walk over an XML document or an Atom feed.

use std::sync::Arc;

use crate::data::DataError;
use crate::readers::record::changed;
use crate::readers::xml::document::Names;
use crate::readers::xml::records::XmlRecord;
use crate::source::StagedFile;
use crate::table::pass::{Ended, Pass};
use crate::typing::flatten::xml::{self, Shaped};

/// Takes the records of a document.
pub(crate) fn read(pass: &mut Pass<'_>, file: &StagedFile) -> Result<(), Ended<DataError>> {
    let markup = Arc::clone(&pass.markup);
    let Some(known) = markup.document(pass.profile.file) else {
        return Err(changed().at(file, None, None).into());
    };
    let encoding = known.encoding;
    pass.set_encoding(encoding);
    let mut names = Names {
        split: &markup.shape.split,
        clashes: None,
    };
    known.read(file, &mut names, &mut |record: XmlRecord<'_>| {
        let shaped = Shaped {
            tree: record.tree,
            shape: &markup.shape,
        };
        let taken = pass.record((record.offset, &file.origin, record.key), |row, _| {
            xml::record(row, shaped)
        });
        taken.map_err(|ended| {
            ended.map(|problem| {
                let number = Some(pass.profile.record);
                problem.at_in(file, encoding, number, Some(record.offset))
            })
        })
    })
}
