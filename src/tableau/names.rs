//! Names and texts as Tableau takes them. Whoever holds one need not check it again.
//!
//! What cannot be taken is an error in words for the user: what is wrong and what to change.

use std::fmt;

/// No source states Tableau's own limit; longer names were never seen to work.
const NAME_LIMIT: usize = 255;

/// The URL name of a site; empty for the default site of a Tableau Server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteContentUrl(String);

/// A lower-case UUID that names one thing on a server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Luid(String);

/// The name of a published data source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasourceName(String);

/// The text shown with a data source; line breaks are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description(String);

/// The label of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(String);

/// A project as a user writes it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProjectReference {
    /// The only form that survives renaming and moving.
    Luid(Luid),
    /// A name or a path; which of them is decided by the projects there are, since names may hold `/`.
    Named(String),
}

impl SiteContentUrl {
    /// Takes a content URL; the empty one means the default site.
    pub fn parse(text: &str) -> Result<SiteContentUrl, String> {
        const FIX: &str = "give its content URL, the part after /site/ in the browser's address";
        if is_luid(text) {
            return Err(format!("that is the site's LUID; {FIX}"));
        }
        if text.contains(['/', '#', '?', ':']) {
            return Err(format!(
                "`{text}` is an address; {FIX} and before the next slash"
            ));
        }
        if text.contains(char::is_whitespace) {
            return Err(format!(
                "`{text}` looks like the site's display name; {FIX}"
            ));
        }
        check_line(text)?;
        Ok(SiteContentUrl(text.to_owned()))
    }

    /// Whether this is the site without a name, which Tableau Cloud does not have.
    pub fn is_default(&self) -> bool {
        self.0.is_empty()
    }
}

impl Luid {
    /// Takes 32 hexadecimal digits in the groups of a UUID.
    pub fn parse(text: &str) -> Result<Luid, String> {
        if is_luid(text) {
            Ok(Luid(text.to_ascii_lowercase()))
        } else {
            Err(format!(
                "`{text}` is no LUID, which looks like 5d3e9c80-1b2a-4f6d-8c7e-a0b1c2d3e4f5"
            ))
        }
    }

    /// Takes what a server calls an id, whatever it looks like, if it is not too long for an address.
    pub(super) fn from_server(text: &str) -> Option<Luid> {
        let text = text.trim();
        (1..=NAME_LIMIT)
            .contains(&text.len())
            .then(|| Luid(text.to_ascii_lowercase()))
    }
}

impl DatasourceName {
    /// Takes a name of 1 to 255 characters on one line.
    pub fn parse(text: &str) -> Result<DatasourceName, String> {
        check_filled(text)?;
        check_line(text)?;
        if text.trim() != text {
            return Err(format!("`{text}` begins or ends with a blank; remove it"));
        }
        let length = text.chars().count();
        if length > NAME_LIMIT {
            return Err(format!(
                "the name has {length} characters; shorten it to {NAME_LIMIT}"
            ));
        }
        if text.eq_ignore_ascii_case("parameters") {
            return Err(format!(
                "Tableau keeps the name `{text}` for itself; choose another"
            ));
        }
        Ok(DatasourceName(text.to_owned()))
    }

    /// Whether Tableau takes the other name for the same: it ignores case.
    pub(super) fn is_same(&self, other: &str) -> bool {
        self.0 == other || self.0.to_lowercase() == other.to_lowercase()
    }
}

impl Description {
    /// Takes text of any length that XML can carry.
    pub fn parse(text: &str) -> Result<Description, String> {
        check_filled(text)?;
        match text.chars().find(|c| !is_xml(*c)) {
            Some(illegal) => Err(unfit(illegal)),
            None => Ok(Description(text.to_owned())),
        }
    }

    /// Takes what a server has; blank means none.
    pub(super) fn from_server(text: &str) -> Option<Description> {
        Description::parse(text).ok()
    }

    /// Whether both read the same: servers trim texts and change line ends.
    pub(super) fn is_same(&self, other: &Description) -> bool {
        self.0.split_whitespace().eq(other.0.split_whitespace())
    }
}

impl Tag {
    /// Takes a label on one line.
    pub fn parse(text: &str) -> Result<Tag, String> {
        check_filled(text)?;
        check_line(text)?;
        if text.contains('"') {
            return Err(format!(
                "the tag `{text}` holds a double quote, which Tableau cannot store; remove it"
            ));
        }
        Ok(Tag(text.trim().to_owned()))
    }
}

