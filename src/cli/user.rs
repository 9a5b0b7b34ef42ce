//! `countersign user create`: makes a user in the database itself, which is how the first admin comes to be.

use std::io::{self, BufRead, IsTerminal, Read};
use std::sync::Arc;

use clap::{Arg, ArgAction, ArgMatches};
use tokio::runtime;
use zeroize::Zeroizing;

use super::{Failure, print};
use crate::auth::{CallContext, NewPasswords, NewUser, Registrar};
use crate::config::{Problems, Sources, UserCommandConfig};
use crate::crypto::PasswordHasher;
use crate::domain::{Origin, Roles, User, Username};
use crate::server::Surroundings;
use crate::store::Store;
use crate::telemetry;

/// What is asked for.
pub(super) struct Create {
    username: String,
    roles: Vec<String>,
}

impl Create {
    pub(super) fn arguments() -> [Arg; 2] {
        [
            Arg::new("username").long("username").value_name("NAME").required(true).help("The user's name"),
            Arg::new("role")
                .long("role")
                .value_name("ROLE")
                .action(ArgAction::Append)
                .value_delimiter(',')
                .help("A role of the user, admin for instance; may be repeated"),
        ]
    }

    pub(super) fn from_matches(matches: &ArgMatches) -> Self {
        Self {
            username: matches.get_one::<String>("username").cloned().unwrap_or_default(),
            roles: matches.get_many::<String>("role").into_iter().flatten().cloned().collect(),
        }
    }
}

pub(super) fn create(sources: Sources, mut problems: Problems, create: Create) -> Result<(), Failure> {
    let values = sources.resolve(&mut problems);
    let config = UserCommandConfig::read(&values, &mut problems);
    let roles = Roles::parse(create.roles.iter().map(String::as_str));
    if let Err(error) = &roles {
        problems.add("--role", error);
    }
    if let Err(rule) = Username::parse(&create.username) {
        problems.add("--username", rule);
    }
    let (config, roles) = problems.none_or(config.zip(roles.ok()))?;
    let _log = telemetry::start(config.log);
    let database = config.store.url.clone();
    let made = if database.file().is_some_and(|file| !file.exists()) { ", a new database" } else { "" };
    let password = read_password().map_err(|error| Failure::refused(format!("no password: {error}")))?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::refused)?;
    let user = runtime.block_on(register(config, &create.username, &password, roles))?;
    let roles: Vec<&str> = user.roles.iter().collect();
    print(&format!(
        "created {} {} [{}] in {database}{made}",
        user.id,
        user.username.shown(),
        roles.join(",")
    ));
    Ok(())
}

async fn register(
    config: UserCommandConfig,
    username: &str,
    password: &str,
    roles: Roles,
) -> Result<User, Failure> {
    let Surroundings { clock, entropy } = Surroundings::system();
    let store = Store::open(&config.store, clock.now()).await.map_err(Failure::refused)?;
    let hasher = PasswordHasher::start(config.hasher, Arc::clone(&entropy)).map_err(Failure::refused)?;
    let passwords = NewPasswords { hasher, policy: config.passwords };
    let registrar = Registrar { store: store.clone(), passwords, clock, entropy };
    let context = CallContext { deadline: None, origin: Origin::unknown() };
    let made = registrar
        .register(NewUser { username, password, roles, by: None }, &context)
        .await
        .map_err(Failure::refused);
    store.close().await.map_err(Failure::refused)?;
    made
}

/// Asked twice on a terminal, without showing it; otherwise the first line of standard input.
fn read_password() -> io::Result<Zeroizing<String>> {
    if io::stdin().is_terminal() {
        let password = Zeroizing::new(rpassword::prompt_password("Password: ")?);
        let again = Zeroizing::new(rpassword::prompt_password("Again: ")?);
        return if password == again {
            Ok(password)
        } else {
            Err(io::Error::other("the two are not the same"))
        };
    }
    // Far above the longest password, so that an over-long one is refused by its rule and not cut.
    const MOST: u64 = 64 * 1024;
    let mut line = Zeroizing::new(String::with_capacity(1024));
    io::stdin().lock().take(MOST).read_line(&mut line)?;
    let end = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(end);
    if line.is_empty() { Err(io::Error::other("standard input is empty")) } else { Ok(line) }
}
