//! `countersign check`: whether what is in the database fits together.

use clap::Command;
use serde_json::Value;

use super::database_command::DatabaseCommand;
use super::escape::escape;
use super::given::Given;
use super::json::{self, Object};
use super::verb::Verb;
use super::{Failure, print, setting_flags};
use crate::auth::{Checked, check};
use crate::config::{CheckConfig, Scope};
use crate::server::Surroundings;
use crate::store::{Finding, Maintenance};

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    Command::new("check")
        .about(
            "Read the whole database, of a running service too, and say what does not fit together; with --master-key-file \
             also whether its keys unwrap. Nothing is changed",
        )
        .arg(json::argument())
        .args(setting_flags::one("master-key-file"))
        .args(setting_flags::arguments(Scope::Database))
}

fn run(given: Given) -> Result<(), Failure> {
    let json = given.flag("json");
    let command = DatabaseCommand::prepare(given, CheckConfig::read, |config| config.log)?;
    let checked = command.runtime.block_on(look(command.config))?;
    print(&if json { json::render(&as_json(&checked)) } else { as_lines(&checked) })?;
    match number(&checked) {
        0 => Ok(()),
        1 => Err(Failure::refused("something in the database does not fit")),
        number => Err(Failure::refused(format!("{number} things in the database do not fit"))),
    }
}

async fn look(config: CheckConfig) -> Result<Checked, Failure> {
    let Surroundings { clock, entropy } = Surroundings::system();
    let master_keys = config.master_keys.map(|files| files.load(false, &*entropy)).transpose();
    let master_keys = master_keys.map_err(Failure::refused)?;
    let database = Maintenance::open_to_read(&config.store).await.map_err(Failure::refused)?;
    let checked = check(&database, master_keys.as_deref(), clock.now()).await.map_err(Failure::refused);
    database.close().await.map_err(Failure::refused)?;
    checked
}

fn number(checked: &Checked) -> u64 {
    let kept = u64::try_from(checked.findings.kept().len()).unwrap_or(u64::MAX);
    kept.saturating_add(checked.findings.more())
}

/// A line for each finding, and one for the whole.
fn as_lines(checked: &Checked) -> String {
    let line = |Finding { table, column, row, what }: &Finding| {
        format!("table {table}, column {column}, row {}: {what}", escape(row))
    };
    let mut lines: Vec<String> = checked.findings.kept().iter().map(line).collect();
    if checked.findings.more() > 0 {
        lines.push(format!("and {} more at least", checked.findings.more()));
    }
    let counts: Vec<String> = checked.counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    let found = match number(checked) {
        0 => "no findings".to_owned(),
        1 => "1 finding".to_owned(),
        number => format!("{number} findings"),
    };
    lines.push(format!("checked {}: {found}", counts.join(", ")));
    lines.join("\n")
}

fn as_json(checked: &Checked) -> Value {
    let finding = |Finding { table, column, row, what }: &Finding| {
        Value::from(
            Object::default()
                .text("table", table)
                .text("column", column)
                .text("row", row)
                .text("finding", what),
        )
    };
    let long = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let counts = checked
        .counts
        .iter()
        .fold(Object::default(), |counts, (name, count)| counts.long(&camel(name), long(*count)));
    Object::default()
        .value("checked", counts)
        .list("findings", checked.findings.kept().iter().map(finding))
        .long("moreFindings", long(checked.findings.more()))
        .into()
}

/// `reset codes` as `resetCodes`.
fn camel(name: &str) -> String {
    let mut words = name.split(' ');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |camel, word| {
        let (head, tail) = word.split_at(word.len().min(1));
        camel + &head.to_uppercase() + tail
    })
}
