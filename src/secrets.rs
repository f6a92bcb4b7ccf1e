//! Every secret of this process, and every spelling in which somebody may send it back.
//!
//! One place for all: what shows a text to anybody passes it through [`replace`], and what quotes an
//! answer or a value takes [`quote`] or [`replace_in_answer`], which replace *before* anything is cut,
//! for half a secret would not be recognised.
//!
//! It belongs to the process and is handed to nobody: a parser deep below, a panic and the report must
//! all know the same secrets, and a process is one step of a workflow.
//!
//! Two kinds are told apart. A **credential** (token, password, `auth`, a secret-like header) is replaced
//! wherever it stands and masked by the runner. A **value of the request** (`params`, `body`, other headers) is
//! only sometimes secret: it is replaced where an answer is quoted, and not if it is short, a number or a plain word.

mod pattern;
mod spelling;

use std::borrow::Cow;
#[cfg(not(test))]
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded;

use pattern::{Edges, Pattern};

/// What stands where a secret was.
pub const MASK: &str = "***";
/// A shorter text is in every other word; replacing it would tell more than it hides.
const SHORTEST: usize = 4;
/// The shortest value of a request that is replaced.
const SHORTEST_VALUE: usize = 6;
/// A number with fewer digits is met by chance, as a count of rows.
const SHORTEST_NUMBER: usize = 10;
/// The longest way to write one character: twice escaped (`\\u00e4` in JSON in HTML).
const LONGEST_ESCAPE: usize = 12;

/// How much is known to be secret about a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Secrecy {
    /// A word the request carried.
    Word,
    /// A value the request carried that is no word, or a credential that is a number.
    Opaque,
    /// Nobody may see it, anywhere.
    Credential,
}

/// A text that is hidden, and from whom.
struct KnownSecret {
    secrecy: Secrecy,
    pattern: Pattern,
}

#[derive(Default)]
struct Secrets {
    known: Vec<KnownSecret>,
    /// Spellings the runner does not know yet.
    masks: Vec<SecretString>,
}

#[cfg(not(test))]
static SECRETS: Mutex<Secrets> = Mutex::new(Secrets {
    known: Vec::new(),
    masks: Vec::new(),
});

#[cfg(not(test))]
fn with<T>(work: impl FnOnce(&mut Secrets) -> T) -> T {
    // A panic elsewhere must not uncover what is hidden.
    work(&mut SECRETS.lock().unwrap_or_else(PoisonError::into_inner))
}

// Tests share a process, and one's secrets must not be found in another's texts.
#[cfg(test)]
thread_local! {
    static SECRETS: std::cell::RefCell<Secrets> = std::cell::RefCell::default();
}

#[cfg(test)]
fn with<T>(work: impl FnOnce(&mut Secrets) -> T) -> T {
    SECRETS.with_borrow_mut(work)
}

/// Keeps a credential from everything that is shown from here on, as a whole and line by line.
pub fn keep(secret: &SecretString) {
    let whole = secret.expose_secret().trim();
    for text in std::iter::once(whole).chain(whole.lines().map(str::trim)) {
        keep_one(text, None);
    }
}

/// Keeps a password, also as it travels in HTTP's basic authentication together with the user (RFC 7617).
pub fn keep_password(user: &str, password: &SecretString) {
    keep(password);
    keep_one(password.expose_secret().trim(), Some(user));
}

/// Keeps a value of a request from texts that quote an answer.
pub fn keep_value(value: &str) {
    let value = value.trim();
    if value.chars().count() < SHORTEST_VALUE || is_ours(value) {
        return;
    }
    let secrecy = match Appearance::of(value) {
        Appearance::Number => return,
        Appearance::Word => Secrecy::Word,
        Appearance::Opaque => Secrecy::Opaque,
    };
    with(|secrets| secrets.add(secrecy, Pattern::text(value)));
}

/// Keeps a value of a request whose name says that it is secret; the runner is not told.
pub fn keep_parameter(value: &str) {
    let value = value.trim();
    if value.chars().count() < SHORTEST || is_ours(value) {
        return;
    }
    with(|secrets| match Appearance::of(value) {
        Appearance::Number => secrets.add(Secrecy::Opaque, Pattern::word(value)),
        // A plain word stays what it is: `sort_key: name` hides no name.
        Appearance::Word => secrets.add(Secrecy::Word, Pattern::word(value)),
        Appearance::Opaque => secrets.add(Secrecy::Credential, Pattern::text(value)),
    });
}

