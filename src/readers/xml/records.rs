//! The records of an XML document, one after another.

use encoding_rs::Encoding;

use super::document::{Document, Names, XmlNode};
use super::search::PathSearch;
use super::tree::{Exactness, Tree};
use crate::data::path::RecordsPath;
use crate::readers::record::Stop;
use crate::source::{Format, StagedFile};

/// A record in its document.
#[derive(Debug)]
pub(crate) struct XmlRecord<'r> {
    pub(crate) tree: &'r Tree,
    /// What `*` stood for.
    pub(crate) key: Option<&'r str>,
    pub(crate) offset: u64,
}

/// Whether a document without any record is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Emptiness {
    Fine,
    /// Unless the element that should hold them is empty.
    Wrong,
}

/// Hands over every record of a document.
pub(crate) fn read<E>(
    file: &StagedFile,
    (encoding, path, emptiness): (&'static Encoding, &RecordsPath, Emptiness),
    names: &mut Names<'_>,
    sink: &mut impl FnMut(XmlRecord<'_>) -> Result<(), E>,
) -> Result<(), Stop<E>> {
    let mut document = Document::open(file, Some(encoding))?;
    if file.format == Format::Atom {
        document.exactness = Exactness::Exact;
    }
    let mut search = PathSearch::new(&path.steps);
    let mut tree = Tree::default();
    loop {
        match document.next(&mut None)? {
            XmlNode::Start(start, offset) => {
                if search.enter(start.name().as_ref(), offset) {
                    document.record(&start, offset, &mut tree, names)?;
                    let key = search.key();
                    search.leave();
                    sink(XmlRecord {
                        tree: &tree,
                        key: key.as_deref(),
                        offset,
                    })
                    .map_err(Stop::Sink)?;
                }
            }
            XmlNode::End => search.leave(),
            XmlNode::Eof if emptiness == Emptiness::Fine => return Ok(()),
            XmlNode::Eof => return search.finish().map_err(Stop::DataProblem),
        }
    }
}
