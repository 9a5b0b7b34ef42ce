//! A user as a person names one: by id or by name. The API knows ids; names are looked up.

use clap::Arg;

use super::Failure;
use super::given::Given;
use super::remote::Server;
use crate::domain::UserId;
use crate::pb::auth::v1::{GetUserRequest, ListUsersRequest, User};

/// Which user is meant. A name may look like an id; then the id is meant, because ids cannot be chosen: whoever registers
/// under the id of another must not be taken for that one.
pub(super) enum UserArgument {
    /// By id.
    Id(UserId),
    /// By name, in any spelling.
    Name(String),
}

impl UserArgument {
    /// The argument.
    pub(super) fn argument() -> Arg {
        Arg::new("user").value_name("USER").required(true).help(
            "The user: its id, or its name. What looks like an id is taken for one, even if it is a name too",
        )
    }

    /// The user that was given. An empty text is noted: the API would take it for no filter at all, and a shell makes one
    /// of every variable that is not set.
    pub(super) fn read(given: &mut Given, place: &str) -> Option<Self> {
        let text = given.text("user")?;
        if text.trim().is_empty() {
            given.problems.add(place, "must be the id or the name of a user");
            return None;
        }
        // Other programs show ids in upper case, and mean the same (RFC 9562, section 4).
        Some(UserId::parse(&text.to_ascii_lowercase()).map_or(Self::Name(text), Self::Id))
    }

    /// The user's id, whether or not there is such a user.
    pub(super) async fn id(&self, server: &Server<'_>) -> Result<String, Failure> {
        self.id_or(server, "").await
    }

    /// The same; of a name that nobody has, `hint` is said as well.
    pub(super) async fn id_or(&self, server: &Server<'_>, hint: &str) -> Result<String, Failure> {
        match self {
            Self::Id(id) => Ok(id.to_string()),
            Self::Name(name) => Ok(find(server, name, hint).await?.user_id),
        }
    }

    /// The user.
    pub(super) async fn user(&self, server: &Server<'_>) -> Result<User, Failure> {
        match self {
            Self::Id(id) => {
                let request = GetUserRequest { user_id: id.to_string() };
                server.promised(server.answer(server.auth().get_user(request).await)?.user)
            }
            Self::Name(name) => find(server, name, "").await,
        }
    }
}

async fn find(server: &Server<'_>, name: &str, hint: &str) -> Result<User, Failure> {
    let request = ListUsersRequest { username: name.to_owned(), ..Default::default() };
    let mut users = server.answer(server.admin().list_users(request).await)?.users;
    let user = users.pop();
    // One that knows no such filter lists everybody, and whoever comes first would be disabled or deleted.
    if !users.is_empty() {
        return Err(Failure::refused("the server found several users of one name; use the id"));
    }
    user.ok_or_else(|| Failure::refused(format!("there is no user of this name (USER_NOT_FOUND){hint}")))
}