/// Takes the spellings of credentials that the runner has to be told; each is given once.
///
/// The runner compares letters only, so it gets those spellings that travel; what is shown by this
/// program is found in every other spelling, too.
pub fn take_masks() -> Vec<SecretString> {
    with(|secrets| std::mem::take(&mut secrets.masks))
}

/// Replaces every credential in a text that is about to be shown.
pub fn replace(text: &str) -> Cow<'_, str> {
    with(|secrets| secrets.replace(text, Secrecy::Credential, Edges::Whole))
}

/// Replaces credentials and all values of the request in the beginning of what a server answered.
///
/// The text may have been cut at its end: what a secret may have begun there is taken away, too.
pub fn replace_in_answer(text: &str) -> Cow<'_, str> {
    with(|secrets| secrets.replace(text, Secrecy::Word, Edges::CutEnd))
}

/// Shows a piece of data in at most `limit` characters, with `…` where it was cut.
pub fn quote(text: &str, limit: usize) -> String {
    show(text, limit, (Secrecy::Opaque, Edges::Whole))
}

/// Shows a piece of data that may begin and end in the middle of something, in at most `limit` characters, with `…`
/// where it was cut.
pub fn quote_part(text: &str, limit: usize) -> String {
    show(text, limit, (Secrecy::Opaque, Edges::CutBoth))
}

/// Cuts a text of ours or of the result to `limit` characters, with `…` at its end; credentials are replaced before.
pub fn cut(text: &str, limit: usize) -> String {
    show(text, limit, (Secrecy::Credential, Edges::Whole))
}

fn show(text: &str, limit: usize, (least, edges): (Secrecy, Edges)) -> String {
    let (window, edges) = with(|secrets| {
        // A secret that begins before the cut is seen whole, however it is written.
        let longest = secrets.known.iter().map(|known| known.pattern.length());
        let reach = limit + 1 + longest.max().unwrap_or_default() * LONGEST_ESCAPE;
        match text.char_indices().nth(reach) {
            Some((end, _)) => (&text[..end], edges.cut_at_end()),
            None => (text, edges),
        }
    });
    let shown = with(|secrets| secrets.replace(window, least, edges));
    match shown.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None if window.len() < text.len() => format!("{shown}…"),
        None => shown.into_owned(),
    }
}

/// Whether a header or field holds a secret, going by its name.
pub fn is_secret_name(name: &str) -> bool {
    const PARTS: [&str; 14] = [
        "auth",
        "key",
        "token",
        "secret",
        "passw",
        "pwd",
        "cookie",
        "session",
        "signature",
        "credential",
        "jwt",
        "assertion",
        "sig",
        "pin",
    ];
    let name = name.to_ascii_lowercase();
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    // Short ones are parts of ordinary words (`design`, `shipping`).
    let is_short = |part: &&&str| part.len() <= 3 && **part != "key" && **part != "jwt";
    PARTS
        .iter()
        .any(|part| !is_short(&part) && name.contains(part))
        || words
            .into_iter()
            .any(|word| PARTS.iter().filter(is_short).any(|part| *part == word))
}

fn keep_one(text: &str, user: Option<&str>) {
    if text.chars().count() < SHORTEST || is_ours(text) {
        return;
    }
    with(|secrets| {
        if let Some(user) = user {
            let pair = STANDARD.encode(format!("{user}:{text}"));
            secrets.mask(&pair);
            secrets.add(Secrecy::Credential, Pattern::base64(&pair));
            return;
        }
        if Appearance::of(text) == Appearance::Number {
            // In a text of ours it is a number like any other.
            secrets.add(Secrecy::Opaque, Pattern::word(text));
            return;
        }
        let pattern = Pattern::text(text);
        if secrets.is_credential(&pattern) {
            return;
        }
        let form: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        for spelling in [
            text,
            &form.replace('+', "%20"),
            &form,
            &STANDARD.encode(text),
        ] {
            secrets.mask(spelling);
        }
        secrets.add(Secrecy::Credential, pattern);
        for core in Pattern::base64_of(text.as_bytes()) {
            secrets.add(Secrecy::Credential, core);
        }
    });
}

/// What a text looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Appearance {
    /// A number, a date or a time: they are in every table.
    Number,
    /// Letters and what may join them.
    Word,
    /// Nothing that is met by chance.
    Opaque,
}

