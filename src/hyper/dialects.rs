//! What people write who know another SQL, and what this engine has in its place.
//!
//! Every expression suggested here was tried on the engine; `x` stands for the user's own. Mistakes that share a SQLSTATE
//! are told apart by the engine's words, which are those of a pinned version: only a hint hangs on them.

use super::refused::RefusedStatement;
use super::sql::{code_of, has_word};
use super::suggest::nearest;

/// Functions the engine does not have, with what to write.
const FUNCTIONS: [(&[&str], &str); 42] = [
    (
        &[
            "date_format",
            "format_date",
            "strftime",
            "formatdatetime",
            "format_datetime",
        ],
        "to_char(x, 'YYYY-MM-DD')",
    ),
    (
        &["format"],
        "x::text, or for times to_char(x, 'YYYY-MM-DD')",
    ),
    (&["str", "to_varchar", "tostring", "to_string"], "x::text"),
    (&["isnull", "zn"], "coalesce(x, 0)"),
    (&["nvl2"], "CASE WHEN x IS NOT NULL THEN a ELSE b END"),
    (&["if", "iif"], "CASE WHEN x > 1 THEN a ELSE b END"),
    (&["decode"], "CASE x WHEN 1 THEN a ELSE b END"),
    (&["today", "curdate"], "current_date"),
    (
        &[
            "getutcdate",
            "sysdatetime",
            "utc_timestamp",
            "current_datetime",
        ],
        "now()",
    ),
    (
        &["str_to_date", "parse_date", "dateparse"],
        "to_date(x, 'YYYY-MM-DD')",
    ),
    (
        &[
            "parse_timestamp",
            "parse_datetime",
            "from_iso8601_timestamp",
        ],
        "to_timestamp(x, 'YYYY-MM-DD HH24:MI:SS')",
    ),
    (&["datetime"], "x::timestamp"),
    (&["to_number", "tonumber"], "x::numeric(18,2)"),
    (
        &["try_convert", "try_to_number", "try_to_date", "safe_cast"],
        "try_cast(x AS numeric(18,2))",
    ),
    (
        &["isnumeric", "is_numeric"],
        "try_cast(x AS double precision) IS NOT NULL",
    ),
    (
        &["dateadd", "date_add", "timestampadd", "adddate"],
        "x + interval '1 day'",
    ),
    (&["date_sub", "subdate"], "x - interval '1 day'"),
    (&["add_months"], "x + interval '1 month'"),
    (&["date_diff", "timestampdiff"], "datediff('day', a, b)"),
    (&["months_between"], "datediff('month', a, b)"),
    (&["datepart"], "date_part('year', x)"),
    (&["weekday"], "extract(dow FROM x)"),
    (&["datetrunc", "timestamp_trunc"], "date_trunc('month', x)"),
    (
        &["last_day", "eomonth"],
        "date_trunc('month', x) + interval '1 month' - interval '1 day'",
    ),
    (
        &["makedate", "datefromparts", "date_from_parts"],
        "make_date(2024, 1, 31)",
    ),
    (
        &["unix_timestamp", "to_unixtime", "unix_seconds"],
        "extract(epoch FROM x)",
    ),
    (&["from_unixtime", "timestamp_seconds"], "to_timestamp(x)"),
    (
        &["convert_timezone", "at_timezone", "from_utc_timestamp"],
        "x AT TIME ZONE 'Europe/Berlin'",
    ),
    (
        &["charindex", "instr", "locate", "patindex"],
        "strpos(x, 'part')",
    ),
    (&["len"], "length(x)"),
    (&["lcase"], "lower(x)"),
    (&["ucase"], "upper(x)"),
    (&["mid"], "substring(x, 1, 2)"),
    (&["group_concat"], "string_agg(x, ',')"),
    (&["substring_index"], "split_part(x, ',', 1)"),
    (&["translate", "stuff"], "replace(x, 'a', 'b')"),
    (&["regexp_extract"], "regexp_substr(x, '[0-9]+')"),
    (&["startswith"], "starts_with(x, 'a')"),
    (&["endswith"], "x LIKE '%a'"),
    (
        &["countif", "count_if", "sumif", "sum_if"],
        "count(*) FILTER (WHERE x > 1)",
    ),
    (
        &[
            "json_extract",
            "json_extract_scalar",
            "get_json_object",
            "json_extract_path_text",
            "json_value",
            "parse_json",
            "json_query",
        ],
        "(x::json)->>'name'",
    ),
    (
        &[
            "openjson",
            "explode",
            "jsonb_array_elements",
            "json_each",
            "flatten",
        ],
        "json_array_elements(x::json)",
    ),
];

