//! The mini-languages of the inputs: lines, pairs, addresses, times, paths.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::access::{self, carries_secret};
use super::lines::{Entry, entries, pairs};
use super::network;
use super::raw::Raw;
use super::{Machine, Problems, paginate};
use crate::http::Url;
use crate::hyper::{INPUT, TableName};
use crate::source::{Charset, Format, Location, Spec, TableSource, WorkspacePath};
use crate::tableau::{
    DatasourceName, Description, Destination, PersonalAccessToken, ProjectReference, PublishMode,
    SiteContentUrl, Tag, TokenName, TokenSecret,
};

/// The workspace under both of its names.
pub(super) struct Place {
    inside: PathBuf,
    // The runner translates only the beginning of a value; on later lines the host's path remains.
    outside: Option<PathBuf>,
}

impl Place {
    /// `runner_workspace` is the host folder that holds the checkout (`RUNNER_WORKSPACE`).
    pub(super) fn new(workspace: &Path, runner_workspace: Option<&str>) -> Place {
        let outside = runner_workspace
            .map(Path::new)
            .and_then(|parent| Some(parent.join(parent.file_name()?)));
        Place {
            inside: workspace.to_owned(),
            outside,
        }
    }

    pub(super) fn parse(&self, text: &str) -> Result<WorkspacePath, String> {
        let rest = self
            .outside
            .as_ref()
            .and_then(|outside| Path::new(text).strip_prefix(outside).ok());
        let text = rest.and_then(Path::to_str).unwrap_or(text);
        WorkspacePath::parse(text, &self.inside)
    }
}

/// A whole number from 0.
pub(super) fn count(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a whole number: write digits only, such as `1000`"))
}

/// What YAML 1.2 and the runner's own toolkit take for a boolean.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "true" | "True" | "TRUE" => Ok(true),
        "false" | "False" | "FALSE" => Ok(false),
        _ => {
            let plain = text.trim_matches(['"', '\'']).to_ascii_lowercase();
            let meant = match plain.as_str() {
                "false" | "no" | "off" | "n" | "0" => ": write `false`",
                "true" | "yes" | "on" | "y" | "1" => ": write `true`",
                _ => "",
            };
            Err(format!("`{text}` is neither `true` nor `false`{meant}"))
        }
    }
}

/// `60m`, `90s`, `1h 30m`; `0` is no time at all.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let parsed: Option<jiff::SignedDuration> = text.parse().ok();
    parsed
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| {
            format!(
                "`{text}` is no length of time: write it with a unit, such as `60m`, `90s` or `0`"
            )
        })
}