impl ProjectReference {
    /// Takes a LUID, a name, or a path such as `Sales/EMEA`.
    pub fn parse(text: &str) -> Result<ProjectReference, String> {
        check_filled(text)?;
        check_line(text)?;
        // A name or path is compared with those there are, as it is first.
        match Luid::parse(text.trim_matches(['/', ' '])) {
            Ok(luid) => Ok(ProjectReference::Luid(luid)),
            Err(_) => Ok(ProjectReference::Named(text.to_owned())),
        }
    }
}

impl fmt::Display for ProjectReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProjectReference::Luid(luid) => luid.fmt(f),
            ProjectReference::Named(name) => f.write_str(name),
        }
    }
}

macro_rules! text {
    ($($name:ident),*) => {$(
        impl $name {
            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

text!(SiteContentUrl, Luid, DatasourceName, Description, Tag);

fn is_luid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

pub(super) fn check_filled(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("it is blank; fill it in".into());
    }
    Ok(())
}

pub(super) fn check_line(text: &str) -> Result<(), String> {
    match text.chars().find(|c| c.is_control() || !is_xml(*c)) {
        Some(illegal) => Err(unfit(illegal)),
        None => Ok(()),
    }
}

fn unfit(illegal: char) -> String {
    format!(
        "it holds the character U+{:04X}, which Tableau does not take; remove it",
        u32::from(illegal)
    )
}

/// `Char` of XML 1.0 (section 2.2); a Rust `char` is never a surrogate.
pub(super) fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LUID: &str = "5D3E9C80-1b2a-4f6d-8c7e-a0b1c2d3e4f5";

    #[test]
    fn a_site_is_its_content_url() {
        assert!(SiteContentUrl::parse("").unwrap().is_default());
        assert_eq!(
            SiteContentUrl::parse("acme-eu").unwrap().as_str(),
            "acme-eu"
        );
        let message = SiteContentUrl::parse(LUID).unwrap_err();
        assert_eq!(
            message,
            "that is the site's LUID; give its content URL, the part after /site/ in the browser's address"
        );
        assert!(
            SiteContentUrl::parse("Acme Europe")
                .unwrap_err()
                .contains("display name")
        );
        assert!(
            SiteContentUrl::parse("https://x/#/site/acme")
                .unwrap_err()
                .contains("address")
        );
        assert!(
            SiteContentUrl::parse("ac\u{1}me")
                .unwrap_err()
                .contains("U+0001")
        );
    }

    #[test]
    fn a_name_of_a_data_source_is_checked() {
        assert_eq!(
            DatasourceName::parse("Sales & Ops, 北 / *")
                .unwrap()
                .as_str(),
            "Sales & Ops, 北 / *"
        );
        for wrong in [
            "",
            "  ",
            " a",
            "a ",
            "a\nb",
            "a\u{FFFF}",
            "Parameters",
            &"x".repeat(256),
        ] {
            let message = DatasourceName::parse(wrong).unwrap_err();
            assert!(
                !message.ends_with('.') && message.contains(';'),
                "{message}"
            );
        }
        assert!(DatasourceName::parse(&"é".repeat(255)).is_ok());
        assert!(DatasourceName::parse("ÄRGER").unwrap().is_same("ärger"));
    }

    #[test]
    fn descriptions_keep_their_lines_and_tags_have_no_quotes() {
        let text = "one\n\ttwo";
        assert_eq!(Description::parse(text).unwrap().as_str(), text);
        assert!(Description::parse("a\u{0}").is_err());
        let sent = Description::parse("one\r\ntwo ").unwrap();
        assert!(sent.is_same(&Description::parse("one\ntwo").unwrap()));
        assert!(Tag::parse("a \"b\"").is_err());
        assert_eq!(Tag::parse("daily load").unwrap().as_str(), "daily load");
    }

    #[test]
    fn a_project_is_a_luid_or_a_name() {
        let luid = Luid::parse(LUID).unwrap();
        assert_eq!(luid.as_str(), LUID.to_lowercase());
        assert_eq!(
            ProjectReference::parse(LUID),
            Ok(ProjectReference::Luid(luid))
        );
        let named = ProjectReference::parse("Sales/EMEA").unwrap();
        assert_eq!(named, ProjectReference::Named("Sales/EMEA".into()));
        assert!(ProjectReference::parse(" ").is_err());
        let slash = ProjectReference::parse(&format!("/{LUID}/")).unwrap();
        assert!(matches!(slash, ProjectReference::Luid(_)));
    }
}
