//! The refresh token as a cookie that no script can read, for pages. A page asks for it with a header, which a browser lets no
//! page of another origin send; a cookie that comes without it is not looked at, whoever sent it.

use tonic::metadata::{Ascii, MetadataKey, MetadataMap, MetadataValue};
use tonic::{Request, Response};
use zeroize::Zeroizing;

use std::time::Duration;

/// What asks for it.
pub const HEADER: &str = "x-countersign-cookie";
/// What the header says.
pub const REFRESH_TOKEN: &str = "refresh-token";
/// The prefix has browsers keep it from every other host, and from plaintext beyond loopback. Cookies know no port: whatever
/// else listens on this host is sent it.
const NAME: &str = "__Host-countersign-refresh";
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

/// The header of an answer, for the description.
#[must_use]
pub fn example() -> String {
    text("csr_…", 604_800)
}

fn text(token: &str, seconds: u64) -> String {
    format!("{NAME}={token}; Max-Age={seconds}; {ATTRIBUTES}")
}

/// What a call says of the cookie.
pub(super) struct RefreshCookie {
    asked: bool,
    presented: Option<Zeroizing<String>>,
}

impl RefreshCookie {
    pub(super) fn of<T>(request: &Request<T>) -> Self {
        let metadata = request.metadata();
        let asked = metadata.get(HEADER).is_some_and(|value| value == REFRESH_TOKEN);
        Self { asked, presented: if asked { find(metadata) } else { None } }
    }

    /// Whether it is asked for.
    pub(super) fn asked(&self) -> bool {
        self.asked
    }

    /// The token that a message has, or else the cookie's.
    pub(super) fn token_or(&mut self, of_message: String) -> String {
        match self.presented.take() {
            Some(mut token) if of_message.is_empty() => std::mem::take(&mut *token),
            _ => of_message,
        }
    }

    /// Moves a refresh token out of an answer and into the cookie, if there is one and it is asked for. It is kept for
    /// `lifetime`, which is as long as it can be used.
    pub(super) fn keep<T>(
        &self,
        mut response: Response<T>,
        token: impl FnOnce(&mut T) -> &mut String,
        lifetime: Duration,
    ) -> Response<T> {
        if !self.asked {
            return response;
        }
        let token = Zeroizing::new(std::mem::take(token(response.get_mut())));
        if !token.is_empty() {
            set(response.metadata_mut(), &token, lifetime.as_secs());
        }
        response
    }

    /// Has the browser forget it.
    pub(super) fn forget<T>(&self, mut response: Response<T>) -> Response<T> {
        set(response.metadata_mut(), "", 0);
        response
    }
}

fn set(metadata: &mut MetadataMap, token: &str, seconds: u64) {
    let text = Zeroizing::new(text(token, seconds));
    if let Ok(mut value) = MetadataValue::<Ascii>::try_from(text.as_str()) {
        value.set_sensitive(true);
        metadata.insert(MetadataKey::from_static("set-cookie"), value);
    }
}

/// HTTP/2 may cut the header into several. A name that comes twice is of nobody we know.
fn find(metadata: &MetadataMap) -> Option<Zeroizing<String>> {
    let headers = metadata.get_all("cookie").into_iter().filter_map(|value| value.to_str().ok());
    let mut found = headers.flat_map(|text| text.split(';')).filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == NAME).then(|| Zeroizing::new(value.to_owned()))
    });
    match (found.next(), found.next()) {
        (Some(token), None) => Some(token),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "csr_abc";

    fn call(headers: &[(&'static str, &str)]) -> RefreshCookie {
        let mut request = Request::new(());
        for (name, value) in headers {
            request.metadata_mut().append(*name, value.parse().unwrap());
        }
        RefreshCookie::of(&request)
    }

    fn presented(headers: &[(&'static str, &str)]) -> String {
        call(headers).token_or(String::new())
    }

    #[test]
    fn the_cookie_is_looked_at_only_with_the_header() {
        let cookie = ("cookie", "a=b; __Host-countersign-refresh=csr_abc; c=d");
        let asks = ("x-countersign-cookie", "refresh-token");
        assert_eq!(presented(&[cookie, asks]), TOKEN);
        assert_eq!(presented(&[cookie]), "");
        assert_eq!(presented(&[cookie, ("x-countersign-cookie", "1")]), "");
        assert_eq!(presented(&[asks, ("cookie", "x__Host-countersign-refresh=csr_abc")]), "");
        assert_eq!(presented(&[asks, cookie, cookie]), "", "two are of nobody we know");
        let cut = [asks, ("cookie", "a=b"), ("cookie", "__Host-countersign-refresh=csr_abc")];
        assert_eq!(presented(&cut), TOKEN);
        assert_eq!(call(&[cookie, asks]).token_or("other".to_owned()), "other", "the message's own counts");
    }

    #[test]
    fn a_token_goes_into_the_answer_or_into_the_cookie_and_never_into_both() {
        let answer = || Response::new(TOKEN.to_owned());
        let span = Duration::from_secs(600);
        let kept = call(&[("x-countersign-cookie", "refresh-token")]).keep(answer(), |token| token, span);
        let expected =
            "__Host-countersign-refresh=csr_abc; Max-Age=600; Path=/; Secure; HttpOnly; SameSite=Strict";
        assert_eq!(kept.metadata().get("set-cookie").unwrap(), expected);
        assert!(kept.get_ref().is_empty());
        assert!(!format!("{kept:?}").contains("csr_"));
        let plain = call(&[]).keep(answer(), |token| token, span);
        assert_eq!((plain.get_ref().as_str(), plain.metadata().get("set-cookie")), (TOKEN, None));
    }
}
