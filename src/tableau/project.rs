//! Which project a user means: names, paths and LUIDs against the projects there are.

use std::collections::HashMap;

use super::error::Problem;
use super::name::{Luid, ProjectReference};
use super::xml::Project;

/// Below this likeness a name is no useful suggestion.
const LIKENESS: f64 = 0.7;
/// Suggestions and candidates shown.
const SHOWN: usize = 5;

/// The one project a reference leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) id: Luid,
    pub(super) name: String,
    /// Names from the top, separated by `/`.
    pub(super) path: String,
}

/// Finds the project, case-sensitively first.
///
/// A name fits wherever the project lies; a path fits from the top, with or without a slash
/// before it. Several fits are an error even if one of them is a whole path: a project created
/// tomorrow must not silently draw the data to another place.
pub(super) fn resolve(
    reference: &ProjectReference,
    projects: &[Project],
) -> Result<Place, Problem> {
    let places = places(projects);
    let wanted = match reference {
        ProjectReference::Luid(luid) => {
            return places
                .into_iter()
                .find(|place| place.id == *luid)
                .ok_or_else(|| missing(&format!("project with LUID `{luid}`"), projects.len()));
        }
        ProjectReference::Named(wanted) => wanted,
    };
    let mut fits = find(wanted, &places);
    if fits.is_empty() {
        let lower: Vec<Place> = places.iter().map(Place::lower).collect();
        fits = find(&wanted.to_lowercase(), &lower);
    }
    match fits[..] {
        [index] => Ok(places[index].clone()),
        [] => Err(unknown(wanted, &places)),
        _ => Err(ambiguous(wanted, fits.iter().map(|&index| &places[index]))),
    }
}

impl Place {
    fn lower(&self) -> Place {
        Place {
            id: self.id.clone(),
            name: self.name.to_lowercase(),
            path: self.path.to_lowercase(),
        }
    }
}

fn find(wanted: &str, places: &[Place]) -> Vec<usize> {
    let from_top = wanted.strip_prefix('/');
    let fits = |place: &Place| {
        place.name == wanted
            || place.path == wanted
            || from_top.is_some_and(|path| place.path == path)
    };
    places
        .iter()
        .enumerate()
        .filter(|(_, place)| fits(place))
        .map(|(index, _)| index)
        .collect()
}

fn places(projects: &[Project]) -> Vec<Place> {
    let by_id: HashMap<&Luid, &Project> = projects
        .iter()
        .map(|project| (&project.id, project))
        .collect();
    let path = |project: &Project| {
        let mut names = vec![project.name.as_str()];
        let mut parent = project.parent.as_ref();
        // A parent the user may not see ends the path; so does, at the latest, a circle.
        while let Some(above) = parent.and_then(|id| by_id.get(id))
            && names.len() <= projects.len()
        {
            names.push(&above.name);
            parent = above.parent.as_ref();
        }
        names.reverse();
        names.join("/")
    };
    projects
        .iter()
        .map(|project| Place {
            id: project.id.clone(),
            name: project.name.clone(),
            path: path(project),
        })
        .collect()
}

fn ambiguous<'p>(wanted: &str, fits: impl Iterator<Item = &'p Place>) -> Problem {
    let mut listed: Vec<String> = fits
        .map(|place| format!("`/{}` ({})", place.path, place.id))
        .collect();
    listed.sort();
    let n_fits = listed.len();
    Problem::new(format!(
        "the project `{wanted}` fits {n_fits} projects: {}",
        shorten(listed)
    ))
    .with_hint("write one of these paths, or better the LUID, as `project`")
}

fn unknown(wanted: &str, places: &[Place]) -> Problem {
    let wanted_lower = wanted.to_lowercase();
    let mut near: Vec<(f64, String)> = places
        .iter()
        .map(|place| {
            let Place { name, path, .. } = place.lower();
            let likeness = [name, path]
                .iter()
                .map(|text| strsim::jaro_winkler(text, &wanted_lower))
                .fold(0.0, f64::max);
            (likeness, format!("`{}`", place.path))
        })
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .collect();
    near.sort_by(|(one, path), (other, other_path)| {
        other.total_cmp(one).then(path.cmp(other_path))
    });
    near.truncate(SHOWN);
    let problem = missing(&format!("project `{wanted}`"), places.len());
    if near.is_empty() {
        return problem;
    }
    let near: Vec<String> = near.into_iter().map(|(_, path)| path).collect();
    problem.with_hint(format!(
        "check `project` (nearest: {}), and that the user of `pat-name` has the permission View there",
        near.join(", ")
    ))
}

