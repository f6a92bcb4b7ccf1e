//! Which project a user means: names, paths and LUIDs against the projects there are.

use std::collections::HashMap;

use super::answers::Project;
use super::names::{Luid, ProjectReference};
use crate::problem::Problem;
use crate::say::{count, likeness};

/// Below this likeness a name is no useful suggestion.
const LIKENESS: f64 = 0.7;
/// Suggestions and candidates shown.
const SHOWN: usize = 5;

/// Levels of a path; deeper ones are no path but a circle, or as good as one.
const LEVELS: usize = 100;
/// Characters of a name or path that is compared for likeness, which costs time for each pair of characters.
const COMPARED: usize = 300;

/// The one project a reference leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FoundProject {
    pub(super) id: Luid,
    pub(super) name: String,
    /// Names from the top, separated by `/`.
    pub(super) path: String,
}

/// The projects of a site by their places in one another.
///
/// Paths are made when they are asked for: all of them together would be as large as the square of the
/// projects, if a server says so.
struct ProjectTree<'p> {
    projects: &'p [Project],
    by_id: HashMap<&'p Luid, &'p Project>,
}

/// Finds the project, as it is written first, then in any case, then without slashes and blanks too many.
///
/// A name fits wherever the project lies; a path fits from the top, with or without a slash
/// before it. Several fits are an error even if one of them is a whole path: a project created
/// tomorrow must not silently draw the data to another place.
pub(super) fn resolve(
    reference: &ProjectReference,
    projects: &[Project],
) -> Result<FoundProject, Problem> {
    let tree = ProjectTree::new(projects);
    let wanted = match reference {
        ProjectReference::Luid(luid) => {
            let found = tree.by_id.get(luid);
            return found
                .map(|project| tree.found(project))
                .ok_or_else(|| missing(&format!("project with LUID `{luid}`"), projects.len()));
        }
        ProjectReference::Named(wanted) => wanted,
    };
    let spellings: [fn(&str) -> String; 4] = [str::to_owned, str::to_lowercase, tidy, |text| {
        tidy(text).to_lowercase()
    }];
    let fits = spellings.iter().map(|spell| tree.find(wanted, *spell));
    let fits = fits.into_iter().find(|fits| !fits.is_empty());
    match fits.unwrap_or_default()[..] {
        [project] => Ok(tree.found(project)),
        [] => Err(unknown(wanted, &tree)),
        ref several => {
            let found = several.iter().map(|project| tree.found(project));
            Err(ambiguous(wanted, &found.collect::<Vec<_>>()))
        }
    }
}

impl<'p> ProjectTree<'p> {
    fn new(projects: &'p [Project]) -> ProjectTree<'p> {
        let by_id = projects.iter().map(|project| (&project.id, project));
        ProjectTree {
            projects,
            by_id: by_id.collect(),
        }
    }

    fn found(&self, project: &Project) -> FoundProject {
        FoundProject {
            id: project.id.clone(),
            name: project.name.clone(),
            path: self.path(project),
        }
    }

    /// A parent the user may not see begins the path; so do a circle and what lies too deep.
    fn path(&self, project: &'p Project) -> String {
        let mut above: Vec<&Project> = vec![project];
        let mut parent = project.parent.as_ref();
        while let Some(next) = parent.and_then(|id| self.by_id.get(id))
            && above.len() < LEVELS
            && !above.iter().any(|known| std::ptr::eq(*known, *next))
        {
            above.push(next);
            parent = next.parent.as_ref();
        }
        let names = above.iter().rev().map(|project| project.name.as_str());
        names.collect::<Vec<_>>().join("/")
    }

    /// All projects whose name or path is the wanted one, both spelt in the same way.
    fn find(&self, wanted: &str, spell: fn(&str) -> String) -> Vec<&'p Project> {
        let from_top = wanted.trim_start().starts_with('/');
        let wanted = spell(wanted);
        // What begins with a slash may still be a name.
        let path = wanted.strip_prefix('/').unwrap_or(&wanted);
        let is_name_spelt = !from_top || wanted.starts_with('/');
        let fits = |project: &&Project| {
            if is_name_spelt && spell(&project.name) == wanted {
                return true;
            }
            // A path of one level is a name.
            if !from_top && !path.contains('/') {
                return false;
            }
            let found = spell(&self.path(project));
            found == wanted || found == path
        };
        if path.is_empty() {
            return Vec::new();
        }
        self.projects.iter().filter(fits).collect()
    }
}

/// Takes out slashes at the ends and next to one another, and blanks around the parts.
fn tidy(path: &str) -> String {
    let parts = path.split('/').map(str::trim);
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    parts.join("/")
}

