//! Projects: listing, creating and deleting them, and adding them to a site under construction.

use super::call::{Answer, Call, Query};
use super::error::{ApiError, Refusal};
use super::listing::{Kind, Listing};
use super::{Project, Site, malformed};
use crate::xml::{Element, schema};

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

const CONTENT_PERMISSIONS: [&str; 3] = [
    "LockedToProject",
    "LockedToProjectWithoutNested",
    "ManagedByOwner",
];

impl Project {
    fn element(&self) -> Element {
        Element::new("project")
            .with("id", &self.luid)
            .with("name", &self.name)
            .with("description", &self.description)
            .with("contentPermissions", "ManagedByOwner")
            .maybe("parentProjectId", self.parent.as_ref())
            .maybe("controllingPermissionsProjectId", self.parent.as_ref())
            .with("createdAt", &self.created_at)
            .with("updatedAt", &self.created_at)
            .child(Element::new("owner").with("id", &self.owner))
    }
}

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
        let page = listing.page(query, self.projects.iter().collect());
        let page = page.map(|(pagination, found)| {
            (
                pagination,
                found.into_iter().map(Project::element).collect(),
            )
        });
        let (pagination, projects) = self.settings.paging.spoil(query, "project", page)?;
        Ok(Answer::document(
            200,
            [pagination, Element::new("projects").children(projects)],
        ))
    }

    /// Names are unique among siblings, in any case.
    pub(super) fn create_project(&mut self, call: &Call) -> Result<Answer, Refusal> {
        let document = schema::read(call.document(), &schema::PROJECT).map_err(malformed)?;
        let name = document.attribute("name").unwrap_or_default();
        if name.trim().is_empty() {
            return Err(malformed("The name must not be empty.".to_owned()));
        }
        let permissions = document.attribute("contentPermissions");
        if permissions.is_some_and(|permissions| !CONTENT_PERMISSIONS.contains(&permissions)) {
            return Err(ApiError::new(
                400_008,
                "The value of the attribute 'contentPermissions' is not valid.",
            )
            .into());
        }
        let parent = document.attribute("parentProjectId");
        if let Some(parent) = parent {
            self.find_project(parent)?;
        }
        let taken = self.projects.iter().any(|project| {
            project.parent.as_deref() == parent
                && project.name.to_lowercase() == name.to_lowercase()
        });
        if taken {
            return Err(ApiError::new(
                409_006,
                format!("A project with the name '{name}' already exists."),
            )
            .into());
        }
        let description = document.attribute("description").unwrap_or_default();
        self.add_project(name, parent);
        let Some(project) = self.projects.last_mut() else {
            return Err(Refusal::Html(500));
        };
        description.clone_into(&mut project.description);
        Ok(Answer::document(201, [project.element()]))
    }

    /// What lies in a project goes with it.
    pub(super) fn delete_project(&mut self, luid: &str) -> Result<Answer, ApiError> {
        self.find_project(luid)?;
        if self
            .default_project()
            .is_some_and(|project| project.luid == luid)
        {
            return Err(ApiError::new(
                403_003,
                "The default project cannot be deleted.",
            ));
        }
        let mut gone = vec![luid.to_owned()];
        let mut next = 0;
        while let Some(around) = gone.get(next).cloned() {
            let within = self
                .projects
                .iter()
                .filter(|project| project.parent.as_ref() == Some(&around));
            gone.extend(within.map(|project| project.luid.clone()));
            next += 1;
        }
        let contents: Vec<String> = self
            .datasources
            .iter()
            .filter(|datasource| gone.contains(&datasource.project))
            .map(|datasource| datasource.luid.clone())
            .collect();
        for datasource in contents {
            self.delete_data_source(&datasource)?;
        }
        self.projects
            .retain(|project| !gone.contains(&project.luid));
        Ok(Answer::empty(204))
    }

    /// Every site has a default project; its name is compared in any case.
    pub(super) fn default_project(&self) -> Option<&Project> {
        self.projects.iter().find(|project| {
            project.parent.is_none() && project.name.eq_ignore_ascii_case("default")
        })
    }
}
