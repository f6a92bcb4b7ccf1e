//! The documents that calls of the REST API carry.

use std::io;

use quick_xml::Writer;
use secrecy::ExposeSecret;

use super::names::{Description, Luid, SiteContentUrl, Tag};
use super::token::PersonalAccessToken;

/// Writes the request of "Sign In".
pub(super) fn sign_in(token: &PersonalAccessToken, site: &SiteContentUrl) -> Vec<u8> {
    request(|writer| {
        let credentials = writer
            .create_element("credentials")
            .with_attribute(("personalAccessTokenName", token.name.as_str()))
            .with_attribute(("personalAccessTokenSecret", token.secret.expose_secret()));
        credentials.write_inner_content(|writer| {
            let site = writer
                .create_element("site")
                .with_attribute(("contentUrl", site.as_str()));
            site.write_empty().map(drop)
        })?;
        Ok(())
    })
}

/// Writes the request of "Publish Data Source".
pub(super) fn publish(name: &str, description: Option<&Description>, project: &Luid) -> Vec<u8> {
    request(|writer| {
        let mut datasource = writer
            .create_element("datasource")
            .with_attribute(("name", name));
        if let Some(description) = description {
            datasource = datasource.with_attribute(("description", description.as_str()));
        }
        datasource.write_inner_content(|writer| {
            let project = writer
                .create_element("project")
                .with_attribute(("id", project.as_str()));
            project.write_empty().map(drop)
        })?;
        Ok(())
    })
}

/// Writes the request of "Update Data Source" that changes nothing but the description.
pub(super) fn describe(description: &Description) -> Vec<u8> {
    request(|writer| {
        let datasource = writer.create_element("datasource");
        datasource
            .with_attribute(("description", description.as_str()))
            .write_empty()?;
        Ok(())
    })
}

/// Writes the request of "Add Tags to Data Source".
pub(super) fn tags(tags: &[Tag]) -> Vec<u8> {
    request(|writer| {
        writer
            .create_element("tags")
            .write_inner_content(|writer| {
                for tag in tags {
                    let label = tag_label(tag);
                    writer
                        .create_element("tag")
                        .with_attribute(("label", label.as_str()))
                        .write_empty()?;
                }
                Ok(())
            })?;
        Ok(())
    })
}

/// Tableau splits a label at blanks and commas unless it is quoted.
fn tag_label(tag: &Tag) -> String {
    let label = tag.as_str();
    if label.contains(|c: char| c.is_whitespace() || c == ',') {
        format!("\"{label}\"")
    } else {
        label.to_owned()
    }
}

fn request(content: impl FnOnce(&mut Writer<Vec<u8>>) -> io::Result<()>) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    writer
        .create_element("tsRequest")
        .write_inner_content(content)
        .expect("writing to memory does not fail");
    writer.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tableau::token::{TokenName, TokenSecret};
    use crate::tableau::xml::Element;

    const JOB: &str = "7e8f9a0b-1c2d-4e3f-a4b5-c6d7e8f9a0b1";

    #[test]
    fn requests_are_escaped_and_keep_line_breaks() {
        let description = Description::parse("a\r\n\t\"b\" <c>").unwrap();
        let document = publish(
            "Sales & 'Ops'",
            Some(&description),
            &Luid::parse(JOB).unwrap(),
        );
        assert_eq!(
            String::from_utf8(document.clone()).unwrap(),
            format!(
                "<tsRequest><datasource name=\"Sales &amp; &apos;Ops&apos;\" \
                 description=\"a&#13;&#10;&#9;&quot;b&quot; &lt;c&gt;\"><project id=\"{JOB}\"/></datasource></tsRequest>"
            )
        );
        let back = Element::parse(&document).unwrap();
        let sent = back.child("datasource").unwrap();
        assert_eq!(sent.attribute("description"), Some(description.as_str()));
        assert_eq!(
            describe(&Description::parse("x").unwrap()),
            b"<tsRequest><datasource description=\"x\"/></tsRequest>"
        );
    }

    #[test]
    fn sign_in_names_even_the_default_site() {
        let token = PersonalAccessToken {
            name: TokenName::parse("ci").unwrap(),
            secret: TokenSecret::parse("a==:b<").unwrap(),
        };
        let document = sign_in(&token, &SiteContentUrl::parse("").unwrap());
        assert_eq!(
            String::from_utf8(document).unwrap(),
            "<tsRequest><credentials personalAccessTokenName=\"ci\" personalAccessTokenSecret=\"a==:b&lt;\">\
             <site contentUrl=\"\"/></credentials></tsRequest>"
        );
    }

    #[test]
    fn labels_with_blanks_or_commas_are_quoted() {
        let document = tags(&["finance", "daily load", "a,b"].map(|tag| Tag::parse(tag).unwrap()));
        assert_eq!(
            String::from_utf8(document).unwrap(),
            "<tsRequest><tags><tag label=\"finance\"/><tag label=\"&quot;daily load&quot;\"/>\
             <tag label=\"&quot;a,b&quot;\"/></tags></tsRequest>"
        );
    }
}