fn ambiguous(wanted: &str, fits: &[FoundProject]) -> Problem {
    let listed = fits
        .iter()
        .map(|project| format!("`/{}` ({})", project.path, project.id));
    let mut listed: Vec<String> = listed.collect();
    listed.sort();
    Problem::new(format!(
        "the project `{wanted}` fits {} projects: {}",
        fits.len(),
        some_of(listed)
    ))
    .hint("write one of these paths, or better the LUID, as `project`")
}

fn unknown(wanted: &str, tree: &ProjectTree<'_>) -> Problem {
    let cut = |text: &str| -> String { text.chars().take(COMPARED).collect() };
    let wanted_cut = cut(wanted);
    let likeness = |text: &str| likeness(&cut(text), &wanted_cut);
    let mut near: Vec<(f64, String)> = Vec::new();
    for project in tree.projects {
        let path = tree.path(project);
        let likeness = likeness(&project.name).max(likeness(&path));
        if likeness >= LIKENESS {
            near.push((likeness, format!("`{path}`")));
            near.sort_by(|(one, path), (other, other_path)| {
                other.total_cmp(one).then(path.cmp(other_path))
            });
            near.truncate(SHOWN);
        }
    }
    let problem = missing(&format!("project `{wanted}`"), tree.projects.len());
    if near.is_empty() {
        return problem;
    }
    let near: Vec<String> = near.into_iter().map(|(_, path)| path).collect();
    problem.hint(format!(
        "check `project` (nearest: {}), and that the user of `pat-name` has the permission View there",
        near.join(", ")
    ))
}

fn missing(what: &str, n_seen: usize) -> Problem {
    let seen = count(n_seen, "project");
    Problem::new(format!(
        "there is no {what} among the {seen} the token's user may see"
    ))
    .hint("check `project`, and that the user of `pat-name` has the permission View there")
}

/// Lists the first few, and says how many there are besides.
pub(super) fn some_of(mut listed: Vec<String>) -> String {
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
            ("Odd/", None),
            ("Odd", None),
        ])
    }

    fn path(wanted: &str) -> Result<String, String> {
        let reference = ProjectReference::parse(wanted).unwrap();
        resolve(&reference, &site())
            .map(|found| found.path)
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
            ("Sales/EMEA/", "Sales/EMEA"),
            ("/Sales//EMEA/", "Sales/EMEA"),
            ("//Sales/EMEA", "Sales/EMEA"),
            (" Sales / EMEA ", "Sales/EMEA"),
            ("sales/q1/q2/", "Sales/Q1/Q2"),
            ("/Marketing/", "Marketing"),
            ("Lost/", "Lost"),
            // Exactly as it is written goes first.
            ("Odd/", "Odd/"),
            ("Odd", "Odd"),
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
        assert!(path("EMEA/").unwrap_err().contains("fits 2 projects"));
        for wrong in ["/EMEA/", "//", "/ /", "/"] {
            assert!(
                path(wrong).unwrap_err().contains("there is no project"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_missing_project_brings_its_neighbours() {
        let problem =
            resolve(&ProjectReference::parse("Marketting").unwrap(), &site()).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "there is no project `Marketting` among the 12 projects the token's user may see"
        );
        assert!(problem.hint.unwrap().contains("(nearest: `Marketing`"));
        let unlike = resolve(&ProjectReference::parse("zzz").unwrap(), &site()).unwrap_err();
        assert!(!unlike.hint.unwrap().contains("nearest"));
        assert!(
            path(luid(77).as_str())
                .unwrap_err()
                .contains("project with LUID")
        );
    }

    #[test]
    fn a_circle_of_parents_ends() {
        let circle = projects(&[("a", Some(1)), ("b", Some(0))]);
        let found = resolve(&ProjectReference::parse("a").unwrap(), &circle).unwrap();
        assert_eq!(found.path, "b/a");
        let own = projects(&[("a", Some(0))]);
        let found = resolve(&ProjectReference::parse("a").unwrap(), &own).unwrap();
        assert_eq!(found.path, "a");
    }

    #[test]
    fn many_projects_in_a_circle_or_a_chain_cost_little() {
        let n = 6_000;
        let names: Vec<String> = (0..n).map(|index| format!("name {index}")).collect();
        for is_circle in [true, false] {
            let parent = |index: usize| match index {
                0 => is_circle.then_some(n - 1),
                _ => Some(index - 1),
            };
            let given = names.iter().enumerate();
            let given: Vec<(&str, Option<usize>)> = given
                .map(|(index, name)| (name.as_str(), parent(index)))
                .collect();
            let projects = projects(&given);
            let found = resolve(&ProjectReference::parse("name 5999").unwrap(), &projects);
            let path = found.unwrap().path;
            assert_eq!(path.split('/').count(), LEVELS);
            let missing = resolve(&ProjectReference::parse("nome 5999").unwrap(), &projects);
            let hint = missing.unwrap_err().hint.unwrap();
            assert!(hint.contains("name 5999`") && hint.len() < 10_000, "{hint}");
        }
    }
}