fn missing(what: &str, n_seen: usize) -> Problem {
    let projects = if n_seen == 1 { "project" } else { "projects" };
    Problem::new(format!(
        "there is no {what} among the {n_seen} {projects} the token's user may see"
    ))
    .with_hint("check `project`, and that the user of `pat-name` has the permission View there")
}

fn shorten(mut listed: Vec<String>) -> String {
    let more = listed.len().saturating_sub(SHOWN);
    listed.truncate(SHOWN);
    let listed = listed.join(", ");
    if more == 0 {
        listed
    } else {
        format!("{listed} and {more} more")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luid(n: usize) -> Luid {
        Luid::parse(&format!("00000000-0000-4000-8000-{n:012}")).unwrap()
    }

    /// `(name, index of the parent)`; the index in the list is the end of the LUID.
    fn projects(given: &[(&str, Option<usize>)]) -> Vec<Project> {
        let project = |(index, (name, parent)): (usize, &(&str, Option<usize>))| Project {
            id: luid(index),
            name: (*name).to_owned(),
            parent: parent.map(luid),
        };
        given.iter().enumerate().map(project).collect()
    }

    fn site() -> Vec<Project> {
        projects(&[
            ("Sales", None),
            ("EMEA", Some(0)),
            ("Marketing", None),
            ("emea", Some(2)),
            ("EMEA", Some(2)),
            ("R&D, 北: all", None),
            ("Q1/Q2", Some(0)),
            ("Lost", Some(99)),
            ("Archive", None),
            ("Sales", Some(8)),
        ])
    }

    fn path(wanted: &str) -> Result<String, String> {
        let reference = ProjectReference::parse(wanted).unwrap();
        resolve(&reference, &site())
            .map(|place| place.path)
            .map_err(|problem| problem.to_string())
    }

    #[test]
    fn names_paths_and_luids_lead_to_projects() {
        for (wanted, expected) in [
            ("Sales/EMEA", "Sales/EMEA"),
            ("/Sales/EMEA", "Sales/EMEA"),
            ("emea", "Marketing/emea"),
            ("Marketing/EMEA", "Marketing/EMEA"),
            ("sales/Emea", "Sales/EMEA"),
            ("R&D, 北: all", "R&D, 北: all"),
            ("r&d, 北: ALL", "R&D, 北: all"),
            ("Q1/Q2", "Sales/Q1/Q2"),
            ("Sales/Q1/Q2", "Sales/Q1/Q2"),
            ("Lost", "Lost"),
            ("/Sales", "Sales"),
            ("Archive/Sales", "Archive/Sales"),
        ] {
            assert_eq!(path(wanted).as_deref(), Ok(expected), "{wanted}");
        }
        assert_eq!(path(luid(3).as_str()).as_deref(), Ok("Marketing/emea"));
    }

    #[test]
    fn several_fits_are_listed_with_their_paths_and_luids() {
        let message = path("EMEA").unwrap_err();
        assert_eq!(
            message,
            "the project `EMEA` fits 2 projects: `/Marketing/EMEA` (00000000-0000-4000-8000-000000000004), \
             `/Sales/EMEA` (00000000-0000-4000-8000-000000000001)"
        );
        assert!(
            path("MARKETING/EMEA")
                .unwrap_err()
                .contains("fits 2 projects")
        );
        assert!(path("Sales").unwrap_err().contains("`/Sales` (00000000"));
    }

    #[test]
    fn a_missing_project_brings_its_neighbours() {
        let problem =
            resolve(&ProjectReference::parse("Marketting").unwrap(), &site()).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "there is no project `Marketting` among the 10 projects the token's user may see"
        );
        assert!(problem.hint().unwrap().contains("(nearest: `Marketing`"));
        let unlike = resolve(&ProjectReference::parse("zzz").unwrap(), &site()).unwrap_err();
        assert!(!unlike.hint().unwrap().contains("nearest"));
        assert!(
            path(luid(77).as_str())
                .unwrap_err()
                .contains("project with LUID")
        );
    }

    #[test]
    fn a_circle_of_parents_ends() {
        let circle = projects(&[("a", Some(1)), ("b", Some(0))]);
        assert!(resolve(&ProjectReference::parse("a").unwrap(), &circle).is_ok());
    }
}
