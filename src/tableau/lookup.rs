//! Finds a data source on the site, before and after it is published.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::answers::Datasource;
use super::backoff::Backoff;
use super::call::encode;
use super::calls;
use super::destination::PublishMode;
use super::failure::CallFailure;
use super::names::{DatasourceName, Luid};
use super::project::{FoundProject, some_of};
use super::session::Session;
use crate::events::Event;

/// Characters a filter cannot hold, however they are encoded ("Filtering and Sorting").
const SPECIAL: &[char] = &[',', '&', ':', '[', ']', '*'];

/// Which data source is meant: Tableau keeps one of a name in a project.
pub(super) struct DatasourceKey<'t> {
    pub(super) name: &'t DatasourceName,
    pub(super) project: FoundProject,
}

/// What was seen of a data source, compared with what was there before.
#[derive(Debug)]
pub(super) enum Comparison {
    /// It was published after the commit began, or one of its own times is later.
    Changed(Datasource),
    /// It was not listed before, and may have been there all the same: lists are late.
    Doubtful(Datasource),
    /// It looks as before.
    Same(Datasource),
    /// It is not there.
    Absent,
}

/// What was known before the commit, which tells a change from what was there.
pub(super) struct Baseline<'w> {
    /// As it was right before the commit, by its LUID; nothing if no list showed it.
    pub(super) before: Option<&'w Datasource>,
    /// Where to look, if that is known.
    pub(super) known: Option<&'w Luid>,
    /// Tableau's clock before the commit, rounded down to the second.
    pub(super) since: Option<Timestamp>,
    pub(super) mode: PublishMode,
}

/// Looks a data source up by name and project; Tableau ignores the case of names.
pub(super) async fn find(
    session: &mut Session<'_>,
    key: &DatasourceKey<'_>,
) -> Result<Option<Datasource>, CallFailure> {
    let [narrow, wide] = filters(key.name.as_str(), &key.project.name);
    let found = calls::query_data_sources(session, narrow).await?;
    if let Some(datasource) = pick(found, key, session) {
        return Ok(Some(datasource));
    }
    // Wildcards are unknown to older servers, and whether a filter ignores case is not documented.
    let found = calls::query_data_sources(session, wide).await?;
    Ok(pick(found, key, session))
}

/// Looks up a data source that must be there; one created a moment ago may not be listed yet.
pub(super) async fn expect(
    session: &mut Session<'_>,
    key: &DatasourceKey<'_>,
) -> Result<Option<Datasource>, CallFailure> {
    let began = Instant::now();
    let mut backoff = Backoff::new(session.pace);
    loop {
        let found = find(session, key).await?;
        if found.is_some() || began.elapsed() >= session.pace.index_lag / 6 {
            return Ok(found);
        }
        tokio::time::sleep(backoff.next()).await;
    }
}

/// Looks until the data source has changed, or until the patience for what is seen is over.
pub(super) async fn watch(
    session: &mut Session<'_>,
    key: &DatasourceKey<'_>,
    baseline: &Baseline<'_>,
    patience: impl Fn(&Comparison) -> Duration,
) -> Result<Comparison, CallFailure> {
    let began = Instant::now();
    let mut backoff = Backoff::new(session.pace);
    loop {
        let comparison = look(session, key, baseline.known)
            .await
            .map(|seen| compare(baseline, seen));
        match comparison {
            Ok(comparison) => {
                let is_over = began.elapsed() >= patience(&comparison);
                if is_over || matches!(comparison, Comparison::Changed(_)) {
                    return Ok(comparison);
                }
            }
            Err(failure)
                if failure.is_transient() && began.elapsed() < patience(&Comparison::Absent) => {}
            Err(failure) => return Err(failure),
        }
        tokio::time::sleep(backoff.next()).await;
    }
}

/// Looks once: at the data source itself if its LUID is known and it is still the one, else in lists.
pub(super) async fn look(
    session: &mut Session<'_>,
    key: &DatasourceKey<'_>,
    known: Option<&Luid>,
) -> Result<Option<Datasource>, CallFailure> {
    if let Some(id) = known {
        match calls::query_data_source(session, id).await {
            // Moved or renamed meanwhile: what has the name and project now is another one.
            Ok(found) if !is_wanted(&found, key) => {}
            // Deleted meanwhile; another may have taken its name.
            Err(failure) if failure.code() == Some("404004") => {}
            outcome => return outcome.map(Some),
        }
    }
    find(session, key).await
}

