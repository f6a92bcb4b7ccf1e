//! XML documents and Atom feeds before their values are looked at: where their records are, and what these look like.

use std::collections::{HashMap, HashSet};

use encoding_rs::Encoding;

use crate::data::DataError;
use crate::data::path::{RecordsPath, Step};
use crate::outline::rows::{self, Extent, Found};
use crate::outline::xml_rows;
use crate::readers::position::DataProblem;
use crate::readers::record::Stop;
use crate::readers::text;
use crate::readers::xml::atom;
use crate::readers::xml::document::Names;
use crate::readers::xml::records::{self, Emptiness, XmlRecord};
use crate::readers::xml::shape::RecordShape;
use crate::readers::xml::tree::Tree;
use crate::rules::Rules;
use crate::source::{Family, Format, Staged, StagedFile};

/// What is known about the documents of a table before their values are looked at.
#[derive(Debug, Default)]
pub(crate) struct Markup {
    pub(crate) shape: RecordShape,
    /// By index of the file.
    documents: HashMap<usize, KnownDocument>,
    /// Where rows were found.
    pub(crate) notices: Vec<String>,
}

/// Where the records of a document are.
#[derive(Clone, Debug)]
pub(crate) struct KnownDocument {
    found: Found,
    pub(crate) encoding: &'static Encoding,
    emptiness: Emptiness,
}

/// Returns whether a file is read here.
pub(crate) fn is_markup(file: &StagedFile) -> bool {
    file.format.family() == Family::Xml
}

/// Finds where the records of an XML document are.
pub(crate) fn locate(file: &StagedFile) -> Result<RecordsPath, DataError> {
    let encoding = encoding(file)?;
    Ok(KnownDocument::found(file, encoding, &mut Vec::new())?
        .found
        .path)
}

/// Counts the records of a document.
pub(crate) fn count(file: &StagedFile, rules: &Rules) -> Result<u64, DataError> {
    let known = match &rules.records {
        Some(path) => KnownDocument {
            found: Found::told(path.clone()),
            encoding: encoding(file)?,
            emptiness: Emptiness::Wrong,
        },
        None => KnownDocument::found(file, encoding(file)?, &mut Vec::new())?,
    };
    let split = HashSet::new();
    let mut names = Names {
        split: &split,
        clashes: None,
    };
    let mut rows = 0;
    known.read(file, &mut names, &mut |_: XmlRecord<'_>| {
        rows += 1;
        Ok::<(), DataError>(())
    })?;
    Ok(rows)
}

fn encoding(file: &StagedFile) -> Result<&'static Encoding, DataError> {
    let at = |problem: DataProblem| problem.at(file, None, None);
    let declared = crate::readers::xml::document::encoding(&file.path).map_err(at)?;
    Ok(text::open(&file.path, declared).map_err(at)?.encoding)
}

impl Markup {
    /// Finds the records of all documents, and what they look like taken together.
    pub(crate) fn look(staged: &Staged, rules: &Rules) -> Result<Markup, DataError> {
        let mut markup = Markup::default();
        let mut paths: HashMap<&str, KnownDocument> = HashMap::new();
        let files = || {
            let files = staged.files.iter().enumerate();
            files.filter(|(_, file)| is_markup(file))
        };
        for (index, file) in files() {
            let at = |problem: DataProblem| problem.at(file, None, None);
            let encoding = encoding(file)?;
            let known = match (&rules.records, paths.get(file.origin.as_str())) {
                (Some(path), _) => KnownDocument {
                    found: Found::told(path.clone()),
                    encoding,
                    emptiness: Emptiness::Wrong,
                },
                // Of a later page whose first one was a row by itself nobody knows yet whether it is one.
                (None, Some(known)) if known.found.extent == Extent::Elements => KnownDocument {
                    encoding,
                    ..known.clone()
                },
                (None, _) => KnownDocument::found(file, encoding, &mut markup.notices)?,
            };
            if file.format == Format::Xml {
                let others = paths.iter().map(|(origin, known)| (*origin, &known.found));
                rows::check_extent(&known.found, others).map_err(at)?;
                paths.insert(&file.origin, known.clone());
            }
            markup.documents.insert(index, known);
        }
        let mut clashes = HashSet::new();
        for (index, file) in files() {
            clashes.extend(markup.observe(index, file)?);
        }
        if !clashes.is_empty() {
            // Their columns are called `prefix:name`; lists are told apart by that as well.
            markup.shape = RecordShape::splitting(clashes);
            for (index, file) in files() {
                markup.observe(index, file)?;
            }
        }
        Ok(markup)
    }

    /// Returns what is known about the document with this index among the files.
    pub(crate) fn document(&self, index: usize) -> Option<&KnownDocument> {
        self.documents.get(&index)
    }

    /// Takes note of all records of a document; returns local names that several namespaces use side by side.
    fn observe(&mut self, index: usize, file: &StagedFile) -> Result<HashSet<String>, DataError> {
        let split = std::mem::take(&mut self.shape.split);
        let mut names = Names {
            split: &split,
            clashes: Some(HashSet::new()),
        };
        let shape = &mut self.shape;
        let result = self.documents[&index].read(file, &mut names, &mut |record: XmlRecord<'_>| {
            shape.observe(record.tree);
            Ok::<(), DataError>(())
        });
        let clashes = names.clashes.take().unwrap_or_default();
        self.shape.split = split;
        result.map(|()| clashes)
    }
}

impl KnownDocument {
    fn found(
        file: &StagedFile,
        encoding: &'static Encoding,
        notices: &mut Vec<String>,
    ) -> Result<KnownDocument, DataError> {
        let at = |problem: DataProblem| problem.at_in(file, encoding, None, None);
        if file.format == Format::Xml {
            let found = match rows::known(file).map_err(at)? {
                Some(found) => found,
                None => xml_rows::locate(file, Some(encoding)).map_err(at)?,
            };
            let notice = found.notice.clone();
            notices.extend(notice.filter(|notice| !notices.contains(notice)));
            return Ok(KnownDocument {
                found,
                encoding,
                emptiness: Emptiness::Wrong,
            });
        }
        let steps = match crate::readers::xml::document::root(file, Some(encoding))
            .map_err(at)?
            .as_str()
        {
            "entry" => vec![],
            _ => vec![
                Step::Key(String::from("feed")),
                Step::Key(String::from("entry")),
            ],
        };
        Ok(KnownDocument {
            found: Found::told(RecordsPath { steps }),
            encoding,
            // A feed without entries has a title all the same.
            emptiness: Emptiness::Fine,
        })
    }

    /// Hands over every record; of an Atom entry only the properties.
    pub(crate) fn read<E: From<DataError>>(
        &self,
        file: &StagedFile,
        names: &mut Names<'_>,
        sink: &mut impl FnMut(XmlRecord<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let at = |problem: DataProblem, offset: Option<u64>| {
            problem.at_in(file, self.encoding, None, offset)
        };
        let mut properties = Tree::default();
        let result = records::read(
            file,
            (self.encoding, &self.found.path, self.emptiness),
            names,
            &mut |record: XmlRecord<'_>| {
                if file.format == Format::Xml {
                    return sink(record);
                }
                atom::properties(record.tree, &mut properties)
                    .map_err(|problem| at(problem, Some(record.offset)))?;
                sink(XmlRecord {
                    tree: &properties,
                    ..record
                })
            },
        );
        match result {
            Ok(()) => Ok(()),
            Err(Stop::Sink(error)) => Err(error),
            Err(Stop::DataProblem(problem)) => Err(at(problem, None).into()),
        }
    }
}
