//! Bringing the schema up to date. The changes themselves are the crate `countersign-migration`.
//!
//! SeaORM's own runner takes no lock between processes, does not put a change and the note that it was made into one
//! transaction, and refuses a database that a newer release has touched, which would end a rolling upgrade. So this one
//! keeps its own notes, and with each change the lowest schema that a program must know to live with it.

use countersign_migration::{Migration, SchemaManager};
use sea_orm::sea_query::{ColumnDef, Expr, ExprTrait, InsertStatement, Query, Table, TableCreateStatement};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait, Iden,
    QueryOrder, QuerySelect, QueryTrait, Statement, TransactionTrait,
};

use crate::domain::Timestamp;

use super::entity::schema_migrations::{Column, Entity};
use super::row::Row;
use super::{OpenError, StoreError, sqlite};

/// The lock of those who change the schema: a number that nobody else uses, the bytes of "counters".
const POSTGRES_LOCK: &str = "SELECT pg_advisory_xact_lock(7165074649429406323)";
/// The same by a name of this database's own.
const MYSQL_LOCK: &str = "SELECT GET_LOCK(CONCAT('countersign.', DATABASE()), 60)";

const COLUMNS: [Column; 3] = [Column::Number, Column::Name, Column::MinReader];

/// The note of one change that the database has.
pub(super) struct Applied {
    pub(super) number: i64,
    pub(super) name: String,
    pub(super) min_reader: i64,
}

/// Makes the changes of `known` that the database does not have, each in a transaction with its note. Processes that do
/// so at once take turns: each looks again at what is missing when its turn comes. The names of those that were made here.
pub(super) async fn migrate(
    writer: &DatabaseConnection,
    known: &[Box<dyn Migration>],
    now: Timestamp,
) -> Result<Vec<String>, OpenError> {
    let mut made = Vec::new();
    loop {
        let transaction = begin_locked(writer).await?;
        let Some(name) = apply_next(&transaction, known, now).await? else {
            write_nothing(&transaction).await?;
            transaction.rollback().await?;
            return Ok(made);
        };
        transaction.commit().await?;
        made.push(name);
    }
}

/// Reads one row.
pub(super) async fn ping(readers: &DatabaseConnection) -> Result<(), StoreError> {
    let first = Entity::find().select_only().column(Column::Number).limit(1);
    readers.query_one(&first.into_query()).await?;
    Ok(())
}

/// Begins a transaction that no other process can have open at the same time, on the same database.
async fn begin_locked(writer: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    match writer.get_database_backend() {
        DbBackend::Sqlite => sqlite::begin_opening(writer).await,
        DbBackend::Postgres => {
            let transaction = writer.begin().await?;
            // Others may take as long as all their changes.
            transaction
                .execute_unprepared("SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = '60s'")
                .await?;
            // Freed by the end of the transaction.
            transaction.execute_unprepared(POSTGRES_LOCK).await?;
            Ok(transaction)
        }
        _ => {
            let transaction = writer.begin().await?;
            // It belongs to the connection, which is closed when all is done: neither a commit nor those that are hidden in
            // changes of the schema free it. Taking it again does no harm.
            let locked =
                transaction.query_one_raw(Statement::from_string(DbBackend::MySql, MYSQL_LOCK)).await?;
            match locked.map(|row| row.try_get_by_index::<Option<i64>>(0)).transpose()?.flatten() {
                Some(1) => Ok(transaction),
                _ => Err(DbErr::Migration("another process changes the schema and does not end".to_owned())),
            }
        }
    }
}

