//! What is known to fail before anything is uploaded. In doubt the server decides.

use super::names::SiteContentUrl;
use crate::problem::Problem;
use crate::say::size;

/// The first release that reads Hyper files of version 3, which the extract is.
const OLDEST: (u32, u32) = (2023, 1);
/// Of one data source on Tableau Cloud; some editions allow more.
const CLOUD_LIMIT: u64 = 15_000_000_000;

/// Refuses a server that surely cannot read the extract; it would say nothing but 400011.
pub(super) fn check_server(product: &str) -> Result<(), Problem> {
    match release(product) {
        Some(release) if release < OLDEST => Err(Problem::new(format!(
            "the server is Tableau {product}, and the extract is a Hyper file of version 3, which Tableau {}.{} and later read",
            OLDEST.0, OLDEST.1
        ))
        .hint("update the server, or give another `server-url`")),
        _ => Ok(()),
    }
}

/// Refuses to sign in without a site where there is no default one.
pub(super) fn check_site(site: &SiteContentUrl, host: &str) -> Result<(), Problem> {
    if site.is_default() && is_cloud(host) {
        return Err(
            Problem::new("no site is given, and Tableau Cloud has no default site")
                .hint("set `site` to the part after /site/ in the browser's address"),
        );
    }
    Ok(())
}

/// Warns of a file that most sites on Tableau Cloud do not take.
pub(super) fn size_warning(host: &str, bytes: u64) -> Option<String> {
    (is_cloud(host) && bytes > CLOUD_LIMIT).then(|| {
        format!(
            "the extract has {}, and Tableau Cloud takes {} for one data source unless the site's edition allows more",
            size(bytes),
            size(CLOUD_LIMIT)
        )
    })
}

fn is_cloud(host: &str) -> bool {
    host.ends_with(".online.tableau.com")
}

/// Year and number of a release such as `2023.1.4` or `26.1`; releases up to `10.5` were no years.
fn release(product: &str) -> Option<(u32, u32)> {
    let mut numbers = product.trim().split('.').map(str::parse);
    let (year, number) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    let year = if year < 100 { year + 2_000 } else { year };
    Some((year, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_surely_fails_is_refused() {
        for old in ["9.3", "10.5.2", "2019.4.1", "2022.4.0", "2022.4"] {
            let problem = check_server(old).unwrap_err();
            assert!(problem.to_string().contains("2023.1"), "{old}: {problem}");
        }
        for taken in [
            "2023.1",
            "2023.1.4",
            "2026.2.0",
            "26.1.0",
            "",
            "main",
            "of unknown version",
        ] {
            assert!(check_server(taken).is_ok(), "{taken}");
        }
    }

    #[test]
    fn large_files_are_warned_of_on_cloud_only() {
        let warning = size_warning("https://10ax.online.tableau.com", 20_000_000_000).unwrap();
        assert!(
            warning.contains("has 20.0 GB") && warning.contains("takes 15.0 GB"),
            "{warning}"
        );
        assert_eq!(
            size_warning("https://10ax.online.tableau.com", 15_000_000_000),
            None
        );
        assert_eq!(size_warning("https://tableau.example", u64::MAX), None);
    }
}
