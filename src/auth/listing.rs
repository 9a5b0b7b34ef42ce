//! Lists that come page by page: users and security events, for admins.

use uuid::Uuid;

use super::{Authority, Error};
use crate::domain::{EventId, SecurityEvent, User, UserId, Username};

/// How many entries a page has if nobody says.
const DEFAULT_PAGE: u64 = 50;
/// How many entries a page may have.
const LARGEST_PAGE: u64 = 200;

/// Which page is wanted.
pub struct PageRequest {
    /// How many entries at most; 0 is the default.
    pub size: i32,
    /// Where the page before ended; empty is the first page.
    pub token: String,
}

/// A page.
pub struct Page<T> {
    /// Its entries.
    pub entries: Vec<T>,
    /// Where the next one starts; empty if there is none.
    pub next: String,
}

impl Authority {
    /// The users, in the order of their creation; or the one of a name.
    pub async fn list_users(&self, username: &str, page: &PageRequest) -> Result<Page<User>, Error> {
        let store = &self.parts().store;
        let scope = format!("users {username}");
        let (size, after) = (page_size(page.size)?, self.start(&scope, page)?);
        if username.is_empty() {
            let users = store.list_users(after.map(UserId::from_uuid), size + 1).await?;
            return Ok(self.page(&scope, users, size, |user| user.id.as_uuid()));
        }
        let name = Username::parse(username).map_err(|rule| Error::field("username", rule.to_string()))?;
        let found = store.find_user_by_name(&name).await?;
        Ok(Page { entries: found.map(|(user, _)| user).into_iter().collect(), next: String::new() })
    }

    /// The security events, the latest first; of one user or of all.
    pub async fn list_security_events(
        &self,
        user: Option<UserId>,
        page: &PageRequest,
    ) -> Result<Page<SecurityEvent>, Error> {
        let scope = user.map_or_else(|| "events".to_owned(), |id| format!("events {id}"));
        let (size, before) = (page_size(page.size)?, self.start(&scope, page)?);
        let events = self.parts().store.list_events(user, before.map(EventId::from_uuid), size + 1).await?;
        Ok(self.page(&scope, events, size, |event| event.id.as_uuid()))
    }

    fn start(&self, scope: &str, page: &PageRequest) -> Result<Option<Uuid>, Error> {
        if page.token.is_empty() {
            return Ok(None);
        }
        let start = self.parts().keys.current().server_key.parse_page_token(scope, &page.token);
        start.map(Some).ok_or_else(|| Error::field("page_token", "is not one that came with this list"))
    }

    /// A page of what was read: one entry more tells that there is another.
    fn page<T>(&self, scope: &str, mut entries: Vec<T>, size: u64, id: impl Fn(&T) -> Uuid) -> Page<T> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = entries.len() > size;
        entries.truncate(size);
        let next = match entries.last() {
            Some(last) if more => self.parts().keys.current().server_key.page_token(scope, id(last)),
            _ => String::new(),
        };
        Page { entries, next }
    }
}

fn page_size(asked: i32) -> Result<u64, Error> {
    match u64::try_from(asked) {
        Ok(0) => Ok(DEFAULT_PAGE),
        Ok(size) if size <= LARGEST_PAGE => Ok(size),
        _ => Err(Error::field("page_size", "must be from 0, which is 50, to 200")),
    }
}
