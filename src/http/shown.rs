//! Addresses and answers as they may be shown: short, and without what may be secret.

use reqwest::Url;

use crate::secrets;

/// Bytes of a body that are looked at for an excerpt of it.
const EXCERPT_READ: usize = 4_000;
/// Characters of an excerpt.
const EXCERPT: usize = 200;

/// Returns an address as it may be shown: no query, no user, no fragment.
pub fn show(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Both fail only for addresses that cannot have them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

/// Returns the beginning of a body as text for a message: one line, at most 200 characters, no secret.
pub fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(EXCERPT_READ)]);
    let text = secrets::replace_in_answer(&text);
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .collect();
    match line.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
