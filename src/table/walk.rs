//! One walk over all records of all files of a table.

mod csv;
mod json;
mod xml;

use encoding_rs::UTF_8;

use super::fields::Fields;
use super::pass::{Ended, Pass, Reading};
use crate::data::DataError;
use crate::readers::json::notation::Notation;
use crate::readers::position::DataProblem;
use crate::source::{Family, Format};
use crate::typing::edm::Types;
use crate::typing::odata;

/// Goes through all records of all files.
pub(crate) fn walk(pass: &mut Pass<'_>) -> Result<(), Ended<DataError>> {
    let staged = pass.staged;
    let mut described = None;
    for (index, file) in staged.files.iter().enumerate() {
        pass.profile.file = index;
        pass.profile.notation = match file.format {
            Format::OData => Notation::OData,
            _ => Notation::Plain,
        };
        let origin = (file.format, file.origin.as_str());
        let is_new = described.replace(origin) != Some(origin);
        if is_new && file.format == Format::Atom {
            let (types, record) = Types::of_shape(&pass.markup.shape);
            pass.profile.layout.expect(types, Some(record));
        } else if is_new {
            pass.profile.layout.expect(Types::default(), None);
        }
        pass.files.push(Reading {
            encoding: UTF_8,
            fields: Fields::default(),
        });
        match file.format.family() {
            Family::Separated(_) => csv::read(pass, file)?,
            Family::Xml => xml::read(pass, file)?,
            Family::Columnar => {
                let problem = DataProblem::new("the columns of this format have types");
                return Err(problem.at(file, None, None).into());
            }
            Family::Json | Family::Lines => {
                let path = json::place(pass, file)?;
                if let (true, Some(found)) = (file.format == Format::OData && is_new, &path) {
                    let said = odata::expect(staged, file, &found.path, &mut pass.notices);
                    let said = said.map_err(|problem| problem.at(file, None, None))?;
                    if let Some((types, record)) = said {
                        pass.profile.layout.expect(types, record);
                    }
                }
                json::read(pass, file, path.as_ref())?;
            }
        }
    }
    Ok(())
}
