//! Which site the suite talks to: the variables `TABLEAU_TEST_…`.

use secrecy::SecretString;

/// The variables that name a site; the last two are a personal access token.
const NEEDED: [&str; 4] = [
    "TABLEAU_TEST_SERVER",
    "TABLEAU_TEST_SITE",
    "TABLEAU_TEST_PAT_NAME",
    "TABLEAU_TEST_PAT_SECRET",
];
/// A project there is already; without it the suite makes one.
const PROJECT: &str = "TABLEAU_TEST_PROJECT";

/// What signing in to a site takes.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) server: String,
    /// Empty is the default site of a Tableau Server.
    pub(crate) content_url: String,
    pub(crate) token_name: String,
    pub(crate) token_secret: SecretString,
}

/// Where the suite publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    /// In a project it makes, and deletes at the end.
    OwnProject,
    /// In a project there is: its name, path or LUID.
    Given(String),
}

/// Reads the variables: nothing if none is set, an error that names the missing ones if some are.
///
/// An empty value counts as missing, because that is what a workflow makes of a secret it does not have. Only the
/// site may be empty: so the default one is written.
pub(crate) fn read(
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<(Access, Where)>, String> {
    let filled = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let site = variable("TABLEAU_TEST_SITE");
    let is_there = |name: &str| match name {
        "TABLEAU_TEST_SITE" => site.is_some(),
        _ => filled(name).is_some(),
    };
    if filled(PROJECT).is_none() && NEEDED.iter().all(|name| filled(name).is_none()) {
        return Ok(None);
    }
    let missing: Vec<&str> = NEEDED.into_iter().filter(|name| !is_there(name)).collect();
    if !missing.is_empty() {
        return Err(format!(
            "some variables of a real site are set, but not {}; set them, or none at all",
            missing.join(", ")
        ));
    }
    let access = Access {
        server: filled(NEEDED[0]).unwrap().trim_end_matches('/').to_owned(),
        content_url: site.unwrap(),
        token_name: filled(NEEDED[2]).unwrap(),
        token_secret: filled(NEEDED[3]).unwrap().into(),
    };
    let place = filled(PROJECT).map_or(Where::OwnProject, Where::Given);
    Ok(Some((access, place)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "the secret of a test";
    const ALL: [(&str, &str); 4] = [
        (NEEDED[0], "https://tableau.example.com/"),
        (NEEDED[1], "acme"),
        (NEEDED[2], "ci"),
        (NEEDED[3], SECRET),
    ];

    fn read_from(set: &[(&str, &str)]) -> Result<Option<(Access, Where)>, String> {
        read(|name| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn no_variable_is_no_site() {
        assert!(read_from(&[]).unwrap().is_none());
        let empty = NEEDED.map(|name| (name, ""));
        assert!(read_from(&empty).unwrap().is_none());
    }

    #[test]
    fn all_variables_are_a_site() {
        let (access, place) = read_from(&ALL).unwrap().unwrap();
        assert_eq!(access.server, "https://tableau.example.com");
        assert_eq!(place, Where::OwnProject);
        assert!(!format!("{access:?}").contains(SECRET));
        let given = [ALL.as_slice(), &[(PROJECT, "Sandbox")]].concat();
        let (_, place) = read_from(&given).unwrap().unwrap();
        assert_eq!(place, Where::Given("Sandbox".to_owned()));
        let default = [&ALL[..1], &[(NEEDED[1], "")], &ALL[2..]].concat();
        let (access, _) = read_from(&default).unwrap().unwrap();
        assert_eq!(access.content_url, "");
    }

    #[test]
    fn some_variables_are_an_error_that_names_the_others() {
        for missing in 0..ALL.len() {
            let mut set = ALL.to_vec();
            let (name, _) = set.remove(missing);
            let error = read_from(&set).unwrap_err();
            assert!(error.contains(&format!("not {name};")), "{error}");
            assert!(!error.contains(SECRET), "{error}");
        }
        let error = read_from(&[(PROJECT, "Sandbox"), ALL[0]]).unwrap_err();
        let named = "not TABLEAU_TEST_SITE, TABLEAU_TEST_PAT_NAME, TABLEAU_TEST_PAT_SECRET;";
        assert!(error.contains(named), "{error}");
    }
}
