//! Projects: listing them, and adding them to a site under construction.

use super::call::{Answer, Query};
use super::error::ApiError;
use super::listing::{Kind, Listing};
use super::{Project, Site};
use crate::xml::Element;

const FIELDS: &[(&str, Kind)] = &[
    ("createdAt", Kind::Time),
    ("name", Kind::Text),
    ("ownerDomain", Kind::Text),
    ("ownerEmail", Kind::Text),
    ("ownerName", Kind::Text),
    ("parentProjectId", Kind::Text),
    ("topLevelProject", Kind::Flag),
    ("updatedAt", Kind::Time),
];

impl Site {
    /// Adds a project, at the top level or within another, and returns its LUID.
    pub fn add_project(&mut self, name: &str, parent: Option<&str>) -> String {
        let luid = self.ids.luid();
        self.projects.push(Project {
            luid: luid.clone(),
            name: name.to_owned(),
            parent: parent.map(str::to_owned),
            description: String::new(),
            owner: self
                .users
                .first()
                .map(|user| user.luid.clone())
                .unwrap_or_default(),
            created_at: self.now(),
        });
        luid
    }

    /// Adds many projects at the top level, named `Project 0001` and so on.
    pub fn add_projects(&mut self, count: usize) {
        for n in 1..=count {
            self.add_project(&format!("Project {n:04}"), None);
        }
    }

    /// Adds projects each of which lies in the next one and the last in the first, named `Circle 0001` and so on.
    pub fn add_circle_of_projects(&mut self, count: usize) {
        let first = self.projects.len();
        for n in 1..=count {
            self.add_project(&format!("Circle {n:04}"), None);
        }
        for index in 0..count {
            let around = self.projects[first + (index + 1) % count].luid.clone();
            self.projects[first + index].parent = Some(around);
        }
    }

    pub(super) fn query_projects(&self, query: &Query) -> Result<Answer, ApiError> {
        let values = |project: &&Project, field: &str| match field {
            "createdAt" | "updatedAt" => vec![project.created_at.clone()],
            "name" => vec![project.name.clone()],
            "ownerName" => self
                .user(&project.owner)
                .map(|user| user.name.clone())
                .into_iter()
                .collect(),
            "parentProjectId" => project.parent.iter().cloned().collect(),
            "topLevelProject" => vec![project.parent.is_none().to_string()],
            _ => Vec::new(),
        };
        let listing = Listing {
            fields: FIELDS,
            values: &values,
            case: self.settings.filter_case,
        };
        let element = |project: &Project| {
            Element::new("project")
                .with("id", &project.luid)
                .with("name", &project.name)
                .with("description", &project.description)
                .with("contentPermissions", "ManagedByOwner")
                .maybe("parentProjectId", project.parent.as_ref())
                .maybe("controllingPermissionsProjectId", project.parent.as_ref())
                .with("createdAt", &project.created_at)
                .with("updatedAt", &project.created_at)
                .child(Element::new("owner").with("id", &project.owner))
        };
        let page = listing.page(query, self.projects.iter().collect());
        let page =
            page.map(|(pagination, found)| (pagination, found.into_iter().map(element).collect()));
        let (pagination, projects) = self.settings.paging.spoil(query, "project", page)?;
        Ok(Answer::document(
            200,
            [pagination, Element::new("projects").children(projects)],
        ))
    }

    /// Every site has a default project; its name is compared in any case.
    pub(super) fn default_project(&self) -> Option<&Project> {
        self.projects.iter().find(|project| {
            project.parent.is_none() && project.name.eq_ignore_ascii_case("default")
        })
    }
}
