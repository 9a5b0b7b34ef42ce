//! The command line. Every setting has its flag from the table; unknown flags do not hide what else is wrong.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Failure;
use super::healthcheck::Healthcheck;
use super::user::Create;
use crate::config::{Problems, SETTINGS, Scope, Setting, Shape, Sources};

/// A command line that was understood.
pub(super) enum Parsed {
    /// Help or version: text to show.
    Shown(String),
    /// Serve, with what was wrong already.
    Serve(Sources, Problems),
    /// Make a user.
    UserCreate(Sources, Problems, Create),
    /// Show the signing keys, as JSON or not.
    KeyList(Sources, Problems, bool),
    /// Print a new master key.
    MasterKeyNew,
    /// Ask a server for its health.
    Healthcheck(Healthcheck),
}

/// Takes the command line apart.
pub(super) fn parse(
    arguments: Vec<OsString>,
    variables: BTreeMap<String, String>,
) -> Result<Parsed, Failure> {
    let mut problems = Problems::default();
    let matches = match matches(arguments, &mut problems) {
        Ok(matches) => matches,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return Ok(Parsed::Shown(error.to_string()));
        }
        Err(error) => {
            return Err(Failure::WrongUse(error.to_string().trim_start_matches("error: ").to_owned()));
        }
    };
    let sources = |matches: &ArgMatches| Sources { flags: flags(matches), variables: variables.clone() };
    Ok(match matches.subcommand() {
        Some(("serve", matches)) => Parsed::Serve(sources(matches), problems),
        Some(("user", user)) => match user.subcommand() {
            Some((_, create)) => Parsed::UserCreate(sources(create), problems, Create::from_matches(create)),
            None => Parsed::Shown(command().render_help().to_string()),
        },
        Some(("key", key)) => match key.subcommand() {
            Some((_, list)) => Parsed::KeyList(sources(list), problems, list.get_flag("json")),
            None => Parsed::Shown(command().render_help().to_string()),
        },
        Some(("master-key", _)) => problems.none_or(Some(Parsed::MasterKeyNew))?,
        Some(("healthcheck", check)) => {
            problems.none_or(Some(Parsed::Healthcheck(Healthcheck::from_matches(check))))?
        }
        _ => Parsed::Serve(sources(&matches), problems),
    })
}

/// clap stops at the first flag that it does not know. Each is noted and taken out, so that the person sees all that is
/// wrong at once.
fn matches(mut arguments: Vec<OsString>, problems: &mut Problems) -> Result<ArgMatches, clap::Error> {
    loop {
        let error = match command().try_get_matches_from(&arguments) {
            Ok(matches) => return Ok(matches),
            Err(error) => error,
        };
        let Some(flag) = unknown_flag(&error) else { return Err(error) };
        let is_it = |argument: &OsString| {
            argument.to_str().is_some_and(|text| text == flag || text.starts_with(&format!("{flag}=")))
        };
        let Some(position) = arguments.iter().skip(1).position(is_it) else { return Err(error) };
        problems.add(&flag, "there is no such flag");
        arguments.remove(position + 1);
        // Its value, if it has one in the next argument, would be taken for a command.
        if arguments
            .get(position + 1)
            .and_then(|next| next.to_str())
            .is_some_and(|next| !next.starts_with('-'))
        {
            let next = arguments[position + 1].to_string_lossy().into_owned();
            if !["serve", "user", "key", "master-key", "healthcheck"].contains(&next.as_str()) {
                arguments.remove(position + 1);
            }
        }
    }
}

fn unknown_flag(error: &clap::Error) -> Option<String> {
    match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(flag))) if flag.starts_with('-') => {
            Some(flag.clone())
        }
        _ => None,
    }
}

fn flags(matches: &ArgMatches) -> BTreeMap<&'static str, String> {
    let given = |setting: &&Setting| matches.try_contains_id(setting.name).unwrap_or(false);
    SETTINGS
        .iter()
        .filter(given)
        .filter_map(|setting| {
            let values: Vec<&str> = matches.get_many::<String>(setting.name)?.map(String::as_str).collect();
            Some((setting.name, values.join(",")))
        })
        .collect()
}

fn command() -> Command {
    let settings = |scope| SETTINGS.iter().filter(move |setting| setting.scope >= scope).map(argument);
    Command::new("countersign")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Authentication for microservices: gRPC, and tokens that verify offline")
        .after_help(
            "A SPAN is a whole number and a unit: 600s, 10m, 1h, 30d. Settings go after the command.\n\n\
             Every setting is also a variable (COUNTERSIGN_LISTEN for --listen) and a key in the file that --config names \
             (listen). A flag wins over its variable, the variable over the file, the file over the default.",
        )
        .args(settings(Scope::Service))
        .args_conflicts_with_subcommands(true)
        .subcommand(Command::new("serve").about("Run the service; what countersign does without a command").args(settings(Scope::Service)))
        .subcommand(
            Command::new("user").about("Work on users").subcommand_required(true).subcommand(
                Command::new("create")
                    .about("Make a user in the database itself, the first admin for instance; the password is asked for, or read from standard input")
                    .args(Create::arguments())
                    .args(settings(Scope::Passwords)),
            ),
        )
        .subcommand(
            Command::new("key").about("Work on signing keys").subcommand_required(true).subcommand(
                Command::new("list")
                    .about("Show the public keys in the database itself, for whoever verifies tokens")
                    .arg(json())
                    .args(settings(Scope::Database)),
            ),
        )
        .subcommand(
            Command::new("master-key")
                .about("Work on master keys")
                .subcommand_required(true)
                .subcommand(Command::new("new").about("Print a new master key, one line k4.local.…, for a file of mode 0600")),
        )
        .subcommand(
            Command::new("healthcheck")
                .about("Ask a running server for its health; exit 0 means serving")
                .args(Healthcheck::arguments()),
        )
}

fn json() -> Arg {
    Arg::new("json").long("json").action(ArgAction::SetTrue).help("For programs: JSON instead of a table")
}

fn argument(setting: &Setting) -> Arg {
    let default = setting.default.filter(|default| !default.is_empty());
    let help = match default {
        Some(default) => format!("{} [default: {default}]", setting.help),
        None => setting.help.to_owned(),
    };
    let argument = Arg::new(setting.name)
        .long(setting.name)
        .value_name(setting.value_name)
        .help(help)
        .allow_negative_numbers(true);
    match setting.shape {
        Shape::One => argument.action(ArgAction::Set),
        Shape::List => argument.action(ArgAction::Append),
        Shape::Switch => {
            argument.action(ArgAction::Set).num_args(0..=1).require_equals(true).default_missing_value("true")
        }
    }
}
