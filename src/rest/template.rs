//! Path templates of `google.api.http`, as far as this API needs them: literal segments, one-segment variables, and a verb
//! after a colon. Paths are compared as they were sent, so that there is one spelling of each.

use super::percent;

/// A path with places for fields.
#[derive(Debug)]
pub(super) struct Template {
    text: String,
    segments: Vec<Segment>,
    verb: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    /// The name of the field that it fills.
    Variable(String),
}

impl Template {
    /// Reads a template; `None` if it uses what this reader does not know.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let path = text.strip_prefix('/')?;
        let (path, verb) = match path.rsplit_once(':') {
            Some((path, verb)) => (path, Some(verb.to_owned())),
            None => (path, None),
        };
        let segments = path.split('/').map(Segment::parse).collect::<Option<_>>()?;
        Some(Self { text: text.to_owned(), segments, verb })
    }

    /// The values of its variables in `path`; `None` if that is another path.
    pub(super) fn matches(&self, path: &str) -> Option<Vec<(&str, String)>> {
        let path = match &self.verb {
            Some(verb) => path.strip_suffix(verb)?.strip_suffix(':')?,
            None => path,
        };
        let mut given = path.strip_prefix('/')?.split('/');
        let mut values = Vec::new();
        for segment in &self.segments {
            let text = given.next()?;
            match segment {
                Segment::Literal(literal) if literal == text => {}
                Segment::Literal(_) => return None,
                Segment::Variable(name) => values.push((name.as_str(), read_value(text)?)),
            }
        }
        given.next().is_none().then_some(values)
    }

    /// The fields that the path fills.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Variable(name) => Some(name.as_str()),
            Segment::Literal(_) => None,
        })
    }

    /// The template as it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

impl Segment {
    fn parse(text: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let variable = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let name = variable.unwrap_or(text);
        if name.is_empty() || !name.chars().all(plain) {
            return None;
        }
        let name = name.to_owned();
        Some(if variable.is_some() { Self::Variable(name) } else { Self::Literal(name) })
    }
}

/// A variable's value. A colon would be another method's verb; a slash, however it is written, another path, and dots are
/// what somebody on the way may have resolved otherwise.
fn read_value(text: &str) -> Option<String> {
    let value = percent::decode(text)?;
    let another_path = text.contains(':') || value.contains('/') || matches!(value.as_str(), "" | "." | "..");
    (!another_path).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(template: &str, path: &str) -> Option<String> {
        let template = Template::parse(template).unwrap();
        let values = template.matches(path)?;
        Some(values.into_iter().map(|(name, value)| format!("{name}={value};")).collect())
    }

    #[test]
    fn a_path_has_one_spelling() {
        assert_eq!(value("/v1/users/{user_id}", "/v1/users/me").as_deref(), Some("user_id=me;"));
        assert_eq!(value("/v1/users/{user_id}", "/v1/users/a%20b").as_deref(), Some("user_id=a b;"));
        assert_eq!(
            value("/v1/users/{user_id}:delete", "/v1/users/me:delete").as_deref(),
            Some("user_id=me;")
        );
        assert_eq!(value("/v1/tokens:refresh", "/v1/tokens:refresh").as_deref(), Some(""));
        for path in [
            "/v1/users",
            "/v1/users/",
            "/v1/users/me/",
            "//v1/users/me",
            "/v1//users/me",
            "/v1/users//me",
            "/v1/users/%2F",
            "/v1/users/a%2fb",
            "/v1/users/..",
            "/v1/users/.",
            "/v1/users/%2e%2e",
            "/v1/users/%",
            "/v1/users/%ff",
            "/v1/%75sers/me",
            "/V1/users/me",
            "/v1/users/me:delete",
            "v1/users/me",
            "",
            "/",
            "*",
        ] {
            assert_eq!(value("/v1/users/{user_id}", path), None, "{path}");
        }
        for path in [
            "/v1/users/:delete",
            "/v1/users/me:delete:delete",
            "/v1/users/me%3Adelete",
            "/v1/users/me:Delete",
        ] {
            assert_eq!(value("/v1/users/{user_id}:delete", path), None, "{path}");
        }
        assert_eq!(value("/v1/tokens:refresh", "/v1/tokensrefresh"), None);
    }

    #[test]
    fn what_is_not_understood_is_no_template() {
        for text in ["", "v1", "/v1/{a=**}", "/v1/*", "/v1/{a}{b}", "/v1/{}", "/v1//x", "/v1/{a"] {
            assert!(Template::parse(text).is_none(), "{text}");
        }
    }
}