impl Appearance {
    fn of(text: &str) -> Appearance {
        let is_number = |c: char| c.is_ascii_digit() || " +-.,:/TZ".contains(c);
        let n_digits = text.chars().filter(char::is_ascii_digit).count();
        let is_date = text.contains(['-', ':', '/']);
        if text.chars().all(is_number) && (n_digits < SHORTEST_NUMBER || is_date) {
            Appearance::Number
        } else if text
            .chars()
            .all(|c| c.is_alphabetic() || " _-.,".contains(c))
        {
            Appearance::Word
        } else {
            Appearance::Opaque
        }
    }
}

/// Words this program says itself: replacing them would break its sentences and hide nothing.
fn is_ours(text: &str) -> bool {
    const OURS: [&str; 64] = [
        "true",
        "false",
        "null",
        "none",
        "auto",
        "text",
        "bigint",
        "double",
        "boolean",
        "date",
        "timestamp",
        "json",
        "numeric",
        "decimal",
        "geography",
        "skip",
        "csv",
        "tsv",
        "xml",
        "ndjson",
        "parquet",
        "odata",
        "overwrite",
        "append",
        "create-new",
        "replace",
        "inputs",
        "input",
        "fetch",
        "type",
        "shape",
        "check",
        "publish",
        "published",
        "source",
        "format",
        "records",
        "params",
        "headers",
        "auth",
        "basic",
        "bearer",
        "oauth2",
        "query",
        "body",
        "paginate",
        "columns",
        "column",
        "table",
        "extract",
        "hyper",
        "schema",
        "rows",
        "checks",
        "tableau",
        "token",
        "secret",
        "password",
        "project",
        "site",
        "server",
        "name",
        "value",
        "error",
    ];
    let lower = text.to_ascii_lowercase();
    OURS.contains(&lower.as_str())
}

impl Secrets {
    fn add(&mut self, secrecy: Secrecy, pattern: Pattern) {
        match self.known.iter_mut().find(|known| known.pattern == pattern) {
            Some(known) => known.secrecy = known.secrecy.max(secrecy),
            None => self.known.push(KnownSecret { secrecy, pattern }),
        }
    }

    fn is_credential(&self, pattern: &Pattern) -> bool {
        let mut known = self.known.iter();
        known.any(|known| known.secrecy == Secrecy::Credential && known.pattern == *pattern)
    }

    fn mask(&mut self, spelling: &str) {
        let waits = |mask: &SecretString| mask.expose_secret() == spelling;
        if !self.masks.iter().any(waits) {
            self.masks.push(SecretString::from(spelling));
        }
    }

