//! Paging, filtering and sorting of lists.

use super::call::Query;
use super::error::ApiError;
use crate::xml::Element;

/// What a field holds, which decides about its operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Time,
    Number,
    Flag,
}

/// Whether `eq` and `in` distinguish upper and lower case; no source says what real servers do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FilterCase {
    /// `eq` matches the exact name only.
    #[default]
    Sensitive,
    /// `eq` matches in any case.
    Insensitive,
}

/// A list that can be queried.
pub(crate) struct Listing<'a, T> {
    /// The fields that can be filtered and sorted by.
    pub(crate) fields: &'a [(&'static str, Kind)],
    /// Returns the values of a field; several for tags, none if absent.
    pub(crate) values: &'a dyn Fn(&T, &str) -> Vec<String>,
    pub(crate) case: FilterCase,
}

struct Condition {
    field: String,
    operator: String,
    kind: Kind,
    values: Vec<String>,
}

impl<T> Listing<'_, T> {
    /// Returns the `pagination` element and the items of the page asked for.
    pub(crate) fn page(
        &self,
        query: &Query,
        mut items: Vec<T>,
    ) -> Result<(Element, Vec<T>), ApiError> {
        let size = page_size(query)?;
        let number = page_number(query)?;
        let conditions = self.conditions(query.get("filter").unwrap_or_default())?;
        items.retain(|item| {
            conditions
                .iter()
                .all(|condition| self.matches(item, condition))
        });
        self.sort(query.get("sort").unwrap_or_default(), &mut items)?;
        let total = items.len();
        let start = (number - 1).saturating_mul(size);
        if start >= total && number > 1 {
            return Err(ApiError::new(
                400_006,
                format!(
                    "Invalid page number. 0xB4EAB088 : The start index '{start}' is greater than or equal to the total count."
                ),
            ));
        }
        let pagination = Element::new("pagination")
            .with("pageNumber", number.to_string())
            .with("pageSize", size.to_string())
            .with("totalAvailable", total.to_string());
        Ok((
            pagination,
            items.into_iter().skip(start).take(size).collect(),
        ))
    }

    fn conditions(&self, filter: &str) -> Result<Vec<Condition>, ApiError> {
        let mut conditions: Vec<Condition> = Vec::new();
        for text in split_outside_brackets(filter) {
            let condition = self.condition(&text)?;
            conditions.retain(|earlier| earlier.field != condition.field);
            conditions.push(condition);
        }
        Ok(conditions)
    }

    fn condition(&self, text: &str) -> Result<Condition, ApiError> {
        let invalid = |problem: &str| {
            ApiError::new(
                400_000,
                format!("Invalid filter expression '{text}': {problem}."),
            )
        };
        let mut pieces = text.splitn(3, ':');
        let (Some(field), Some(operator), Some(value)) =
            (pieces.next(), pieces.next(), pieces.next())
        else {
            return Err(invalid("expected field:operator:value"));
        };
        let Some((_, kind)) = self.fields.iter().find(|(known, _)| *known == field) else {
            return Err(invalid(&format!("the field '{field}' cannot be filtered")));
        };
        let allowed: &[&str] = match kind {
            Kind::Text => &["eq", "in", "has", "cieq"],
            Kind::Time | Kind::Number => &["eq", "gt", "gte", "lt", "lte"],
            Kind::Flag => &["eq"],
        };
        if !allowed.contains(&operator) {
            return Err(invalid(&format!(
                "the operator '{operator}' is not allowed for the field '{field}'"
            )));
        }
        let values = if operator == "in" {
            let list = value
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'));
            let list = list.ok_or_else(|| invalid("the values of 'in' must be given as [a,b]"))?;
            list.split(',').map(str::to_owned).collect()
        } else {
            vec![value.to_owned()]
        };
        for value in &values {
            let well_formed = match kind {
                // No escape exists for these characters; only times may contain colons.
                Kind::Text => !value.contains([':', '[', ']']),
                Kind::Time => {
                    value.len() == 20 && value.ends_with('Z') && value.as_bytes()[10] == b'T'
                }
                Kind::Number => value.parse::<u64>().is_ok(),
                Kind::Flag => matches!(value.as_str(), "true" | "false"),
            };
            if !well_formed {
                return Err(invalid(&format!(
                    "the value '{value}' is not valid for the field '{field}'"
                )));
            }
        }
        Ok(Condition {
            field: field.to_owned(),
            operator: operator.to_owned(),
            kind: *kind,
            values,
        })
    }

    fn matches(&self, item: &T, condition: &Condition) -> bool {
        let held = (self.values)(item, &condition.field);
        held.iter().any(|held| {
            condition
                .values
                .iter()
                .any(|wanted| self.compare(held, wanted, condition))
        })
    }

    fn compare(&self, held: &str, wanted: &str, condition: &Condition) -> bool {
        let fold = |text: &str| match self.case {
            FilterCase::Sensitive => text.to_owned(),
            FilterCase::Insensitive => text.to_lowercase(),
        };
        let number = |text: &str| text.parse::<u64>().unwrap_or_default();
        let order = match condition.kind {
            Kind::Number => number(held).cmp(&number(wanted)),
            Kind::Text | Kind::Time | Kind::Flag => held.cmp(wanted),
        };
        match condition.operator.as_str() {
            "eq" if condition.kind == Kind::Text => matches_pattern(&fold(held), &fold(wanted)),
            "in" => fold(held) == fold(wanted),
            "cieq" => held.to_lowercase() == wanted.to_lowercase(),
            "has" => held.to_lowercase().contains(&wanted.to_lowercase()),
            "gt" => order.is_gt(),
            "gte" => order.is_ge(),
            "lt" => order.is_lt(),
            "lte" => order.is_le(),
            _ => order.is_eq(),
        }
    }

    fn sort(&self, sort: &str, items: &mut [T]) -> Result<(), ApiError> {
        // The last key is applied first: the sorts are stable.
        for text in sort.split(',').rev().filter(|text| !text.is_empty()) {
            let (field, direction) = text.split_once(':').unwrap_or((text, "asc"));
            let known = self.fields.iter().find(|(known, _)| *known == field);
            let (Some((_, kind)), "asc" | "desc") = (known, direction) else {
                return Err(ApiError::new(
                    400_000,
                    format!("Invalid sort expression '{text}'."),
                ));
            };
            items.sort_by(|a, b| {
                let (a, b) = ((self.values)(a, field), (self.values)(b, field));
                let number =
                    |values: &[String]| values.first().and_then(|value| value.parse::<u64>().ok());
                let order = if *kind == Kind::Number {
                    number(&a).cmp(&number(&b))
                } else {
                    a.cmp(&b)
                };
                if direction == "desc" {
                    order.reverse()
                } else {
                    order
                }
            });
        }
        Ok(())
    }
}