/// `source` and all that says how to ask for it.
pub(super) fn source(raw: &Raw, place: &Place, problems: &mut Problems) -> Spec {
    let lines = entries(raw, "params", problems);
    let params = pairs(&lines, "params", problems);
    let params: Vec<(String, String)> = params
        .into_iter()
        .map(|(_, name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let format = problems
        .take("format", raw.get("format").map(format))
        .flatten();
    let body = raw.get("body").map(str::to_owned);
    let mut tables = tables(raw, place, &params, problems);
    let common = access::access(raw, &mut tables, problems);
    if tables.iter().any(|table| {
        let access = table.access.as_ref().unwrap_or(&common);
        carries_secret(access) && is_readable_on_the_way(table)
    }) {
        problems.add(
            "source",
            "credentials would travel unencrypted: use `https://`",
        );
    }
    if let Some(problem) = access::shared_secret(&params, &tables) {
        problems.add("params", problem);
    }
    let mut locations = tables.iter().flat_map(|table| &table.locations);
    let is_http = locations.any(|location| matches!(location, Location::Http(_)));
    if !is_http && !tables.is_empty() {
        for name in ["params", "headers", "auth", "query", "body"] {
            if raw.get(name).is_some() {
                problems.add(
                    name,
                    "goes with an `https://` source only; this source is a file",
                );
            }
        }
    }
    let query = paginate::query(raw, &params, problems);
    let paging = paginate::paging(raw, query.as_ref(), &tables, problems);
    Spec {
        tables,
        format,
        charset: Charset::default(),
        headers: common.headers,
        auth: common.auth,
        body,
        http: network::conduct(raw, problems),
        query,
        paging,
    }
}

/// The lines of `source`, by the names of their tables.
fn tables(
    raw: &Raw,
    place: &Place,
    params: &[(String, String)],
    problems: &mut Problems,
) -> Vec<TableSource> {
    let lines = entries(raw, "source", problems);
    let mut tables: Vec<TableSource> = Vec::new();
    // With GraphQL they are variables of the query.
    let params = match raw.get("query") {
        Some(_) => &[][..],
        None => params,
    };
    for entry in &lines {
        let (name, text) = split_name(entry.text);
        let location = location(text, place, params).map_err(|problem| entry.says(problem));
        let Some(location) = problems.take("source", Some(location)) else {
            continue;
        };
        let name = name.unwrap_or(INPUT);
        match tables.iter_mut().find(|table| table.name == name) {
            Some(table) => table.locations.push(location),
            None => tables.push(TableSource {
                name: name.to_owned(),
                locations: vec![location],
                access: None,
            }),
        }
    }
    let is_bare = |entry: &&Entry| split_name(entry.text).0.is_none();
    let bare: Vec<&Entry> = lines.iter().filter(is_bare).collect();
    if let Some(entry) = bare
        .first()
        .filter(|_| tables.len() > 1 && bare.len() < lines.len())
    {
        problems.add(
            "source",
            entry.says(
                "it has no name, and other lines have one (`name: location`): name all or none",
            ),
        );
    }
    if tables.len() > 1 && raw.get("sql").is_none() {
        problems.add("sql", "is required with several named sources: join them");
    }
    let is_told = problems.0.iter().any(|problem| problem.input == "source");
    if lines.is_empty() && !is_told {
        problems.add("source", "is required: the address or workspace file to read, such as `https://example.com/data.json`");
    }
    tables
}

fn is_readable_on_the_way(table: &TableSource) -> bool {
    table.locations.iter().any(|location| match location {
        Location::Http(url) => url.scheme() == "http" && !is_loopback(url),
        Location::File(_) => false,
    })
}

/// Everything that says where to publish, or `None` with `publish: false`.
pub(super) fn destination(raw: &Raw, problems: &mut Problems) -> Option<Destination> {
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

/// Where the file is built: in the workspace if the user says so, else in the runner's temp folder.
pub(super) fn hyper_path(
    raw: &Raw,
    (place, machine): (&Place, &Machine),
    table: &TableName,
    problems: &mut Problems,
) -> PathBuf {
    if let Some(text) = raw.get("hyper") {
        let path = problems.take("hyper", Some(place.parse(text)));
        let path = path
            .map(|path| path.as_str().to_owned())
            .unwrap_or_default();
        if !path.is_empty() && !path.to_ascii_lowercase().ends_with(".hyper") {
            problems.add(
                "hyper",
                format!("`{path}` does not end in `.hyper`, which Tableau wants"),
            );
        }
        return machine.workspace.join(path);
    }
    let name = raw.get("datasource").unwrap_or(table.as_str());
    machine.temp.join(file_name(name))
}

/// A file name that every file system and the outputs file take.
fn file_name(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '.' | '-' | '_' | '(' | ')');
    let plain: String = name
        .trim()
        .chars()
        .take(60)
        .map(|c| if is_plain(c) { c } else { '_' })
        .collect();
    match plain.trim_start_matches('.') {
        "" => "extract.hyper".into(),
        plain => format!("{plain}.hyper"),
    }
}

fn required(name: &'static str, what: &str) -> String {
    let secret = if name.starts_with("pat-") {
        "; is the secret defined? Workflows of forks and Dependabot get none"
    } else {
        ""
    };
    format!("is required to publish: {what}{secret}")
}

fn location(line: &str, place: &Place, params: &[(String, String)]) -> Result<Location, String> {
    let Some((scheme, _)) = line.split_once("://") else {
        return place.parse(line).map(Location::File);
    };
    if scheme == "file" {
        return Err("a file is named by its path in the workspace, without `file://`, such as `data/orders.csv`".into());
    }
    if !matches!(scheme, "http" | "https") {
        let likely = nearest(scheme, &["https"]);
        return Err(format!(
            "`{scheme}://` is not supported: give an `https://` address or a file of the workspace{likely}"
        ));
    }
    let mut url = Url::parse(line).map_err(|error| format!("it is no valid address: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "the address holds a user or password: give them as `auth: basic USER:PASSWORD`".into(),
        );
    }
    for (name, value) in params {
        if url.query_pairs().any(|(given, _)| given == name.as_str()) {
            return Err(format!(
                "the parameter `{name}` is in the address and in `params`: keep one of them"
            ));
        }
        url.query_pairs_mut().append_pair(name, value);
    }
    Ok(Location::Http(url))
}

/// `orders: https://…` is a table of its own; a name is a word, and a blank follows its colon.
fn split_name(line: &str) -> (Option<&str>, &str) {
    let Some((name, rest)) = line.split_once(':') else {
        return (None, line);
    };
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_word =
        name.starts_with(is_start) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_word && rest.starts_with(char::is_whitespace) {
        (Some(name), rest.trim_start())
    } else {
        (None, line)
    }
}

fn format(text: &str) -> Result<Option<Format>, String> {
    if text == "auto" {
        return Ok(None);
    }
    let lower = text.to_ascii_lowercase();
    if ["xls", "xlsx", "xlsm", "xlsb", "excel", "ods"].contains(&lower.as_str()) {
        return Err(format!(
            "`{text}` is not read: save the sheet as CSV, or let the source deliver CSV or JSON"
        ));
    }
    let found = Format::ALL.into_iter().find(|format| format.name() == text);
    found.map(Some).ok_or_else(|| {
        let names: Vec<&str> = ["auto"].into_iter().chain(Format::names()).collect();
        format!(
            "`{text}` is not one of {}{}",
            names.join(", "),
            nearest(text, &names)
        )
    })
}

pub(super) fn mode(text: &str) -> Result<PublishMode, String> {
    const MODES: [(&str, PublishMode); 3] = [
        ("overwrite", PublishMode::Overwrite),
        ("append", PublishMode::Append),
        ("create-new", PublishMode::CreateNew),
    ];
    let found = MODES
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, mode)| *mode);
    found.ok_or_else(|| {
        let names = MODES.map(|(name, _)| name);
        format!(
            "`{text}` is not one of {}{}",
            names.join(", "),
            nearest(text, &names)
        )
    })
}

