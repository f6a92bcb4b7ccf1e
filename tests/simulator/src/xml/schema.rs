//! What request documents may contain, after Tableau's schema 3.29.

use super::{Element, parse, unexpected_element};

/// How often a child may occur.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Occurs {
    Once,
    AtMostOnce,
    Often,
}

/// Whether the schema's sequence is enforced for a child.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    InOrder,
    /// Real servers accept these children, which Tableau's own client sends, in any place.
    Anywhere,
}

/// An element of the schema.
pub(crate) struct Rule {
    name: &'static str,
    attributes: &'static [&'static str],
    children: &'static [(Rule, Occurs, Place)],
}

const SITE: Rule = Rule {
    name: "site",
    attributes: &["contentUrl", "id", "name", "revisionLimit"],
    children: &[],
};
const USER: Rule = Rule {
    name: "user",
    attributes: &["email", "fullName", "id", "lastLogin", "name", "siteRole"],
    children: &[],
};
const OWNER: Rule = Rule {
    name: "owner",
    ..USER
};
const TAG: Rule = Rule {
    name: "tag",
    attributes: &["label"],
    children: &[],
};
/// The document of creating a project, and where others name one.
pub(crate) const PROJECT: Rule = Rule {
    name: "project",
    attributes: &[
        "contentPermissions",
        "controllingPermissionsProjectId",
        "createdAt",
        "description",
        "favoritesTotal",
        "id",
        "name",
        "parentProjectId",
        "topLevelProject",
        "updatedAt",
        "writeable",
    ],
    children: &[(OWNER, Occurs::AtMostOnce, Place::InOrder)],
};
const CONNECTION_CREDENTIALS: Rule = Rule {
    name: "connectionCredentials",
    attributes: &["embed", "name", "oAuth", "password"],
    children: &[],
};
const CONNECTION: Rule = Rule {
    name: "connection",
    // `databaseName` and `connectionCredentials` are the spelling of requests, missing in the schema.
    attributes: &[
        "authenticationType",
        "databaseName",
        "dbClass",
        "embedPassword",
        "filename",
        "id",
        "oauthConfigId",
        "password",
        "queryTaggingEnabled",
        "serverAddress",
        "serverPort",
        "type",
        "userName",
    ],
    children: &[(CONNECTION_CREDENTIALS, Occurs::AtMostOnce, Place::InOrder)],
};

/// The document of sign-in.
pub(crate) static CREDENTIALS: Rule = Rule {
    name: "credentials",
    attributes: &[
        "estimatedTimeToExpiration",
        "isUat",
        "jwt",
        "name",
        "password",
        "personalAccessTokenName",
        "personalAccessTokenSecret",
        "token",
    ],
    children: &[
        (SITE, Occurs::Once, Place::InOrder),
        (USER, Occurs::AtMostOnce, Place::InOrder),
    ],
};

/// The document of publishing and updating a data source.
pub(crate) static DATASOURCE: Rule = Rule {
    name: "datasource",
    attributes: &[
        "certificationNote",
        "connectedWorkbooksCount",
        "contentUrl",
        "createdAt",
        "databaseName",
        "description",
        "encryptExtracts",
        "favoritesTotal",
        "hasAlert",
        "hasExtracts",
        "hasSemanticLayerConnection",
        "id",
        "isCertified",
        "isPublished",
        "name",
        "parentType",
        "serverName",
        "size",
        "type",
        "updatedAt",
        "useRemoteQueryAgent",
        "webpageUrl",
    ],
    children: &[
        (CONNECTION_CREDENTIALS, Occurs::AtMostOnce, Place::Anywhere),
        (SITE, Occurs::AtMostOnce, Place::InOrder),
        (PROJECT, Occurs::AtMostOnce, Place::InOrder),
        (
            Rule {
                name: "location",
                attributes: &["id", "name", "type"],
                children: &[],
            },
            Occurs::AtMostOnce,
            Place::InOrder,
        ),
        (OWNER, Occurs::AtMostOnce, Place::InOrder),
        (
            Rule {
                name: "tags",
                attributes: &[],
                children: &[(TAG, Occurs::Often, Place::InOrder)],
            },
            Occurs::AtMostOnce,
            Place::InOrder,
        ),
        (
            Rule {
                name: "askData",
                attributes: &["enablement"],
                children: &[],
            },
            Occurs::AtMostOnce,
            Place::Anywhere,
        ),
        (
            Rule {
                name: "connections",
                attributes: &[],
                children: &[(CONNECTION, Occurs::Often, Place::InOrder)],
            },
            Occurs::AtMostOnce,
            Place::Anywhere,
        ),
    ],
};

/// The document of adding tags.
pub(crate) static TAGS: Rule = Rule {
    name: "tags",
    attributes: &[],
    children: &[(TAG, Occurs::Often, Place::InOrder)],
};