    fn replace<'t>(&self, text: &'t str, least: Secrecy, edges: Edges) -> Cow<'t, str> {
        let known = self.known.iter().filter(|known| known.secrecy >= least);
        let patterns: Vec<&Pattern> = known.map(|known| &known.pattern).collect();
        pattern::replace(text, &patterns, edges, MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) {
        keep(&SecretString::from(text));
    }

    #[test]
    fn every_spelling_is_found() {
        secret("pä+s/w\"ö rd&1");
        for spelled in [
            "pä+s/w\"ö rd&1",
            "p%C3%A4%2Bs%2Fw%22%C3%B6%20rd%261",
            "p%c3%a4%2bs%2fw%22%c3%b6%20rd%261",
            "p%C3%A4%2Bs%2Fw%22%C3%B6+rd%261",
            "p%E4+s/w%22%F6 rd%261",
            "pä+s/w&quot;ö rd&amp;1",
            "p&#228;&#43;s&#x2F;w&#34;&#xF6; rd&#038;1",
            "p&#228+s/w&quot;&ouml; rd&amp;1",
            r#"pä+s\/w\"ö rd&1"#,
            r#"p\u00E4+s/w\"\u00f6 rd\u00261"#,
            r#"p\u{e4}+s/w\"ö rd&1"#,
            // Twice: JSON in HTML, an address in an address.
            r"pä+s/w\&quot;ö rd\u0026amp;1",
            "p%25C3%25A4%252Bs%252Fw%2522%25C3%25B6%2520rd%25261",
        ] {
            let text = format!("before {spelled} after");
            assert_eq!(replace(&text), "before *** after", "{spelled}");
        }
        assert_eq!(replace("p%C3%A4+s/w"), "p%C3%A4+s/w");
    }

    #[test]
    fn base64_is_found_alone_and_in_the_middle_of_more() {
        secret("hunter2-and-more");
        let encode = |text: &str| STANDARD.encode(text);
        for before in ["", "u:", "user:", "a user:"] {
            for after in ["", ":x", "\n"] {
                let text = format!(
                    "got {}.",
                    encode(&format!("{before}hunter2-and-more{after}"))
                );
                assert_eq!(replace(&text), "got ***.", "{before}{after}");
            }
        }
        let safe =
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(">>>hunter2-and-more???");
        assert_eq!(replace(&safe), "***");
        // In an address.
        assert_eq!(replace("?a=aHVudGVyMi1hbmQtbW9yZQ%3D%3D&b"), "?a=***&b");
        keep_password("bot", &SecretString::from("kurz"));
        assert_eq!(
            replace(&format!("Basic {}", encode("bot:kurz"))),
            "Basic ***"
        );
    }

    #[test]
    fn what_is_cut_is_replaced_before() {
        secret("0123456789abcdefghijklmnopqrstuvwxyz");
        let long = "0123456789abcdefghijklmnopqrstuvwxyz";
        assert_eq!(quote(long, 10), "***");
        assert_eq!(quote(&format!("x {long} y"), 10), "x *** y");
        assert_eq!(quote(&format!("x {}", "y".repeat(20)), 5), "x yyy…");
        for end in 4..long.len() - 2 {
            assert_eq!(
                replace_in_answer(&format!("x {}", &long[..end])),
                "x ***",
                "{end}"
            );
            assert_eq!(quote_part(&long[end - 4..], 60), "***", "{end}");
            assert_eq!(quote_part(&long[2..end + 2], 60), "***", "{end}");
        }
        assert_eq!(quote_part("other 0123 text", 60), "other 0123 text");
        // In the middle of an escape.
        secret("ab/cd/ef/gh");
        assert_eq!(replace_in_answer("ab%2Fcd%2Fef%2"), "***");
        // Longer than what is looked at.
        assert_eq!(quote(&long.repeat(100), 9), "*********…");
    }

    #[test]
    fn numbers_and_words_of_ours_stay() {
        for ordinary in [
            "true",
            "1234",
            "TEXT",
            "publish",
            "abc",
            "  ",
            "2026-11-25T10:00:00Z",
        ] {
            secret(ordinary);
            let text = format!("1,234 rows: {ordinary} 12345");
            assert_eq!(replace(&text), text);
            assert_eq!(take_masks().len(), 0);
        }
        // Where an answer is quoted, a number may be the PIN.
        assert_eq!(
            replace_in_answer("bad pin 1234, not 12345"),
            "bad pin ***, not 12345"
        );
        secret("123456789012");
        assert_eq!(replace("123456789012"), "***");
    }

    #[test]
    fn values_of_a_request_hide_where_an_answer_is_quoted() {
        for value in ["9f3a-77b1", "Germany", "paid", "2026-01-01", "100000"] {
            keep_value(value);
        }
        let text = "no 9f3a-77b1 for Germany, paid, 2026-01-01, 100000";
        assert_eq!(replace(text), text);
        assert_eq!(
            replace_in_answer(text),
            "no *** for ***, paid, 2026-01-01, 100000"
        );
        assert_eq!(
            quote(text, 60),
            "no *** for Germany, paid, 2026-01-01, 100000"
        );
        assert_eq!(take_masks().len(), 0);
    }

    #[test]
    fn the_runner_learns_each_spelling_once() {
        secret("top secret/1\nsecond line");
        let masks = |masks: Vec<SecretString>| -> Vec<String> {
            masks
                .iter()
                .map(|mask| mask.expose_secret().to_owned())
                .collect()
        };
        let told = masks(take_masks());
        for spelling in [
            "top secret/1",
            "second line",
            "top%20secret%2F1",
            "top+secret%2F1",
            "dG9wIHNlY3JldC8x",
        ] {
            assert!(
                told.iter().any(|mask| mask == spelling),
                "{spelling} is not in {told:?}"
            );
        }
        secret("top secret/1");
        assert_eq!(masks(take_masks()), Vec::<String>::new());
    }

    #[test]
    fn names_tell_what_is_secret() {
        for name in [
            "Authorization",
            "X-API-Key",
            "apikey",
            "access_token",
            "Set-Cookie",
            "sig",
            "X-Sig",
            "client_secret",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "Accept",
            "User-Agent",
            "design",
            "status",
            "page",
            "shipping",
            "assign",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
