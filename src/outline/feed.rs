//! What an Atom feed says about its pages: `<link rel="next">` and the `m:count` of `OData`.

use std::borrow::Cow;
use std::io::BufReader;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::source::StagedFile;

/// The head of a feed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Feed {
    /// Address of the next page, as written.
    pub(crate) next: Option<String>,
    /// Entries of all pages.
    pub(crate) count: Option<String>,
}

/// Looks at the children of the root element; `None` if it is no feed or no XML.
pub(crate) fn look(page: &StagedFile) -> Option<Feed> {
    let file = std::fs::File::open(&page.path).ok()?;
    let mut reader = Reader::from_reader(BufReader::new(file));
    let mut feed = Feed::default();
    let mut buffer = Vec::new();
    let mut depth = 0_usize;
    let mut is_count = false;
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).ok()? {
            Event::Start(start) => {
                if depth == 0 && start.local_name().as_ref() != "feed" {
                    return None;
                }
                is_count = depth == 1 && start.local_name().as_ref() == "count";
                feed.take(&start, depth);
                depth += 1;
            }
            Event::Empty(start) => feed.take(&start, depth),
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                is_count = false;
            }
            Event::Text(text) if is_count => feed.count = Some(text.trim().to_owned()),
            Event::Eof => return Some(feed),
            _ => {}
        }
    }
}

impl Feed {
    fn take(&mut self, start: &BytesStart<'_>, depth: usize) {
        if depth != 1 || start.local_name().as_ref() != "link" {
            return;
        }
        let attribute = |name: &str| -> Option<String> {
            let found = start.try_get_attribute(name).ok().flatten()?;
            let value: Cow<'_, str> = found
                .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                .ok()?;
            Some(value.into_owned())
        };
        let relation = attribute("rel").unwrap_or_default();
        if relation.split_ascii_whitespace().any(|word| word == "next") {
            self.next = self.next.take().or_else(|| attribute("href"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Format;

    fn feed(text: &str) -> Option<Feed> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page");
        std::fs::write(&path, text).unwrap();
        look(&StagedFile {
            path,
            format: Format::Csv,
            origin: String::new(),
            bytes: 0,
            rows_at: None,
        })
    }

    #[test]
    fn a_feed_says_where_it_goes_on() {
        let text = r#"<?xml version="1.0" encoding="utf-8"?>
            <feed xmlns="http://www.w3.org/2005/Atom" xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">
              <m:count> 91 </m:count>
              <link rel="self" href="Orders"/>
              <entry><link rel="next" href="no"/><content><m:properties><count>5</count></m:properties></content></entry>
              <link rel="next" href="https://erp/Orders?$filter=a%20eq%201&amp;$skiptoken='x'"></link>
            </feed>"#;
        let expected = Feed {
            next: Some("https://erp/Orders?$filter=a%20eq%201&$skiptoken='x'".into()),
            count: Some("91".into()),
        };
        assert_eq!(feed(text), Some(expected));
    }

    #[test]
    fn other_texts_are_no_feeds() {
        assert_eq!(feed("<rows><link rel=\"next\" href=\"x\"/></rows>"), None);
        assert_eq!(feed("<feed><broken></feed>"), None);
        assert_eq!(feed("<feed/>"), Some(Feed::default()));
    }
}
