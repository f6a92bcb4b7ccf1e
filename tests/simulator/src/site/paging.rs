//! Lists that do not tell the truth about where they end.

use super::call::Query;
use super::error::ApiError;
use super::listing::{page_number, page_size};
use super::settings::Paging;
use crate::xml::Element;

impl Paging {
    /// Takes an honest page and returns what is sent: `pagination`, and the entries called `item`.
    pub(super) fn spoil(
        self,
        query: &Query,
        item: &str,
        page: Result<(Element, Vec<Element>), ApiError>,
    ) -> Result<(Element, Vec<Element>), ApiError> {
        if self == Self::Honest {
            return page;
        }
        let (size, number) = (page_size(query)?, page_number(query)?);
        let pagination = |size: String, total: String| {
            Element::new("pagination")
                .with("pageNumber", number.to_string())
                .with("pageSize", size)
                .with("totalAvailable", total)
        };
        if self == Self::Absurd {
            let most = u64::MAX.to_string();
            return page.map(|(_, entries)| (pagination(most.clone(), most), entries));
        }
        // Beyond the honest end everything is made up.
        let mut entries = page.map(|(_, entries)| entries).unwrap_or_default();
        let made_up = entries.len()..size;
        entries.extend(made_up.map(|index| {
            Element::new(item)
                .with("id", format!("ffffffff-0000-4000-{number:08x}-{index:08x}"))
                .with("name", format!("Made up {number} {index}"))
        }));
        let pagination = match self {
            Self::Endless => {
                let total = number.saturating_add(1).saturating_mul(size);
                pagination(size.to_string(), total.to_string())
            }
            _ => Element::new("pagination"),
        };
        Ok((pagination, entries))
    }
}
