//! `countersign user create`: makes a user in the database itself, which is how the first admin comes to be.

use std::path;
use std::sync::Arc;

use clap::{Arg, ArgAction, Command};
use tokio::runtime;

use crate::auth::{CallContext, NewPasswords, NewUser, Registrar};
use crate::cli::given::Given;
use crate::cli::verb::Verb;
use crate::cli::{Failure, note, password, print, setting_flags};
use crate::config::{Scope, UserCommandConfig};
use crate::crypto::PasswordHasher;
use crate::domain::{Origin, Roles, User, Username};
use crate::server::Surroundings;
use crate::store::Store;
use crate::telemetry;

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    Command::new("create")
        .about("Make a user in the database itself, the first admin for instance; the password is asked for, or read from standard input")
        .arg(Arg::new("username").long("username").value_name("NAME").required(true).help("The user's name"))
        .arg(
            Arg::new("role")
                .long("role")
                .value_name("ROLE")
                .action(ArgAction::Append)
                .value_delimiter(',')
                .help("A role of the user, admin for instance; may be repeated"),
        )
        .args(setting_flags::arguments(Scope::Passwords))
}

fn run(given: Given) -> Result<(), Failure> {
    let username = given.text("username").unwrap_or_default();
    let roles = given.texts("role");
    let (sources, mut problems) = given.sources();
    let values = sources.resolve(&mut problems);
    let config = UserCommandConfig::read(&values, &mut problems);
    let roles = Roles::parse(roles.iter().map(String::as_str));
    if let Err(error) = &roles {
        problems.add("--role", error);
    }
    if let Err(rule) = Username::parse(&username) {
        problems.add("--username", rule);
    }
    let (config, roles) = problems.none_or(config.zip(roles.ok()))?;
    let _log = telemetry::start(config.log);
    let database = config.store.url.clone();
    let new = database.file().filter(|file| !file.exists());
    let password = password::choose()?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::refused)?;
    let registered = runtime.block_on(register(config, &username, &password, roles));
    // In the wrong folder it was made by mistake, and no server will ever see it: also where there is no user in it.
    if let Some(file) = new.filter(|file| file.exists()) {
        let file = path::absolute(file).unwrap_or_else(|_| file.to_owned());
        note(&format!("{} is a new database: there was none", file.display()));
    }
    let user = registered?;
    let roles: Vec<&str> = user.roles.iter().collect();
    print(&format!("created {} {} [{}] in {database}", user.id, user.username.shown(), roles.join(",")))
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