/// Returns `; did you mean …?`, or nothing if none of the names is near.
pub(super) fn nearest(text: &str, names: &[&str]) -> String {
    let found = names
        .iter()
        .map(|name| (strsim::jaro_winkler(&text.to_ascii_lowercase(), name), name));
    match found.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((likeness, name)) if likeness > 0.7 => format!("; did you mean `{name}`?"),
        _ => String::new(),
    }
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

/// Whether an address is on this machine: nobody listens on the way.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse()
            .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
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

    #[test]
    fn times_have_units() {
        assert_eq!(duration("60m"), Ok(Duration::from_hours(1)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_mins(90)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert!(duration("60").unwrap_err().contains("unit"));
        assert!(duration("-5m").is_err());
    }

    #[test]
    fn a_host_path_on_a_later_line_is_translated() {
        let place = Place::new(
            Path::new("/github/workspace"),
            Some("/home/runner/work/repo"),
        );
        assert_eq!(
            place
                .parse("/home/runner/work/repo/repo/a.csv")
                .map(|path| path.as_str().to_owned()),
            Ok("a.csv".into())
        );
        assert!(place.parse("/home/runner/work/other/a.csv").is_err());
    }

    #[test]
    fn a_data_source_name_becomes_a_file_name() {
        assert_eq!(file_name("Sales & Ops / ../x"), "Sales _ Ops _ .._x.hyper");
        assert_eq!(file_name("../x"), "_x.hyper");
        assert_eq!(file_name("Größe, Maß"), "Größe_ Maß.hyper");
    }
}