pub(super) fn page_size(query: &Query) -> Result<usize, ApiError> {
    let Some(text) = query.get("pageSize") else {
        return Ok(100);
    };
    match text.parse::<usize>() {
        Ok(size @ 1..=1000) => Ok(size),
        Ok(size) if size > 1000 => Err(ApiError::new(
            403_014,
            format!("The page size '{size}' is larger than the maximum of 1000."),
        )),
        _ => Err(ApiError::new(
            400_007,
            format!("Invalid page size: '{text}'."),
        )),
    }
}

pub(super) fn page_number(query: &Query) -> Result<usize, ApiError> {
    let Some(text) = query.get("pageNumber") else {
        return Ok(1);
    };
    text.parse::<usize>()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| ApiError::new(400_006, format!("Invalid page number: '{text}'.")))
}

fn split_outside_brackets(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut depth = 0_u32;
    for character in text.chars() {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if character == ',' && depth == 0 {
            pieces.push(String::new());
        } else if let Some(piece) = pieces.last_mut() {
            piece.push(character);
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// Matches a text with a pattern in which `*` stands for any run of characters.
fn matches_pattern(text: &str, pattern: &str) -> bool {
    let pieces: Vec<&str> = pattern.split('*').collect();
    let [first, middle @ .., last] = pieces.as_slice() else {
        return text == pattern;
    };
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    for piece in middle {
        let Some(at) = rest.find(piece) else {
            return false;
        };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[(&str, Kind)] = &[
        ("name", Kind::Text),
        ("size", Kind::Number),
        ("createdAt", Kind::Time),
        ("tags", Kind::Text),
    ];

    fn select(query: &str) -> Result<(String, Vec<&'static str>), u32> {
        let listing = Listing {
            fields: FIELDS,
            values: &|name: &&str, field| match field {
                "name" => vec![(*name).to_owned()],
                "size" => vec![name.len().to_string()],
                "tags" => vec!["x".to_owned(), "Y z".to_owned()],
                _ => vec![format!("2026-01-{:02}T00:00:00Z", name.len())],
            },
            case: FilterCase::Sensitive,
        };
        let items = vec!["Sales", "Sales & Ops", "a", "Bb", "a*c", "abc"];
        let (pagination, items) = listing
            .page(&Query::parse(query), items)
            .map_err(|error| error.code)?;
        Ok((
            pagination.attribute("totalAvailable").unwrap().to_owned(),
            items,
        ))
    }

    fn names(query: &str) -> Vec<&'static str> {
        select(query).unwrap().1
    }

    #[test]
    fn pages_and_their_errors() {
        assert_eq!(
            select("pageSize=4&pageNumber=2"),
            Ok(("6".to_owned(), vec!["a*c", "abc"]))
        );
        assert_eq!(select("filter=name:eq:none"), Ok(("0".to_owned(), vec![])));
        for (query, code) in [
            ("pageNumber=0", 400_006),
            ("pageNumber=x", 400_006),
            ("pageSize=3&pageNumber=3", 400_006),
            ("filter=name:eq:none&pageNumber=2", 400_006),
            ("pageSize=0", 400_007),
            ("pageSize=x", 400_007),
            ("pageSize=1001", 403_014),
            ("filter=colour:eq:red", 400_000),
            ("filter=name:eq", 400_000),
            ("filter=name:gt:a", 400_000),
            ("filter=name:eq:a:b", 400_000),
            ("filter=name:in:a", 400_000),
            ("filter=size:gt:large", 400_000),
            ("filter=name:eq:Gr%C3%B6%C3%9Fe%2C%20Ma%C3%9F", 400_000),
            ("sort=colour:asc", 400_000),
        ] {
            assert_eq!(select(query), Err(code), "{query}");
        }
    }

    #[test]
    fn filters_select() {
        assert_eq!(names("filter=name:eq:Sales"), ["Sales"]);
        assert_eq!(names("filter=name%3Aeq%3ASales"), ["Sales"]);
        assert!(names("filter=name:eq:sales").is_empty());
        assert_eq!(names("filter=name:cieq:sales"), ["Sales"]);
        assert!(names("filter=name:eq:Sales%20%26%20Ops").is_empty());
        assert_eq!(names("filter=name:eq:Sales*Ops"), ["Sales & Ops"]);
        assert_eq!(names("filter=name:eq:a*c"), ["a*c", "abc"]);
        assert_eq!(names("filter=name:in:[a,Bb]"), ["a", "Bb"]);
        assert_eq!(names("filter=name:eq:a,name:eq:Bb"), ["Bb"]);
        assert_eq!(names("filter=size:gte:5,name:has:ops"), ["Sales & Ops"]);
        assert_eq!(names("filter=createdAt:lt:2026-01-02T00:00:00Z"), ["a"]);
        assert_eq!(names("filter=tags:eq:Y%20z,name:eq:a"), ["a"]);
    }

    #[test]
    fn sorts_by_several_fields() {
        assert_eq!(
            names("sort=size:desc,name:asc&pageSize=4"),
            ["Sales & Ops", "Sales", "a*c", "abc"]
        );
    }
}
