//! Security events and reset codes.

use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query};

use super::findings::Findings;
use super::pass::Pass;
use crate::domain::TokenHash;
use crate::store::StoreError;
use crate::store::entity::{reset_codes, security_events, users};
use crate::store::events::{COLUMNS, read_event};
use crate::store::row::Row;
use crate::store::users::DELETED;

const CODES: [reset_codes::Column; 3] =
    [reset_codes::Column::UserId, reset_codes::Column::CodeHash, reset_codes::Column::Expires];

impl Pass {
    /// Checks all security events. How many there are.
    pub async fn check_events(&self, findings: &mut Findings) -> Result<u64, StoreError> {
        use security_events::{Column, Entity};
        self.walk::<Entity>(&COLUMNS, findings, |row, findings| {
            let event = read_event(row)?;
            let backwards = event.last_time < event.time;
            findings.at_if(backwards, || row.damaged(Column::LastTime), "is before the first time");
            findings.at_if(
                event.count == 0,
                || row.damaged(Column::Count),
                "is of something that never happened",
            );
            Ok(())
        })
        .await
    }

    /// Checks all reset codes. How many there are.
    pub async fn check_reset_codes(&self, findings: &mut Findings) -> Result<u64, StoreError> {
        use reset_codes::{Column, Entity};
        let owner = Query::select()
            .expr(Expr::val(1))
            .from(users::Entity)
            .and_where(Expr::col((users::Entity, users::Column::Id)).equals((Entity, Column::UserId)))
            .and_where(Expr::col((users::Entity, users::Column::State)).ne(DELETED))
            .to_owned();
        let nobodys = Condition::all().add(Expr::exists(owner).not());
        self.find_wrong::<Entity>(findings, (Column::UserId, Column::UserId), nobodys, "is no user's")
            .await?;
        self.walk::<Entity>(&CODES, findings, |row: &Row<'_, Entity>, _| {
            row.id(Column::UserId)?;
            row.time(Column::Expires)?;
            let hash = |bytes: Vec<u8>| bytes.try_into().ok().map(TokenHash::from_bytes);
            row.parse(Column::CodeHash, hash).map(drop)
        })
        .await
    }
}