/// Makes the next change and notes it. Its name; `None` if there is none.
async fn apply_next(
    transaction: &DatabaseTransaction,
    known: &[Box<dyn Migration>],
    now: Timestamp,
) -> Result<Option<String>, OpenError> {
    transaction.execute(&create_notes()).await?;
    let applied = lookup_applied(transaction).await?;
    judge(&applied, known)?;
    if applied.is_empty() && has_tables_of_another_program(&SchemaManager::new(transaction)).await? {
        return Err(OpenError::ForeignTables);
    }
    let missing = numbered(known).find(|(number, _)| applied.iter().all(|a| a.number != *number));
    let Some((number, migration)) = missing else {
        return Ok(None);
    };
    migration.up(&SchemaManager::new(transaction)).await?;
    transaction.execute(&note(number, migration, now)?).await?;
    Ok(Some(migration.name().to_owned()))
}

/// What is noted of a change.
pub(super) fn note(
    number: i64,
    migration: &dyn Migration,
    now: Timestamp,
) -> Result<InsertStatement, StoreError> {
    Ok(Query::insert()
        .into_table(Entity)
        .columns([Column::Number, Column::Name, Column::MinReader, Column::Applied])
        .values([
            number.into(),
            migration.name().into(),
            migration.min_reader().into(),
            now.as_millis().into(),
        ])
        .map_err(StoreError::unexpected)?
        .to_owned())
}

/// Whether somebody else's table stands where the first of ours belongs. On MySQL that may be our own,
/// left without its note by a change that was broken off, and the change is made again.
pub(super) async fn has_tables_of_another_program(manager: &SchemaManager<'_>) -> Result<bool, DbErr> {
    match manager.get_database_backend() {
        DbBackend::Sqlite | DbBackend::Postgres => manager.has_table("users").await,
        _ => Ok(false),
    }
}

/// Fails where the database cannot be written: a start without changes to make would not notice, and the first user
/// would.
async fn write_nothing(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    let update = Query::update()
        .table(Entity)
        .value(Column::Applied, 0_i64)
        .and_where(Expr::col(Column::Number).lt(0_i64))
        .to_owned();
    transaction.execute(&update).await?;
    Ok(())
}

/// Whether a program that knows `known` may use a database that has `applied`.
pub(super) fn judge(applied: &[Applied], known: &[Box<dyn Migration>]) -> Result<(), OpenError> {
    let knows = i64::try_from(known.len()).unwrap_or(i64::MAX);
    let needs = applied.iter().map(|a| a.min_reader).max().unwrap_or(0);
    let found = applied.iter().map(|a| a.number).max().unwrap_or(0);
    if needs > knows {
        return Err(OpenError::Newer { found, needs, knows });
    }
    let foreign =
        applied.iter().find(|a| numbered(known).any(|(number, m)| number == a.number && m.name() != a.name));
    match foreign {
        Some(a) => Err(OpenError::Foreign { number: a.number }),
        None => Ok(()),
    }
}

pub(super) fn numbered(known: &[Box<dyn Migration>]) -> impl Iterator<Item = (i64, &dyn Migration)> {
    (1..).zip(known.iter().map(Box::as_ref))
}

/// The table of notes is nobody's migration: they need it themselves.
pub(super) fn create_notes() -> TableCreateStatement {
    let name = |column: Column| Iden::unquoted(&column).to_owned();
    Table::create()
        .table(Entity)
        .if_not_exists()
        .col(ColumnDef::new(name(Column::Number)).big_integer().not_null().primary_key())
        .col(ColumnDef::new(name(Column::Name)).text().not_null())
        .col(ColumnDef::new(name(Column::MinReader)).big_integer().not_null())
        .col(ColumnDef::new(name(Column::Applied)).big_integer().not_null())
        .to_owned()
}

pub(super) async fn lookup_applied(transaction: &impl ConnectionTrait) -> Result<Vec<Applied>, StoreError> {
    let all = Entity::find().select_only().columns(COLUMNS).order_by_asc(Column::Number);
    let rows = transaction.query_all(&all.into_query()).await?;
    rows.iter()
        .map(|result| {
            let row = Row::<Entity>::new(result, &COLUMNS, 0);
            Ok(Applied {
                number: row.read(Column::Number)?,
                name: row.read(Column::Name)?,
                min_reader: row.read(Column::MinReader)?,
            })
        })
        .collect()
}
