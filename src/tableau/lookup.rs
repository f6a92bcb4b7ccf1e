//! Finds a data source on the site, before and after it is published.

use std::time::{Duration, Instant};

use super::call::encode;
use super::error::Failure;
use super::job::Waits;
use super::name::{DatasourceName, Luid};
use super::project::Place;
use super::session::Session;
use super::xml::Datasource;
use crate::events::Event;

/// Characters a filter cannot hold, however they are encoded ("Filtering and Sorting").
const SPECIAL: &[char] = &[',', '&', ':', '[', ']', '*'];

/// What is looked for.
pub(super) struct Target<'t> {
    pub(super) name: &'t DatasourceName,
    pub(super) place: Place,
}

/// What was seen of a data source, compared with what was there before.
#[derive(Debug)]
pub(super) enum Sight {
    /// It is new, or its server times differ.
    Changed(Datasource),
    /// It looks as before.
    Same(Datasource),
    /// It is not there.
    Absent,
}

/// Looks a data source up by name and project; Tableau ignores the case of names.
pub(super) async fn find(
    session: &mut Session<'_>,
    target: &Target<'_>,
) -> Result<Option<Datasource>, Failure> {
    let [narrow, wide] = filters(target.name.as_str(), &target.place.name);
    let found = session.query_data_sources(narrow).await?;
    if let Some(datasource) = pick(found, target, session) {
        return Ok(Some(datasource));
    }
    // Wildcards are unknown to older servers, and whether a filter ignores case is not documented.
    let found = session.query_data_sources(wide).await?;
    Ok(pick(found, target, session))
}

/// Looks until the data source has changed, or until the patience for what is seen is over.
pub(super) async fn watch(
    session: &mut Session<'_>,
    target: &Target<'_>,
    (before, known): (Option<&Datasource>, Option<&Luid>),
    patience: impl Fn(&Sight) -> Duration,
) -> Result<Sight, Failure> {
    let began = Instant::now();
    let mut waits = Waits::new(session.pace);
    loop {
        let sight = look(session, target, known)
            .await
            .map(|seen| compare(before, seen));
        match sight {
            Ok(sight) => {
                let is_over = began.elapsed() >= patience(&sight);
                if is_over || matches!(sight, Sight::Changed(_)) {
                    return Ok(sight);
                }
            }
            Err(failure)
                if failure.is_transient() && began.elapsed() < patience(&Sight::Absent) => {}
            Err(failure) => return Err(failure),
        }
        tokio::time::sleep(waits.next()).await;
    }
}

async fn look(
    session: &mut Session<'_>,
    target: &Target<'_>,
    known: Option<&Luid>,
) -> Result<Option<Datasource>, Failure> {
    if let Some(id) = known {
        match session.query_data_source(id).await {
            // Moved or renamed meanwhile: what has the name and place now is another one.
            Ok(found) if !is_wanted(&found, target) => {}
            // Deleted meanwhile; another may have taken its name.
            Err(failure) if failure.code() == Some("404004") => {}
            outcome => return outcome.map(Some),
        }
    }
    find(session, target).await
}

fn compare(before: Option<&Datasource>, seen: Option<Datasource>) -> Sight {
    let times =
        |datasource: &Datasource| (datasource.created_at.clone(), datasource.updated_at.clone());
    match (before, seen) {
        (_, None) => Sight::Absent,
        (Some(before), Some(seen)) if before.id == seen.id && times(before) == times(&seen) => {
            Sight::Same(seen)
        }
        (_, Some(seen)) => Sight::Changed(seen),
    }
}

fn is_wanted(datasource: &Datasource, target: &Target<'_>) -> bool {
    target.name.is_same(&datasource.name) && datasource.project.as_ref() == Some(&target.place.id)
}

fn pick(found: Vec<Datasource>, target: &Target<'_>, session: &Session<'_>) -> Option<Datasource> {
    let mut fits = found;
    fits.retain(|datasource| is_wanted(datasource, target));
    if fits.len() > 1 {
        let ids: Vec<&str> = fits
            .iter()
            .map(|datasource| datasource.id.as_str())
            .collect();
        let text = format!(
            "Tableau lists `{}` more than once in this project: {}",
            target.name,
            ids.join(", ")
        );
        session.observer.on(Event::Warning(text));
        // The one spelled alike, if there is such a one.
        fits.sort_by_key(|datasource| datasource.name != target.name.as_str());
    }
    fits.into_iter().next()
}

/// Two filters, percent-encoded: one that finds the name nearly always, and one that always does.
fn filters(name: &str, project: &str) -> [Option<String>; 2] {
    let narrow = format!("name:eq:{},projectName:eq:{}", value(name), value(project));
    let wide = (!project.contains(SPECIAL)).then(|| format!("projectName:eq:{}", value(project)));
    [Some(narrow), wide]
}

/// Replaces each character a filter cannot hold by the wildcard; the answer is compared exactly.
fn value(text: &str) -> String {
    text.split(SPECIAL)
        .map(encode)
        .collect::<Vec<_>>()
        .join("*")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datasource(id: &str, updated: &str) -> Datasource {
        Datasource {
            id: Luid::from_server(id).unwrap(),
            name: "Orders".into(),
            project: None,
            description: None,
            created_at: Some("2026-01-01T00:00:00Z".into()),
            updated_at: Some(updated.into()),
            webpage_url: None,
        }
    }

    #[test]
    fn filters_hold_no_special_characters() {
        assert_eq!(
            filters("Orders", "Q1 Räume"),
            [
                Some("name:eq:Orders,projectName:eq:Q1%20R%C3%A4ume".to_owned()),
                Some("projectName:eq:Q1%20R%C3%A4ume".to_owned()),
            ]
        );
        assert_eq!(
            filters("Sales & Ops", "R&D [a], b:c*"),
            [
                Some("name:eq:Sales%20*%20Ops,projectName:eq:R*D%20*a**%20b*c*".to_owned()),
                None
            ]
        );
        assert_eq!(value("1+1/2"), "1%2B1%2F2");
    }

    #[test]
    fn a_change_shows_in_the_servers_own_times() {
        let before = datasource("a", "1");
        assert!(matches!(
            compare(Some(&before), Some(before.clone())),
            Sight::Same(_)
        ));
        assert!(matches!(
            compare(Some(&before), Some(datasource("a", "2"))),
            Sight::Changed(_)
        ));
        assert!(matches!(
            compare(Some(&before), Some(datasource("b", "1"))),
            Sight::Changed(_)
        ));
        assert!(matches!(
            compare(None, Some(before.clone())),
            Sight::Changed(_)
        ));
        assert!(matches!(compare(Some(&before), None), Sight::Absent));
    }
}
