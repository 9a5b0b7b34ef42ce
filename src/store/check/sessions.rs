//! Sessions: their users, their refresh tokens, their moments, and whether what was ended is revoked.

use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query, SelectStatement};

use super::findings::Findings;
use super::pass::Pass;
use crate::domain::{Timestamp, UserState};
use crate::store::StoreError;
use crate::store::entity::sessions::{Column, Entity};
use crate::store::entity::{revocations, users};
use crate::store::refresh::read_chain;
use crate::store::row::Row;
use crate::store::sessions::{NO_GENERATION, read_session, until};
use crate::store::trust_log::{SESSION, USER};
use crate::store::users::state_code;

const COLUMNS: [Column; 16] = [
    Column::Id,
    Column::UserId,
    Column::Amr,
    Column::AuthTime,
    Column::Created,
    Column::Used,
    Column::Expires,
    Column::Ended,
    Column::TokensUntil,
    Column::UserAgent,
    Column::Peer,
    Column::Generation,
    Column::CurrentHash,
    Column::SpentHash,
    Column::RetryHash,
    Column::Salt,
];
const HASHES: [Column; 4] = [Column::CurrentHash, Column::SpentHash, Column::RetryHash, Column::Salt];

impl Pass {
    /// Checks all sessions at `now`. `oldest_key` is when the oldest signing key came to be: tokens of before are revoked
    /// with the keys that signed them. How many there are.
    pub async fn check_sessions(
        &self,
        findings: &mut Findings,
        oldest_key: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let wrong = |condition: Expr| Condition::all().add(condition);
        let nobodys = wrong(Expr::exists(owner()).not());
        self.find_wrong::<Entity>(findings, (Column::Id, Column::UserId), nobodys, "is no user's").await?;
        let inactive = owner()
            .and_where(Expr::col((users::Entity, users::Column::State)).ne(state_code(UserState::Active)))
            .to_owned();
        let open = wrong(Expr::exists(inactive)).add(Expr::col((Entity, Column::Ended)).is_null());
        let ended = (Column::Id, Column::Ended);
        self.find_wrong::<Entity>(findings, ended, open, "is missing, and the user is not active").await?;
        let named = wrong(Expr::exists(entry(SESSION))).add(Expr::col((Entity, Column::Ended)).is_null());
        self.find_wrong::<Entity>(findings, ended, named, "is missing, and the session is revoked").await?;
        if let Some(oldest_key) = oldest_key {
            // Entries are kept for a minute longer than tokens live.
            let unrevoked = wrong(Expr::col((Entity, Column::Ended)).gt(oldest_key.as_millis()))
                .add(Expr::from(until()).gt(now.as_millis()))
                .add(Expr::exists(entry(SESSION)).not())
                .add(Expr::exists(entry(USER)).not());
            let what = "is there, tokens may be alive, and no revocation is in the log";
            self.find_wrong::<Entity>(findings, ended, unrevoked, what).await?;
        }
        self.walk::<Entity>(&COLUMNS, findings, visit).await
    }
}

/// The user of the session that is being looked at.
fn owner() -> SelectStatement {
    Query::select()
        .expr(Expr::val(1))
        .from(users::Entity)
        .and_where(Expr::col((users::Entity, users::Column::Id)).equals((Entity, Column::UserId)))
        .to_owned()
}

/// What is in the log of it: of itself, or of its user.
fn entry(kind: i16) -> SelectStatement {
    let column = |column| Expr::col((revocations::Entity, column));
    let mut select = Query::select()
        .expr(Expr::val(1))
        .from(revocations::Entity)
        .and_where(column(revocations::Column::UserId).equals((Entity, Column::UserId)))
        .and_where(column(revocations::Column::Kind).eq(kind))
        .to_owned();
    if kind == SESSION {
        select.and_where(column(revocations::Column::SessionId).equals((Entity, Column::Id)));
    }
    select
}

fn visit(row: &Row<'_, Entity>, findings: &mut Findings) -> Result<(), StoreError> {
    let session = read_session(row)?;
    let backwards = session.created > session.expires;
    findings.at_if(backwards, || row.damaged(Column::Expires), "is before the session was opened");
    let generation = row.read::<i64>(Column::Generation)?;
    let is_there = |column| Ok::<_, StoreError>(row.read::<Option<Vec<u8>>>(column)?.is_some());
    if generation == NO_GENERATION {
        for column in HASHES {
            let what = "is there, and the session has no refresh token";
            findings.at_if(is_there(column)?, || row.damaged(column), what);
        }
        return Ok(());
    }
    read_chain(row)?;
    let spent = is_there(Column::SpentHash)?;
    let what = "does not fit the generation: the first token has none before it, every other has";
    findings.at_if(spent != (generation > 1), || row.damaged(Column::SpentHash), what);
    let what = "does not belong to a spent token";
    findings.at_if(is_there(Column::Salt)? != spent, || row.damaged(Column::Salt), what);
    findings.at_if(is_there(Column::RetryHash)? && !spent, || row.damaged(Column::RetryHash), what);
    Ok(())
}
