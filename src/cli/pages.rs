//! Lists that a server gives page by page, as one.

use clap::Arg;

use super::Failure;
use super::given::Given;

/// The largest page that the API gives.
const LARGEST_PAGE: usize = 200;

/// A page: what is on it, and what asks for the next one.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    /// Empty if there is no next page.
    pub(super) next: String,
}

/// The argument with the most items that are wanted.
pub(super) fn argument(help: &'static str) -> Arg {
    Arg::new("limit").long("limit").value_name("N").allow_negative_numbers(true).help(help)
}

/// How many items are wanted at most; what is not a number is noted.
pub(super) fn limit(given: &mut Given, default: usize) -> Option<usize> {
    let Some(text) = given.text("limit") else { return Some(default) };
    let limit = text.parse().ok().filter(|&limit: &usize| limit > 0);
    if limit.is_none() {
        given.problems.add("--limit", "must be a whole number, more than zero");
    }
    limit
}

/// Follows the pages that `fetch` gets, of a size and from a place on, until there are `limit` items or no more.
pub(super) async fn follow<T>(
    limit: usize,
    mut fetch: impl AsyncFnMut(i32, String) -> Result<Page<T>, Failure>,
) -> Result<Vec<T>, Failure> {
    let mut items = Vec::new();
    let mut next = String::new();
    loop {
        let size = LARGEST_PAGE.min(limit - items.len());
        let page = fetch(i32::try_from(size).unwrap_or(i32::MAX), next.clone()).await?;
        let is_empty = page.items.is_empty();
        items.extend(page.items.into_iter().take(size));
        if page.next.is_empty() || items.len() >= limit {
            return Ok(items);
        }
        if page.next == next || is_empty {
            return Err(Failure::refused(
                "the server gives the same page, or an empty one, and says that there are more",
            ));
        }
        next = page.next;
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime;

    use super::*;

    #[test]
    fn pages_that_lead_nowhere_are_not_followed() {
        let runtime = runtime::Builder::new_current_thread().build().unwrap();
        let mut asked = 0;
        let empty = follow(usize::MAX, async |_, _| {
            asked += 1;
            Ok(Page::<u8> { items: Vec::new(), next: asked.to_string() })
        });
        assert!(runtime.block_on(empty).is_err());
        assert_eq!(asked, 1);
    }

    /// A list of 450 numbers, and the sizes in which it was asked for.
    fn followed(limit: usize) -> (Vec<usize>, Vec<i32>) {
        let mut sizes = Vec::new();
        let runtime = runtime::Builder::new_current_thread().build().unwrap();
        let items = runtime.block_on(follow(limit, async |size, next| {
            sizes.push(size);
            let from = if next.is_empty() { 0 } else { next.parse::<usize>().unwrap() };
            let to = (from + usize::try_from(size).unwrap()).min(450);
            Ok(Page {
                items: (from..to).collect(),
                next: if to < 450 { to.to_string() } else { String::new() },
            })
        }));
        (items.unwrap(), sizes)
    }

    #[test]
    fn all_pages_are_followed_up_to_the_limit() {
        assert_eq!(followed(usize::MAX), ((0..450).collect(), vec![200, 200, 200]));
        assert_eq!(followed(250), ((0..250).collect(), vec![200, 50]));
        assert_eq!(followed(7), ((0..7).collect(), vec![7]));
    }

    #[test]
    fn a_server_that_repeats_a_page_is_given_up_and_a_page_too_long_is_cut() {
        let runtime = runtime::Builder::new_current_thread().build().unwrap();
        let again = async |_, _| Ok(Page { items: vec![1], next: "x".to_owned() });
        assert!(runtime.block_on(follow(10, again)).is_err());
        let long = async |_, _| Ok(Page { items: vec![1; 1000], next: String::new() });
        assert_eq!(runtime.block_on(follow(3, long)).unwrap(), [1, 1, 1]);
    }
}
