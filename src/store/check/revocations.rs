//! The trust log and its counter. Numbers may be missing in it: an entry goes when another one supersedes it, and when it
//! hits nothing any more. None may be there twice, or before the first or beyond the counter.

use countersign_verify::KeyId;
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query};

use super::findings::Findings;
use super::pass::Pass;
use crate::store::StoreError;
use crate::store::entity::revocations::{Column, Entity};
use crate::store::entity::{trust_counter, trust_marks, users};
use crate::store::trust_log::{COLUMNS, USER, read_revocation};

const COUNTER: [trust_counter::Column; 3] =
    [trust_counter::Column::Id, trust_counter::Column::Incarnation, trust_counter::Column::Sequence];

impl Pass {
    /// Checks the log and the counter; `ring` are the keys that are in use. How many entries there are.
    pub async fn check_revocations(
        &self,
        findings: &mut Findings,
        ring: &[KeyId],
    ) -> Result<u64, StoreError> {
        let mut counter = None;
        self.walk::<trust_counter::Entity>(&COUNTER, findings, |row, findings| {
            let sequence = row.read::<i64>(trust_counter::Column::Sequence)?;
            counter = counter.or(Some(sequence));
            row.parse(trust_counter::Column::Incarnation, |bytes: Vec<u8>| <[u8; 16]>::try_from(bytes).ok())?;
            let damaged = || row.damaged(trust_counter::Column::Sequence);
            findings.at_if(sequence < 0, damaged, "is before the beginning");
            Ok(())
        })
        .await?;
        let twice = Query::select()
            .column(Column::Sequence)
            .from(Entity)
            .group_by_col(Column::Sequence)
            .and_having(Expr::col(Column::Sequence).count().gt(1))
            .to_owned();
        self.find_selected::<Entity>(findings, Column::Sequence, twice, "is another entry's too").await?;
        self.compare(findings, ring).await?;
        let last = counter.unwrap_or(0);
        let beyond = Condition::all().add(Expr::col(trust_marks::Column::Sequence).gt(last));
        let mark = (trust_marks::Column::Sequence, trust_marks::Column::Sequence);
        self.find_wrong::<trust_marks::Entity>(findings, mark, beyond, "is beyond the trust counter").await?;
        self.walk::<Entity>(&COLUMNS, findings, |row, findings| {
            let revocation = read_revocation(row)?;
            let damaged = || row.damaged(Column::Sequence);
            findings.at_if(revocation.sequence < 1, damaged, "is before the first number");
            findings.at_if(revocation.sequence > last, damaged, "is beyond the trust counter");
            Ok(())
        })
        .await
    }

    async fn compare(&self, findings: &mut Findings, ring: &[KeyId]) -> Result<(), StoreError> {
        let user = Query::select()
            .expr(Expr::val(1))
            .from(users::Entity)
            .and_where(Expr::col((users::Entity, users::Column::Id)).equals((Entity, Column::UserId)))
            .and_where(
                Expr::col((users::Entity, users::Column::Epoch)).lt(Expr::col((Entity, Column::BelowEpoch))),
            )
            .to_owned();
        let ahead = Condition::all().add(Expr::col((Entity, Column::Kind)).eq(USER)).add(Expr::exists(user));
        let epoch = (Column::Sequence, Column::BelowEpoch);
        self.find_wrong::<Entity>(findings, epoch, ahead, "is beyond the epoch of the user").await?;
        let used = Condition::all()
            .add(Expr::col((Entity, Column::KeyId)).is_in(ring.iter().map(|key| key.as_str().to_owned())));
        let key = (Column::Sequence, Column::KeyId);
        self.find_wrong::<Entity>(findings, key, used, "is revoked, and in the ring").await
    }
}
