//! Inputs that say where to publish: server, site, token, project, data source.

use super::lines::entries;
use super::problems::{InputProblems, NO_SECRET};
use super::raw::Raw;
use super::words::{boolean, duration, is_loopback, mode};
use crate::http::Url;
use crate::tableau::{
    DatasourceName, Description, Destination, PersonalAccessToken, ProjectReference, PublishMode,
    SiteContentUrl, Tag, TokenName, TokenSecret,
};

/// Everything that says where to publish, or `None` with `publish: false`.
pub(super) fn destination(raw: &Raw, problems: &mut InputProblems) -> Option<Destination> {
    // What is required to publish is not missed while nobody knows whether that is wanted.
    let publish = raw.get("publish").map_or(Ok(true), boolean);
    let wanted = problems.take("publish", Some(publish)).unwrap_or(false);
    let mode = problems
        .take("mode", raw.get("mode").map(mode))
        .unwrap_or(PublishMode::Overwrite);
    let wait = problems.take("wait", Some(duration(raw.get("wait").unwrap_or("60m"))));
    let description = problems.take(
        "description",
        raw.get("description").map(Description::parse),
    );
    let mut tags: Vec<Tag> = Vec::new();
    for entry in entries(raw, "tags", problems) {
        let words = entry.text.split(',').map(str::trim);
        for tag in words.filter(|tag| !tag.is_empty()) {
            let tag = Tag::parse(tag).map_err(|problem| entry.says(problem));
            tags.extend(problems.take("tags", Some(tag)));
        }
    }
    let datasource = problems.take(
        "datasource",
        raw.get("datasource").map(DatasourceName::parse),
    );
    let address = problems.take("server-url", raw.get("server-url").map(server));
    let site_text = raw
        .get("site")
        .or_else(|| address.as_ref().and_then(|(_, site)| site.as_deref()))
        .unwrap_or_default();
    let site = problems.take("site", Some(SiteContentUrl::parse(site_text)));
    let project = problems.take("project", raw.get("project").map(ProjectReference::parse));
    let name = problems.take("pat-name", raw.get("pat-name").map(TokenName::parse));
    let secret = problems.take("pat-secret", raw.get("pat-secret").map(TokenSecret::parse));
    if !wanted {
        return None;
    }
    for (name, what) in [
        ("server-url", "the address of Tableau in the browser"),
        ("pat-name", "the name of a personal access token"),
        ("pat-secret", "the secret of the personal access token"),
        ("project", "name, path or LUID of the project to publish to"),
        ("datasource", "the name of the published data source"),
    ] {
        if raw.get(name).is_none() {
            problems.add(name, required(name, what));
        }
    }
    let server = address.as_ref()?.0.clone();
    if site_text.is_empty()
        && server
            .host_str()
            .is_some_and(|host| host.ends_with("online.tableau.com"))
    {
        problems.add(
            "site",
            "is required on Tableau Cloud: the part after `/site/` in the browser's address",
        );
    }
    let token = problems.take("pat-name", Some(PersonalAccessToken::new(name?, secret?)))?;
    Some(Destination {
        server,
        site: site?,
        token,
        project: project?,
        datasource: datasource?,
        description,
        tags,
        mode,
        wait: wait?,
    })
}

fn required(name: &'static str, what: &str) -> String {
    let secret = if name.starts_with("pat-") {
        NO_SECRET
    } else {
        ""
    };
    format!("is required to publish: {what}{secret}")
}

/// The origin of Tableau, and the site if the address names one (`…/#/site/NAME/…`).
fn server(text: &str) -> Result<(Url, Option<String>), String> {
    let full = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let mut url = Url::parse(&full).map_err(|error| format!("it is no valid address: {error}"))?;
    if url.host_str().is_none_or(str::is_empty) || !matches!(url.scheme(), "http" | "https") {
        return Err(
            "it is no web address: write `https://` and the host, as in the browser".into(),
        );
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err("the token would travel unencrypted: use `https://`".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "the address holds a user or password: sign-in is by `pat-name` and `pat-secret`"
                .into(),
        );
    }
    let whole = format!("{}#{}", url.path(), url.fragment().unwrap_or_default());
    let site = whole
        .split_once("/site/")
        .map(|(_, rest)| rest.split(['/', '?']).next().unwrap_or_default().to_owned());
    url.set_path("/");
    url.set_query(None);
    url.set_fragment(None);
    Ok((url, site.filter(|site| !site.is_empty())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_pasted_from_the_browser_names_server_and_site() {
        let parse = |text| server(text).map(|(url, site)| (url.to_string(), site));
        let cloud = "https://10ax.online.tableau.com/".to_owned();
        assert_eq!(
            parse("https://10ax.online.tableau.com/#/site/acme/home"),
            Ok((cloud.clone(), Some("acme".into())))
        );
        assert_eq!(parse("10ax.online.tableau.com"), Ok((cloud.clone(), None)));
        assert_eq!(
            parse("https://10ax.online.tableau.com/t/x?y#/explore"),
            Ok((cloud, None))
        );
        assert_eq!(
            parse("http://127.0.0.1:8080/").map(|(url, _)| url),
            Ok("http://127.0.0.1:8080/".into())
        );
        assert!(
            parse("http://tableau.example.com")
                .unwrap_err()
                .contains("unencrypted")
        );
        assert!(parse("ftp://x").unwrap_err().contains("https://"));
    }
}
