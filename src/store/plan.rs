//! What bringing a database up to date would run. The changes themselves write the plan: they run against a connection that
//! notes what it is told, and asks the database what they ask. So it cannot say anything else than what would be done.

use countersign_migration::{Migration, SchemaManager};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, MockDatabase, MockExecResult, Statement, Value,
};

use super::database_url::Place;
use super::maintenance::Maintenance;
use super::{OpenError, StoreConfig, schema};
use crate::domain::Timestamp;

/// More than any change runs.
const MOST_STATEMENTS: usize = 256;
/// What a change asks begins so, and nothing else of it does.
const QUESTION: &str = "SELECT";
/// The names under which a change reads an answer.
const ANSWERS: [&str; 3] = ["has_table", "has_column", "has_index"];

/// A change of the schema that is still to be made.
#[derive(Clone, Debug)]
pub struct PlannedChange {
    /// Its name.
    pub name: String,
    /// Its statements, in their order; the last notes that it was made.
    pub statements: Vec<String>,
    /// Whether they are one transaction. MySQL has none for changes of a schema.
    pub is_transaction: bool,
}

/// What would be run to bring a database up to date, oldest first, noted at `now`. Nothing is changed.
pub async fn plan(config: &StoreConfig, now: Timestamp) -> Result<Vec<PlannedChange>, OpenError> {
    let backend = match config.url.place() {
        Place::Sqlite(_) => DbBackend::Sqlite,
        Place::Postgres(_) => DbBackend::Postgres,
        Place::MySql(_) => DbBackend::MySql,
    };
    // A file that is not there would be made empty.
    if config.url.file().is_some_and(|file| !file.exists()) {
        return Planner { db: None, backend }.plan(now).await;
    }
    let maintenance = Maintenance::open_to_read(config).await?;
    let planned = Planner { db: Some(maintenance.db()), backend }.plan(now).await;
    maintenance.close().await?;
    planned
}

struct Planner<'a> {
    /// `None` is an empty database.
    db: Option<&'a DatabaseConnection>,
    backend: DbBackend,
}

impl Planner<'_> {
    async fn plan(&self, now: Timestamp) -> Result<Vec<PlannedChange>, OpenError> {
        let known = countersign_migration::migrations();
        let applied = match self.db {
            Some(db) if SchemaManager::new(db).has_table("schema_migrations").await? => {
                schema::lookup_applied(db).await?
            }
            _ => Vec::new(),
        };
        schema::judge(&applied, &known)?;
        if let Some(db) = self.db
            && applied.is_empty()
            && schema::has_tables_of_another_program(&SchemaManager::new(db)).await?
        {
            return Err(OpenError::ForeignTables);
        }
        let mut changes = Vec::new();
        for (number, migration) in schema::numbered(&known) {
            if applied.iter().any(|change| change.number == number) {
                continue;
            }
            let mut statements = Vec::new();
            if applied.is_empty() && changes.is_empty() {
                statements.push(self.backend.build(&schema::create_notes()).to_string());
            }
            statements.extend(self.statements_of(migration).await?);
            statements.push(self.backend.build(&schema::note(number, migration, now)?).to_string());
            changes.push(PlannedChange {
                name: migration.name().to_owned(),
                statements,
                is_transaction: self.backend != DbBackend::MySql,
            });
        }
        Ok(changes)
    }

    /// What a change runs. It is run again for each of its questions: the connection takes all answers beforehand.
    async fn statements_of(&self, migration: &dyn Migration) -> Result<Vec<String>, DbErr> {
        let mut answers = Vec::new();
        loop {
            let recorder = recorder(self.backend, &answers);
            let outcome = migration.up(&SchemaManager::new(&recorder)).await;
            let told: Vec<Statement> =
                recorder.into_transaction_log().iter().flat_map(|part| part.statements().to_vec()).collect();
            let (questions, changes): (Vec<_>, Vec<_>) =
                told.into_iter().partition(|statement| statement.sql.starts_with(QUESTION));
            match questions.into_iter().nth(answers.len()) {
                Some(question) => answers.push(self.ask(question).await?),
                None => {
                    outcome?;
                    return Ok(changes.iter().map(Statement::to_string).collect());
                }
            }
        }
    }

    async fn ask(&self, question: Statement) -> Result<bool, DbErr> {
        let Some(db) = self.db else { return Ok(false) };
        let answer = db.query_one_raw(question).await?;
        answer.map_or(Ok(false), |row| row.try_get_by_index(0))
    }
}

/// A connection that does nothing, and answers its questions so.
fn recorder(backend: DbBackend, answers: &[bool]) -> DatabaseConnection {
    let row = |answer: bool| ANSWERS.map(|name| (name.to_owned(), Value::from(answer))).into_iter().collect();
    let rows = answers.iter().map(|answer| [row(*answer)] as [std::collections::BTreeMap<String, Value>; 1]);
    MockDatabase::new(backend)
        .append_exec_results(vec![MockExecResult::default(); MOST_STATEMENTS])
        .append_query_results(rows)
        .into_connection()
}
