//! Where the database came to be. An older copy in its place knows nothing of what was revoked since, and believes it again:
//! so nobody serves a copy before it is fenced. A backup carries a mark that says what it is; PostgreSQL's own numbers tell
//! where a dump was read into another database. A standby that was promoted keeps both, and is no copy.

use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, QuerySelect, QueryTrait, Statement,
};

use super::entity::origin::{Column, Entity};
use super::entity::schema_migrations;
use super::error::{Meaning, meaning_of};
use super::row::Row;
use super::transaction::Transaction;
use super::{OpenError, Store, StoreError};

/// The change of the schema that made the table.
pub(super) const SINCE: i64 = 13;

const COLUMNS: [Column; 4] =
    [Column::Id, Column::MustBeFenced, Column::SystemIdentifier, Column::DatabaseOid];
/// The id of the only row.
const ID: i16 = 1;

const SYSTEM_IDENTIFIER: &str = "SELECT system_identifier FROM pg_control_system()";
const DATABASE_OID: &str = "SELECT CAST(oid AS BIGINT) FROM pg_database WHERE datname = current_database()";

/// By what a server tells its databases apart. What is not known matches everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Identity {
    system_identifier: Option<i64>,
    database_oid: Option<i64>,
}

impl Identity {
    /// What the server says of the database. SQLite and MySQL say nothing.
    pub(super) async fn ask(db: &DatabaseConnection) -> Result<Self, DbErr> {
        if db.get_database_backend() != DbBackend::Postgres {
            return Ok(Self::default());
        }
        let ask = async |sql: &str| {
            let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
            row.map(|row| row.try_get_by_index::<i64>(0)).transpose()
        };
        let system_identifier = match ask(SYSTEM_IDENTIFIER).await {
            // Not every user may ask everywhere.
            Err(error) if meaning_of(&error) == Meaning::Defect => None,
            answer => answer?,
        };
        Ok(Self { system_identifier, database_oid: ask(DATABASE_OID).await? })
    }

    fn may_be(self, other: Self) -> bool {
        let agree = |one: Option<i64>, other: Option<i64>| one.is_none() || other.is_none() || one == other;
        agree(self.system_identifier, other.system_identifier) && agree(self.database_oid, other.database_oid)
    }
}

/// What the row says.
struct Origin {
    must_be_fenced: bool,
    identity: Identity,
}

impl Store {
    /// Fails if the database is a copy that was not fenced. One that does not know where it came to be has come to be here.
    pub(super) async fn require_original(&self) -> Result<(), OpenError> {
        let readers = self.readers();
        let identity = self.bounded(Identity::ask(&readers)).await?;
        loop {
            match self.find(&select()).await? {
                Some(found) => return judge(&read(&Row::new(&found, &COLUMNS, 0))?, identity),
                // Another process may be as fast: then its row is read.
                None if self.insert_unless_there(&insert(identity, false)?).await? => return Ok(()),
                None => {}
            }
        }
    }
}

impl Transaction {
    /// Says that the database is a copy which must be fenced, or that it is none and came to be here. A copy is refused by
    /// programs too that do not look for the mark.
    pub(super) async fn write_origin(
        &self,
        must_be_fenced: bool,
        identity: Identity,
    ) -> Result<(), StoreError> {
        self.execute(Query::delete().from_table(Entity)).await?;
        self.execute(&insert(identity, must_be_fenced)?).await?;
        let min_reader = if must_be_fenced { SINCE } else { 1 };
        let note = Query::update()
            .table(schema_migrations::Entity)
            .value(schema_migrations::Column::MinReader, min_reader)
            .and_where(Expr::col(schema_migrations::Column::Number).eq(SINCE))
            .to_owned();
        self.execute(&note).await?;
        Ok(())
    }
}

fn judge(origin: &Origin, here: Identity) -> Result<(), OpenError> {
    if origin.must_be_fenced {
        return Err(OpenError::Backup);
    }
    if origin.identity.may_be(here) { Ok(()) } else { Err(OpenError::Elsewhere) }
}

fn select() -> SelectStatement {
    Entity::find().select_only().columns(COLUMNS).into_query()
}

fn insert(
    identity: Identity,
    must_be_fenced: bool,
) -> Result<sea_orm::sea_query::InsertStatement, StoreError> {
    Ok(Query::insert()
        .into_table(Entity)
        .columns(COLUMNS)
        .values([
            ID.into(),
            i16::from(must_be_fenced).into(),
            Expr::val(identity.system_identifier),
            Expr::val(identity.database_oid),
        ])
        .map_err(StoreError::unexpected)?
        .to_owned())
}

fn read(row: &Row<'_, Entity>) -> Result<Origin, StoreError> {
    Ok(Origin {
        must_be_fenced: row.parse(Column::MustBeFenced, |number: i16| match number {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        })?,
        identity: Identity {
            system_identifier: row.read(Column::SystemIdentifier)?,
            database_oid: row.read(Column::DatabaseOid)?,
        },
    })
}