/// More of them, by themselves.
const OTHERS: [(&[&str], &str); 6] = [
    (&["safe_divide"], "a / nullif(b, 0)"),
    (&["rand"], "random()"),
    (
        &["newid", "uuid", "gen_random_uuid", "generate_uuid"],
        "row_number() OVER () for a number of the row",
    ),
    (&["sha1", "sha2", "sha256"], "md5(x)"),
    (&["countd"], "count(DISTINCT x)"),
    (&["attr"], "min(x)"),
];

/// Types the engine knows by another name.
const TYPES: [(&[&str], &str); 6] = [
    (
        &[
            "string",
            "nvarchar",
            "varchar2",
            "nvarchar2",
            "clob",
            "ntext",
            "longtext",
            "mediumtext",
        ],
        "text",
    ),
    (
        &[
            "datetime",
            "datetime2",
            "smalldatetime",
            "timestamp_ntz",
            "timestamp_ltz",
        ],
        "timestamp",
    ),
    (&["number", "money", "dec", "bignumeric"], "numeric(18,2)"),
    (
        &[
            "int64",
            "signed",
            "unsigned",
            "tinyint",
            "mediumint",
            "byteint",
            "long",
        ],
        "bigint",
    ),
    (
        &["float64", "binary_float", "binary_double"],
        "double precision",
    ),
    (&["bit"], "boolean"),
];

/// Returns what to write, if the mistake is one of those.
pub(super) fn hint(refusal: &RefusedStatement, names: &[&str]) -> Option<String> {
    let code = code_of(refusal.sql).to_lowercase();
    match refusal.code? {
        "42883" => function(refusal.message),
        "42704" => kind(refusal.message),
        "42703" => column(refusal, &code, names),
        "42P01" => table(refusal.message),
        "42601" | "0A000" => syntax(refusal, &code),
        "22023" => by_message(refusal.message).map(str::to_owned),
        _ => None,
    }
}

fn function(message: &str) -> Option<String> {
    let name = in_double_quotes(message)?;
    let entry = FUNCTIONS.iter().chain(&OTHERS);
    let (_, instead) = { entry }.find(|(names, _)| names.contains(&name))?;
    Some(format!("the engine has no `{name}`: write `{instead}`"))
}

fn kind(message: &str) -> Option<String> {
    let name = in_double_quotes(message)?;
    let (_, instead) = TYPES.iter().find(|(names, _)| names.contains(&name))?;
    Some(format!(
        "the engine has no type `{name}`: write `{instead}`"
    ))
}

fn table(message: &str) -> Option<String> {
    (in_double_quotes(message)? == "dual").then(|| "leave out `FROM dual`".to_owned())
}

fn column(refusal: &RefusedStatement, code: &str, names: &[&str]) -> Option<String> {
    let (_, rest) = refusal.message.split_once('\'')?;
    let (name, _) = rest.split_once('\'')?;
    if !has_word(code, "from") {
        return Some(format!(
            "there is no FROM, so there are no columns: write `SELECT {name} FROM` and the name of the table"
        ));
    }
    let before = refusal.code_before();
    let function = before.strip_suffix('(').map(last_word);
    if let Some(function @ ("datediff" | "date_part" | "date_trunc")) = function {
        return Some(format!(
            "the unit stands in single quotes: `{function}('{name}', …)`"
        ));
    }
    if function == Some("convert") || (before.contains("convert(") && is_type(name)) {
        return Some("write `CAST(x AS type)` instead of `CONVERT`".into());
    }
    if let Some(hint) = text_in_double_quotes(refusal, name, names) {
        return Some(hint);
    }
    let alias = format!("as {}", name.to_lowercase());
    if has_word(code, &alias) && !names.contains(&name) {
        return Some(format!(
            "`{name}` is given with AS in the same SELECT and not known in it: repeat the expression, or select from it: `SELECT … FROM (SELECT … AS {name} FROM …) t WHERE {name} …`"
        ));
    }
    None
}

/// `WHERE "Region" = "EMEA"`: in other dialects a text may stand in double quotes.
pub(super) fn text_in_double_quotes(
    refusal: &RefusedStatement,
    name: &str,
    names: &[&str],
) -> Option<String> {
    let is_quoted = match refusal.span {
        Some(_) => refusal.at_span().starts_with('"'),
        None => refusal.sql.contains(&format!("\"{name}\"")),
    };
    let lower = name.to_lowercase();
    if !is_quoted || names.iter().any(|other| other.to_lowercase() == lower) {
        return None;
    }
    let before = refusal.code_before();
    let is_compared = refusal.span.is_none()
        || ["=", "<>", "!=", "<", ">", "(", ",", "||"]
            .iter()
            .any(|sign| before.ends_with(sign))
        || [
            "like", "ilike", "then", "else", "when", "between", "and", "in",
        ]
        .contains(&last_word(&before));
    let meant = nearest(name, names).map(|nearest| format!("; if it is a column, {nearest}"));
    is_compared.then(|| {
        format!(
            "a text stands in single quotes: `'{name}'`; double quotes are for names{}",
            meant.unwrap_or_default()
        )
    })
}

