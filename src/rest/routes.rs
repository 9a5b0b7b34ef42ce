//! Which method a request means, by its verb and its path.

use http::Method;

use super::route::Route;

/// All ways in.
#[derive(Debug)]
pub(super) struct Routes(Vec<Route>);

/// What a request means.
pub(super) enum Found<'r> {
    /// The description of all of this.
    Description,
    /// A method, and what the path says of its message.
    Route(&'r Route, Vec<(String, String)>),
    /// The path is known and the verb is not; these are.
    OtherVerbs(String),
    /// No such path.
    Nothing,
}

impl Routes {
    /// Takes them in; a path without variables goes before one that could be read so.
    pub(super) fn new(mut routes: Vec<Route>) -> Self {
        routes.sort_by_key(|route| route.template().variables().count());
        Self(routes)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// What a request means. HEAD is a GET whose answer's body stays away.
    pub(super) fn find(&self, verb: &Method, path: &str) -> Found<'_> {
        let verb = if *verb == Method::HEAD { &Method::GET } else { verb };
        let mut verbs = Vec::new();
        for route in &self.0 {
            let Some(values) = route.template().matches(path) else { continue };
            if route.verb() == verb {
                let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                return Found::Route(route, values);
            }
            verbs.push(route.verb().clone());
        }
        if verbs.is_empty() { Found::Nothing } else { Found::OtherVerbs(allow(&verbs)) }
    }
}

/// The header `Allow` of a path with these verbs.
pub(super) fn allow(verbs: &[Method]) -> String {
    let mut names: Vec<&str> = verbs.iter().map(Method::as_str).collect();
    if verbs.contains(&Method::GET) {
        names.push("HEAD");
    }
    names.push("OPTIONS");
    names.join(", ")
}