/// Reads a `tsRequest` and returns its only child, which must follow the rule.
pub(crate) fn read(bytes: &[u8], rule: &Rule) -> Result<Element, String> {
    let root = parse(bytes)?;
    if root.name != "tsRequest" {
        return Err(unexpected_element(&root.name, "", &["tsRequest"]));
    }
    if let Some((name, _)) = root.attributes.first() {
        return Err(unexpected_attribute(name, &root.name));
    }
    let mut children = root.children.into_iter();
    let Some(child) = children.next() else {
        return Err(format!(
            "Deserialization problem: element 'tsRequest' must contain element '{}'",
            rule.name
        ));
    };
    if child.name != rule.name {
        return Err(unexpected_element(&child.name, "", &[rule.name]));
    }
    if let Some(second) = children.next() {
        return Err(unexpected_element(&second.name, "", &[]));
    }
    check(&child, rule)?;
    Ok(child)
}

fn check(element: &Element, rule: &Rule) -> Result<(), String> {
    if let Some((name, _)) = element
        .attributes
        .iter()
        .find(|(name, _)| !rule.attributes.contains(&name.as_str()))
    {
        return Err(unexpected_attribute(name, &element.name));
    }
    if !element.text.trim().is_empty() {
        return Err(format!(
            "Deserialization problem: unexpected text in element '{}'",
            element.name
        ));
    }
    let expected: Vec<&str> = rule.children.iter().map(|(child, ..)| child.name).collect();
    let mut reached = 0;
    let mut seen: Vec<&str> = Vec::new();
    for child in &element.children {
        let found = rule
            .children
            .iter()
            .enumerate()
            .find(|(_, (rule, ..))| rule.name == child.name);
        let Some((index, (child_rule, occurs, place))) = found else {
            return Err(unexpected_element(&child.name, "", &expected));
        };
        let repeated = *occurs != Occurs::Often && seen.contains(&child.name.as_str());
        let misplaced = *place == Place::InOrder && index < reached;
        if repeated || misplaced {
            return Err(unexpected_element(
                &child.name,
                "",
                &expected[reached.min(expected.len())..],
            ));
        }
        if *place == Place::InOrder {
            reached = index;
        }
        seen.push(&child.name);
        check(child, child_rule)?;
    }
    for (child, occurs, _) in rule.children {
        if *occurs == Occurs::Once && !seen.contains(&child.name) {
            return Err(format!(
                "Deserialization problem: element '{}' must contain element '{}'",
                rule.name, child.name
            ));
        }
    }
    Ok(())
}

fn unexpected_attribute(name: &str, element: &str) -> String {
    format!("Deserialization problem: unexpected attribute '{name}' of element '{element}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str, rule: &Rule) -> String {
        read(text.as_bytes(), rule).err().unwrap_or_default()
    }

    #[test]
    fn documents_of_official_clients_are_accepted() {
        for text in [
            "<tsRequest><datasource name=\"S &amp; O\" description=\"d\"><project id=\"x\" /></datasource></tsRequest>",
            "<tsRequest xmlns='http://tableau.com/api'><datasource name='a'/></tsRequest>",
            "<t:tsRequest xmlns:t='http://tableau.com/api'><t:datasource name='a'><t:project id='x'/></t:datasource></t:tsRequest>",
            "<tsRequest><datasource name='a'><askData enablement='SiteDefault'/><project id='x'/><connectionCredentials name='n' password='p' embed='true'/></datasource></tsRequest>",
            "<?xml version='1.0'?>\n<tsRequest>\n <datasource name='a'>\n <project id='x'/>\n <owner id='y'/>\n <tags/>\n</datasource>\n</tsRequest>\n",
        ] {
            assert_eq!(problem(text, &DATASOURCE), "", "{text}");
        }
    }

    #[test]
    fn anything_unknown_is_refused_by_name() {
        for (text, part) in [
            ("<tsResponse/>", "local:\"tsResponse\""),
            ("<tsRequest/>", "must contain element 'datasource'"),
            ("<tsRequest><workbook/></tsRequest>", "local:\"workbook\""),
            (
                "<tsRequest><datasource nmae='a'/></tsRequest>",
                "unexpected attribute 'nmae' of element 'datasource'",
            ),
            (
                "<tsRequest><datasource><projekt/></datasource></tsRequest>",
                "unexpected element (uri:\"\", local:\"projekt\")",
            ),
            (
                "<tsRequest><datasource><owner id='1'/><project id='2'/></datasource></tsRequest>",
                "local:\"project\"",
            ),
            (
                "<tsRequest><datasource><project/><project/></datasource></tsRequest>",
                "local:\"project\"",
            ),
            (
                "<tsRequest><datasource>text</datasource></tsRequest>",
                "unexpected text",
            ),
            (
                "<tsRequest><datasource/><datasource/></tsRequest>",
                "local:\"datasource\"",
            ),
            (
                "<tsRequest><x:datasource/></tsRequest>",
                "local:\"datasource\"",
            ),
        ] {
            let problem = problem(text, &DATASOURCE);
            assert!(
                problem.starts_with("Deserialization problem: ") && problem.contains(part),
                "{text}: {problem}"
            );
        }
    }

    #[test]
    fn credentials_need_a_site() {
        let text = "<tsRequest><credentials personalAccessTokenName='a' personalAccessTokenSecret='b'/></tsRequest>";
        assert!(problem(text, &CREDENTIALS).contains("must contain element 'site'"));
    }
}