fn syntax(refusal: &RefusedStatement, code: &str) -> Option<String> {
    let message = refusal.message;
    by_message(message)
        .map(str::to_owned)
        .or_else(|| by_text(refusal, code))
        .or_else(|| {
            message
                .starts_with("JSON_VALUE")
                .then(|| "write `(x::json)->>'name'`".to_owned())
        })
}

/// What the engine says well enough, but not what to do.
fn by_message(message: &str) -> Option<&'static str> {
    let known: [(&str, &str); 16] = [
        (
            "time zone not recognized",
            "zones are names such as `Europe/Berlin`",
        ),
        (
            "timestamp unit",
            "units are `second`, `minute`, `hour`, `day`, `week`, `month`, `quarter` and `year`",
        ),
        ("NUMERIC modifiers", "`numeric(p,s)` has at most 38 digits"),
        ("unknown operator '=='", "write `=` to compare"),
        ("unknown operator '**'", "write `power(x, 2)`"),
        (
            "'+' requires numerical",
            "texts are joined with `||`; a text is made a number with `x::double precision`",
        ),
        (
            "requires boolean argument",
            "compare with something, as in `x > 0` or `x = 'a'`",
        ),
        (
            "requires a boolean argument",
            "compare with something, as in `x > 0` or `x = 'a'`",
        ),
        (
            "requires a structured data type",
            "texts become JSON first: `(x::json)->>'name'`",
        ),
        (
            "cannot compare",
            "bring both sides to one type: `x::bigint = 5`, or a text in single quotes `x = '5'`",
        ),
        (
            "aggregates are not allowed",
            "name the columns that are not aggregated in GROUP BY, and put conditions over aggregates into HAVING",
        ),
        (
            "must appear in the GROUP BY",
            "name the column in GROUP BY, or aggregate it, as in `max(x)`",
        ),
        (
            "is ambiguous",
            "say of which table: `o.id` with `FROM orders o`",
        ),
        (
            "set operations require",
            "let both SELECTs have the same number of columns with the same types: cast them, as in `x::text`",
        ),
        (
            "unsupported data types in call",
            "cast what the function gets, as in `x::timestamp` or `x::double precision`",
        ),
        (
            "multi-part queries",
            "write one statement: put what it needs into `WITH name AS (…)`",
        ),
    ];
    known
        .iter()
        .find(|(words, _)| message.contains(words))
        .map(|(_, hint)| *hint)
}

