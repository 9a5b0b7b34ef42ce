//! The settings of the table as flags of a command, and back.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::{SETTINGS, Scope, Setting, Shape};

/// The flags of a command that works within `scope`.
pub(super) fn arguments(scope: Scope) -> impl Iterator<Item = Arg> {
    SETTINGS.iter().filter(move |setting| setting.scope >= scope).map(argument)
}

/// The flag of one setting, for a command that takes it beside those of its scope.
pub(super) fn one(name: &str) -> Option<Arg> {
    SETTINGS.iter().find(|setting| setting.name == name).map(argument)
}

/// The settings that were given as flags, by name.
pub(super) fn read(matches: &ArgMatches) -> BTreeMap<&'static str, String> {
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

fn argument(setting: &Setting) -> Arg {
    let default = setting.default.filter(|default| !default.is_empty());
    let help = match default {
        Some(default) => format!("{} [default: {default}]", setting.help),
        None => setting.help.to_owned(),
    };
    let argument = Arg::new(setting.name)
        .long(setting.name)
        .value_name(setting.value_name)
        .value_parser(Text { words: setting.words().collect() })
        // They are the value's name in the help already.
        .hide_possible_values(true)
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

/// A value as it was typed, whatever it is, so that what is wrong with it is said together with all else that is. Of the
/// words that it should be only the shell is told, which offers them.
#[derive(Clone)]
struct Text {
    words: Vec<&'static str>,
}

impl TypedValueParser for Text {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        // None at all would be an empty list for the shell, which offers files where it knows nothing.
        (!self.words.is_empty()).then(|| Box::new(self.words.iter().map(PossibleValue::new)) as _)
    }
}
