//! The pass over XML documents and Atom feeds, and the look at their structure before.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use encoding_rs::Encoding;

use super::pass::{Ended, Pass};
use crate::data::DataError;
use crate::data::path::{RecordsPath, Step};
use crate::outline::rows::{self, Extent, Found};
use crate::outline::xml_rows;
use crate::readers::position::Problem;
use crate::readers::record::Stop;
use crate::readers::text;
use crate::readers::xml::document::Names;
use crate::readers::xml::records::{self, Emptiness, Record};
use crate::readers::xml::shape::Shape;
use crate::readers::xml::tree::Tree;
use crate::rules::Rules;
use crate::source::{Format, Staged, StagedFile};
use crate::typing::edm::{StructureId, Types};
use crate::typing::flatten::xml::{self, Shaped};
use crate::typing::odata;

/// What is known about the documents of a table before their values are looked at.
#[derive(Debug, Default)]
pub(crate) struct Markup {
    shape: Shape,
    /// By index of the file.
    documents: HashMap<usize, Known>,
    /// Where rows were found.
    pub(crate) notices: Vec<String>,
}

/// Where the records of a document are.
#[derive(Clone, Debug)]
struct Known {
    found: Found,
    encoding: &'static Encoding,
    emptiness: Emptiness,
}

/// Returns whether a file is read here.
pub(crate) fn is_markup(file: &StagedFile) -> bool {
    matches!(file.format, Format::Xml | Format::Atom)
}

/// Finds where the records of an XML document are.
pub(crate) fn locate(file: &StagedFile) -> Result<RecordsPath, DataError> {
    let encoding = encoding(file)?;
    Ok(Known::found(file, encoding, &mut Vec::new())?.found.path)
}

fn encoding(file: &StagedFile) -> Result<&'static Encoding, DataError> {
    let at = |problem: Problem| problem.at(file, None, None);
    let declared = crate::readers::xml::document::encoding(&file.path).map_err(at)?;
    Ok(text::open(&file.path, declared).map_err(at)?.encoding)
}

impl Markup {
    /// Finds the records of all documents, and what they look like taken together.
    pub(crate) fn look(staged: &Staged, rules: &Rules) -> Result<Markup, DataError> {
        let mut markup = Markup::default();
        let mut paths: HashMap<&str, Known> = HashMap::new();
        let files = || {
            let files = staged.files.iter().enumerate();
            files.filter(|(_, file)| is_markup(file))
        };
        for (index, file) in files() {
            let at = |problem: Problem| problem.at(file, None, None);
            let encoding = encoding(file)?;
            let known = match (&rules.records, paths.get(file.origin.as_str())) {
                (Some(path), _) => Known {
                    found: Found::told(path.clone()),
                    encoding,
                    emptiness: Emptiness::Wrong,
                },
                // Of a later page whose first one was a row by itself nobody knows yet whether it is one.
                (None, Some(known)) if known.found.extent == Extent::Elements => Known {
                    encoding,
                    ..known.clone()
                },
                (None, _) => Known::found(file, encoding, &mut markup.notices)?,
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
            markup.shape = Shape::splitting(clashes);
            for (index, file) in files() {
                markup.observe(index, file)?;
            }
        }
        Ok(markup)
    }

    /// Takes note of all records of a document; returns local names that several namespaces use side by side.
    fn observe(&mut self, index: usize, file: &StagedFile) -> Result<HashSet<String>, DataError> {
        let split = std::mem::take(&mut self.shape.split);
        let mut names = Names {
            split: &split,
            clashes: Some(HashSet::new()),
        };
        let shape = &mut self.shape;
        let result = self.documents[&index].read(file, &mut names, &mut |record: Record<'_>| {
            shape.observe(record.tree);
            Ok::<(), DataError>(())
        });
        let clashes = names.clashes.take().unwrap_or_default();
        self.shape.split = split;
        result.map(|()| clashes)
    }

    /// Returns what Atom entries say about the types of their properties.
    pub(crate) fn types(&self) -> (Types, StructureId) {
        Types::of_shape(&self.shape)
    }
}

impl Known {
    fn found(
        file: &StagedFile,
        encoding: &'static Encoding,
        notices: &mut Vec<String>,
    ) -> Result<Known, DataError> {
        let at = |problem: Problem| problem.at_in(file, encoding, None, None);
        if file.format == Format::Xml {
            let found = match rows::known(file).map_err(at)? {
                Some(found) => found,
                None => xml_rows::locate(file, Some(encoding)).map_err(at)?,
            };
            let notice = found.notice.clone();
            notices.extend(notice.filter(|notice| !notices.contains(notice)));
            return Ok(Known {
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
        Ok(Known {
            found: Found::told(RecordsPath { steps }),
            encoding,
            // A feed without entries has a title all the same.
            emptiness: Emptiness::Fine,
        })
    }

    /// Hands over every record; of an Atom entry only the properties.
    fn read<E: From<DataError>>(
        &self,
        file: &StagedFile,
        names: &mut Names<'_>,
        sink: &mut impl FnMut(Record<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let at = |problem: Problem, offset: Option<u64>| {
            problem.at_in(file, self.encoding, None, offset)
        };
        let mut properties = Tree::default();
        let result = records::read(
            file,
            (self.encoding, &self.found.path, self.emptiness),
            names,
            &mut |record: Record<'_>| {
                if file.format == Format::Xml {
                    return sink(record);
                }
                odata::properties(record.tree, &mut properties)
                    .map_err(|problem| at(problem, Some(record.offset)))?;
                sink(Record {
                    tree: &properties,
                    ..record
                })
            },
        );
        match result {
            Ok(()) => Ok(()),
            Err(Stop::Sink(error)) => Err(error),
            Err(Stop::Problem(problem)) => Err(at(problem, None).into()),
        }
    }
}

impl Pass<'_> {
    /// Takes the records of a document.
    pub(crate) fn read_elements(&mut self, file: &StagedFile) -> Result<(), Ended> {
        let markup = Arc::clone(&self.markup);
        let Some(known) = markup.documents.get(&self.survey.file) else {
            return Err(super::changed().at(file, None, None).into());
        };
        let encoding = known.encoding;
        self.set_encoding(encoding);
        let mut names = Names {
            split: &markup.shape.split,
            clashes: None,
        };
        known.read(file, &mut names, &mut |record: Record<'_>| {
            let shaped = Shaped {
                tree: record.tree,
                shape: &markup.shape,
            };
            self.record((record.offset, &file.origin, record.key), |row| {
                xml::record(row, shaped)
            })
            .map_err(|halt| {
                halt.at(|problem| {
                    problem.at_in(
                        file,
                        encoding,
                        Some(self.survey.record),
                        Some(record.offset),
                    )
                })
            })
        })
    }
}
