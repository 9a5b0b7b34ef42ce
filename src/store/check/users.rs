//! Users: their names, roles, states, epochs and hashes.

use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query};

use super::findings::Findings;
use super::pass::Pass;
use crate::domain::StoredPassword;
use crate::store::StoreError;
use crate::store::entity::users::{Column, Entity};
use crate::store::row::Row;
use crate::store::users::{DELETED, read_user};

const COLUMNS: [Column; 10] = [
    Column::Id,
    Column::NameMapped,
    Column::NameShown,
    Column::PasswordHash,
    Column::Roles,
    Column::State,
    Column::Epoch,
    Column::Collapses,
    Column::Created,
    Column::Deleted,
];

impl Pass {
    /// Checks all users; `is_password` says whether a hash is one. How many there are, deleted ones included.
    pub async fn check_users(
        &self,
        findings: &mut Findings,
        is_password: impl Fn(&StoredPassword) -> bool,
    ) -> Result<u64, StoreError> {
        // Only a table without its constraint can hold one.
        let twice = Query::select()
            .column(Column::NameMapped)
            .from(Entity)
            .group_by_col(Column::NameMapped)
            .and_having(Expr::col(Column::Id).count().gt(1))
            .to_owned();
        let shared = Condition::all().add(Expr::col((Entity, Column::NameMapped)).in_subquery(twice));
        let name = (Column::Id, Column::NameMapped);
        self.find_wrong::<Entity>(findings, name, shared, "belongs to another row too").await?;
        self.walk::<Entity>(&COLUMNS, findings, |row, findings| visit(row, findings, &is_password)).await
    }
}

fn visit(
    row: &Row<'_, Entity>,
    findings: &mut Findings,
    is_password: impl Fn(&StoredPassword) -> bool,
) -> Result<(), StoreError> {
    let (epoch, collapses) = (row.read::<i64>(Column::Epoch)?, row.read::<i64>(Column::Collapses)?);
    findings.at_if(epoch < 1, || row.damaged(Column::Epoch), "is before the first epoch");
    let impossible = collapses < 0 || collapses >= epoch;
    findings.at_if(impossible, || row.damaged(Column::Collapses), "is not a part of the raises of the epoch");
    let deleted = row.read::<Option<i64>>(Column::Deleted)?;
    if row.read::<i16>(Column::State)? == DELETED {
        row.id(Column::Id)?;
        let lost = deleted.is_none();
        findings.at_if(lost, || row.damaged(Column::Deleted), "is missing: its name would rest for ever");
        return Ok(());
    }
    findings.at_if(
        deleted.is_some(),
        || row.damaged(Column::Deleted),
        "is there, and the user is not deleted",
    );
    let user = read_user(row)?;
    let mapped = row.read::<Vec<u8>>(Column::NameMapped)?;
    let other = mapped != user.username.mapped().as_bytes();
    findings.at_if(other, || row.damaged(Column::NameMapped), "is not the mapped form of name_shown");
    let password = StoredPassword::from_phc(row.read::<String>(Column::PasswordHash)?);
    findings.at_if(
        !is_password(&password),
        || row.damaged(Column::PasswordHash),
        "is not a hash that a password can be checked against",
    );
    Ok(())
}