/// Times are Tableau's own; this machine's clock does not count.
///
/// What was there before was looked at by its LUID, which is not late, so any later time is a change.
/// What was not must be younger than the commit, by a whole second as neither clock shows less:
/// an older run's work would have to be stamped by a clock that is ahead by as long as the upload took.
fn compare(baseline: &Baseline<'_>, seen: Option<Datasource>) -> Comparison {
    let Some(seen) = seen else {
        return Comparison::Absent;
    };
    if let Some(before) = baseline.before.filter(|before| before.id == seen.id) {
        return if is_later(seen.created_at.as_deref(), before.created_at.as_deref())
            || is_later(seen.updated_at.as_deref(), before.updated_at.as_deref())
        {
            Comparison::Changed(seen)
        } else {
            Comparison::Same(seen)
        };
    }
    let stamp = match baseline.mode {
        PublishMode::Overwrite => seen.updated_at.as_ref().or(seen.created_at.as_ref()),
        PublishMode::CreateNew => seen.created_at.as_ref(),
        // It appends to what there is; another one is not it.
        PublishMode::Append => None,
    };
    let stamp = stamp.and_then(|stamp| stamp.parse().ok());
    if stamp
        .zip(baseline.since)
        .is_some_and(|(stamp, since): (Timestamp, _)| stamp.as_second() > since.as_second())
    {
        Comparison::Changed(seen)
    } else {
        Comparison::Doubtful(seen)
    }
}

/// A time that has gone back is no change: one of several machines may answer from an old copy.
fn is_later(seen: Option<&str>, before: Option<&str>) -> bool {
    let time = |text: Option<&str>| text?.parse::<Timestamp>().ok();
    match (time(seen), time(before)) {
        (Some(seen), Some(before)) => seen > before,
        _ => seen != before,
    }
}

fn is_wanted(datasource: &Datasource, key: &DatasourceKey<'_>) -> bool {
    key.name.is_same(&datasource.name) && datasource.project.as_ref() == Some(&key.project.id)
}

fn pick(
    found: Vec<Datasource>,
    key: &DatasourceKey<'_>,
    session: &Session<'_>,
) -> Option<Datasource> {
    let mut fits = found;
    fits.retain(|datasource| is_wanted(datasource, key));
    if fits.len() > 1 {
        let ids = fits.iter().map(|datasource| datasource.id.to_string());
        let text = format!(
            "Tableau lists `{}` more than once in this project: {}",
            key.name,
            some_of(ids.collect())
        );
        session.observer.on(Event::Warning(text));
        // The one spelled alike, if there is such a one.
        fits.sort_by_key(|datasource| datasource.name != key.name.as_str());
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

    fn comparison(
        mode: PublishMode,
        before: Option<&Datasource>,
        seen: Option<Datasource>,
    ) -> String {
        let baseline = Baseline {
            before,
            known: None,
            since: "2026-01-01T00:00:05Z".parse().ok(),
            mode,
        };
        let comparison = format!("{:?}", compare(&baseline, seen));
        comparison.split('(').next().unwrap().to_owned()
    }

    #[test]
    fn a_change_shows_in_the_servers_own_times() {
        let before = datasource("a", "1");
        for mode in [
            PublishMode::Overwrite,
            PublishMode::Append,
            PublishMode::CreateNew,
        ] {
            let look = |seen| comparison(mode, Some(&before), seen);
            assert_eq!(look(Some(before.clone())), "Same");
            assert_eq!(look(Some(datasource("a", "2"))), "Changed");
            assert_eq!(look(Some(datasource("b", "1"))), "Doubtful");
            assert_eq!(look(None), "Absent");
        }
    }

    #[test]
    fn a_time_that_goes_back_is_no_change() {
        let before = datasource("a", "2026-01-01T00:00:09Z");
        let look = |updated: &str| {
            comparison(
                PublishMode::Append,
                Some(&before),
                Some(datasource("a", updated)),
            )
        };
        assert_eq!(look("2026-01-01T00:00:08Z"), "Same");
        assert_eq!(look("2026-01-01T00:00:09.000Z"), "Same");
        assert_eq!(look("2026-01-01T00:00:10Z"), "Changed");
    }

    #[test]
    fn what_was_not_listed_must_be_younger_than_the_commit() {
        let appeared = |mode, created: &str, updated: &str| {
            let mut seen = datasource("a", updated);
            seen.created_at = Some(created.to_owned());
            comparison(mode, None, Some(seen))
        };
        let (old, same, new) = (
            "2026-01-01T00:00:04Z",
            "2026-01-01T00:00:05Z",
            "2026-01-01T00:00:06Z",
        );
        for (created, updated, overwrite, create_new) in [
            (old, old, "Doubtful", "Doubtful"),
            (old, same, "Doubtful", "Doubtful"),
            (old, new, "Changed", "Doubtful"),
            (new, new, "Changed", "Changed"),
            ("yesterday", "today", "Doubtful", "Doubtful"),
        ] {
            let place = format!("{created} {updated}");
            let look = |mode| appeared(mode, created, updated);
            assert_eq!(look(PublishMode::Overwrite), overwrite, "{place}");
            assert_eq!(look(PublishMode::CreateNew), create_new, "{place}");
            assert_eq!(look(PublishMode::Append), "Doubtful", "{place}");
        }
        let undated = Baseline {
            before: None,
            known: None,
            since: None,
            mode: PublishMode::Overwrite,
        };
        let seen = compare(&undated, Some(datasource("a", new)));
        assert!(matches!(seen, Comparison::Doubtful(_)));
    }
}
