//! Where values come from: a flag wins over its variable, the variable over the file, the file over the default.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::settings::{
    CA_FILE_VARIABLE, CLIENT_CERT_VARIABLES, SERVER_NAME_VARIABLE, SERVER_VARIABLE, SETTINGS, Setting,
    TOKEN_VARIABLE,
};
use super::{Problems, Shape};

/// Everything that settings are read from.
#[derive(Debug, Default)]
pub struct Sources {
    /// By setting name: what the command line says.
    pub flags: BTreeMap<&'static str, String>,
    /// The environment: names and values.
    pub variables: BTreeMap<String, String>,
}

/// The values that were found, each with the name of the place that it came from.
#[derive(Debug)]
pub struct Values {
    found: BTreeMap<&'static str, Found>,
    /// Variables that look like settings and are none.
    pub unknown_variables: Vec<String>,
}

/// A value and where it came from.
#[derive(Debug)]
struct Found {
    value: String,
    place: String,
    explicit: bool,
}

impl Sources {
    /// Finds every setting's value. Whatever cannot be read is noted, and reading goes on.
    pub fn resolve(self, problems: &mut Problems) -> Values {
        let mut found = BTreeMap::new();
        let file = self.read_file(problems);
        for setting in &SETTINGS {
            let variable = setting.variable();
            let (value, place, explicit) = if let Some(value) = self.flags.get(setting.name) {
                (value.clone(), setting.flag(), true)
            } else if let Some(value) = self.variables.get(&variable) {
                (value.clone(), variable, true)
            } else if let Some(value) = file.get(setting.name) {
                (value.clone(), format!("{} in the configuration file", setting.file_key()), true)
            } else if let Some(default) = setting.default {
                (default.to_owned(), setting.flag(), false)
            } else {
                continue;
            };
            found.insert(setting.name, Found { value, place, explicit });
        }
        Values { found, unknown_variables: self.unknown_variables() }
    }

    fn unknown_variables(&self) -> Vec<String> {
        let mut known: Vec<String> = SETTINGS.iter().map(Setting::variable).collect();
        // Whoever administers the service from the shell that it was started in has these.
        known.extend(
            [SERVER_VARIABLE, SERVER_NAME_VARIABLE, TOKEN_VARIABLE, CA_FILE_VARIABLE].map(str::to_owned),
        );
        known.extend(CLIENT_CERT_VARIABLES.map(str::to_owned));
        let ours = self.variables.keys().filter(|name| name.starts_with("COUNTERSIGN_"));
        ours.filter(|name| !known.contains(name)).cloned().collect()
    }

    fn read_file(&self, problems: &mut Problems) -> BTreeMap<&'static str, String> {
        let (path, place) = match (self.flags.get("config"), self.variables.get("COUNTERSIGN_CONFIG")) {
            (Some(path), _) => (Path::new(path), "--config"),
            (None, Some(path)) => (Path::new(path), "COUNTERSIGN_CONFIG"),
            (None, None) => return BTreeMap::new(),
        };
        let text = match read_regular(path) {
            Ok(text) => text,
            Err(error) => {
                problems.add_setting(place, format!("the file {} cannot be read: {error}", path.display()));
                return BTreeMap::new();
            }
        };
        match text.parse::<toml::Table>() {
            Ok(table) => read_table(&table, problems),
            // The parser's own sentence quotes the line, and the line may hold a password.
            Err(error) => {
                let line = error.span().map_or(0, |span| text[..span.start].matches('\n').count() + 1);
                problems.add_setting(place, format!("the file {} is not TOML, line {line}", path.display()));
                BTreeMap::new()
            }
        }
    }
}

/// A pipe would be waited for, and a device read until the memory ends.
fn read_regular(path: &Path) -> io::Result<String> {
    const MOST: u64 = 1 << 20;
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() || metadata.len() > MOST {
        return Err(io::Error::other("it is not a file of at most 1 MiB"));
    }
    std::fs::read_to_string(path)
}

fn read_table(table: &toml::Table, problems: &mut Problems) -> BTreeMap<&'static str, String> {
    let mut values = BTreeMap::new();
    for (key, value) in table {
        let name = format!("{key:?} in the configuration file");
        match SETTINGS.iter().find(|setting| setting.file_key() == *key && setting.name != "config") {
            None => problems.add_setting(&name, "there is no such setting"),
            Some(setting) => match read_value(value, setting.shape) {
                Some(text) => {
                    values.insert(setting.name, text);
                }
                None => problems.add_setting(
                    &name,
                    "must be a text, a number, true or false, or for a list an array of texts",
                ),
            },
        }
    }
    values
}

fn read_value(value: &toml::Value, shape: Shape) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(switch) => Some(switch.to_string()),
        toml::Value::Array(items) if shape == Shape::List => {
            let texts: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}

impl Values {
    /// The value of the setting called `name`, read by `parse`. If that fails it is noted under the name of the place
    /// that the value came from.
    pub(super) fn read<T>(
        &self,
        name: &str,
        problems: &mut Problems,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let found = self.found.get(name)?;
        match parse(&found.value) {
            Ok(value) => Some(value),
            Err(problem) => {
                problems.add_setting(&found.place, problem);
                None
            }
        }
    }

    /// Whether somebody said something about the setting, be it its default.
    pub(super) fn is_explicit(&self, name: &str) -> bool {
        self.found.get(name).is_some_and(|found| found.explicit)
    }
}