/// What is known by the words around the place.
fn by_text(refusal: &RefusedStatement, code: &str) -> Option<String> {
    let before = refusal.code_before();
    let last = last_word(&before);
    let span = refusal.at_span();
    let words: Vec<&str> = code
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .collect();
    if let Some(at) = words.iter().position(|word| *word == "top")
        && let Some(number) = words.get(at + 1).filter(|word| word.parse::<u64>().is_ok())
        && matches!(
            words.get(at.wrapping_sub(1)),
            Some(&("select" | "distinct"))
        )
    {
        return Some(format!(
            "write `LIMIT {number}` at the end instead of `TOP {number}`"
        ));
    }
    if code.contains('`') {
        return Some("names stand in double quotes, not in backticks".into());
    }
    if span == "[" {
        return Some("names stand in double quotes, not in brackets".into());
    }
    let hint = match last {
        "interval" => "the length of an interval stands in single quotes: `interval '1 day'`",
        "regexp" | "rlike" => "write `x ~ 'pattern'`",
        "glob" => "write `x LIKE 'a%'`",
        "qualify" | "pivot" | "unpivot" => {
            "the engine does not have this: wrap the SELECT, as in `SELECT * FROM (SELECT …, row_number() OVER (…) AS n FROM input) t WHERE n = 1`"
        }
        _ if span.eq_ignore_ascii_case("as") && code.contains("safe_cast") => {
            "write `try_cast(x AS type)`"
        }
        _ if before.ends_with("except (") || before.ends_with("except(") => {
            "write `* EXCLUDE (a, b)`"
        }
        _ if span.eq_ignore_ascii_case("qualify") => {
            "the engine has no QUALIFY: wrap the SELECT, as in `SELECT * FROM (SELECT …, row_number() OVER (…) AS n FROM input) t WHERE n = 1`"
        }
        _ if span == "," && before.trim_end_matches(last).trim_end().ends_with("limit") => {
            "write `LIMIT 10 OFFSET 5`"
        }
        _ if before.ends_with(',') => "there is a comma too many before this",
        _ if span == "(" && matches!(last, "int" | "float" | "double" | "timestamp" | "bigint") => {
            "a cast is written `x::type` or `CAST(x AS type)`"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn is_type(name: &str) -> bool {
    let plain = [
        "int", "integer", "char", "varchar", "date", "datetime", "decimal", "float", "signed",
        "unsigned", "nvarchar", "numeric", "bigint",
    ];
    plain.contains(&name.to_lowercase().as_str())
}

fn last_word(text: &str) -> &str {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let text = text.trim_end();
    &text[text.rfind(|c| !is_word(c)).map_or(0, |at| {
        at + text[at..].chars().next().map_or(1, char::len_utf8)
    })..]
}

fn in_double_quotes(message: &str) -> Option<&str> {
    message.split('"').nth(1)
}

#[cfg(test)]
mod tests {
    use super::super::error::Contact;
    use super::super::position::Span;
    use super::*;

    fn hint_for(code: &str, message: &str, sql: &str, at: (usize, usize, usize)) -> String {
        let (line, column, width) = at;
        let refusal = RefusedStatement {
            code: Some(code),
            contact: Contact::Kept,
            message,
            sql,
            span: (line > 0).then_some(Span {
                line,
                column,
                width,
            }),
            suggestion: None,
        };
        hint(&refusal, &["Region", "amount", "email"]).unwrap_or_default()
    }

    #[test]
    fn functions_and_types_of_others_are_known_once() {
        let lists = FUNCTIONS.iter().chain(&OTHERS);
        let mut names: Vec<&str> = lists.flat_map(|(names, _)| names.iter().copied()).collect();
        let n = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), n);
        let said = hint_for(
            "42883",
            "function \"date_format\" does not exist",
            "",
            (0, 0, 0),
        );
        assert_eq!(
            said,
            "the engine has no `date_format`: write `to_char(x, 'YYYY-MM-DD')`"
        );
        let said = hint_for("42704", "type \"string\" does not exist", "", (0, 0, 0));
        assert!(said.ends_with("write `text`"));
    }

    #[test]
    fn words_of_other_dialects_are_told_by_place_and_text() {
        for (message, sql, at, told) in [
            (
                "x",
                "SELECT TOP 10 a FROM t",
                (1, 12, 2),
                "`LIMIT 10` at the end",
            ),
            ("x", "SELECT 'top 5', a b c FROM t", (1, 22, 1), ""),
            ("x", "SELECT `a` FROM t", (1, 12, 4), "not in backticks"),
            ("x", "SELECT '`', a b c FROM t", (1, 17, 1), ""),
            ("x", "SELECT [a] FROM t", (1, 8, 1), "not in brackets"),
            ("x", "SELECT a, FROM t", (1, 11, 4), "a comma too many"),
            (
                "x",
                "SELECT a FROM t LIMIT 5, 10",
                (1, 24, 1),
                "LIMIT 10 OFFSET 5",
            ),
            (
                "x",
                "SELECT d + interval 1 day FROM t",
                (1, 21, 1),
                "interval '1 day'",
            ),
            ("x", "SELECT * EXCEPT (a) FROM t", (1, 18, 1), "EXCLUDE"),
            ("unknown operator '=='", "SELECT a == 1", (1, 10, 2), "`=`"),
        ] {
            let said = hint_for("42601", message, sql, at);
            assert!(
                said.contains(told) && said.is_empty() == told.is_empty(),
                "{sql}: {said}"
            );
        }
    }

    #[test]
    fn texts_in_double_quotes_units_and_a_missing_from_are_told() {
        for (name, sql, at, told) in [
            (
                "EMEA",
                "SELECT a FROM t WHERE \"Region\" = \"EMEA\"",
                (1, 34, 6),
                "`'EMEA'`",
            ),
            ("emial", "SELECT \"emial\" FROM t", (1, 8, 7), ""),
            (
                "day",
                "SELECT datediff(day, a, b) FROM t",
                (1, 17, 3),
                "`datediff('day', …)`",
            ),
            ("int", "SELECT convert(int, a) FROM t", (1, 16, 3), "CAST"),
            ("amount", "SELECT amount", (1, 8, 6), "no FROM"),
            (
                "total",
                "SELECT a AS total FROM t WHERE total > 1",
                (1, 33, 5),
                "same SELECT",
            ),
        ] {
            let message = format!("unknown column '{name}'");
            let said = hint_for("42703", &message, sql, at);
            assert!(
                said.contains(told) && said.is_empty() == told.is_empty(),
                "{sql}: {said}"
            );
        }
    }
}
