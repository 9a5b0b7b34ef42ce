//! From columns to domain types: the one place where a stored value is read, so that each one that cannot be is reported
//! by table, column and row, and never shown.

use std::net::IpAddr;

use sea_orm::{EntityTrait, IdenStatic, QueryResult, TryGetable};
use uuid::Uuid;

use crate::domain::{Generation, Timestamp};

use super::StoreError;

/// One row of the table `E`, or its part of a joined one.
pub(super) struct Row<'a, E: EntityTrait> {
    result: &'a QueryResult,
    table: &'static str,
    columns: &'static [E::Column],
    /// Where the part begins.
    first: usize,
}

impl<'a, E: EntityTrait + Default> Row<'a, E> {
    /// The row whose `columns` were selected, in their order, after `first` others.
    pub(super) fn new(result: &'a QueryResult, columns: &'static [E::Column], first: usize) -> Self {
        Self { result, table: E::default().table_name(), columns, first }
    }

    /// The value of `column`, as the driver reads it.
    pub(super) fn read<T: TryGetable>(&self, column: E::Column) -> Result<T, StoreError> {
        self.parse(column, Some)
    }

    /// The value of `column`, as `parse` reads it.
    pub(super) fn parse<T: TryGetable, U>(
        &self,
        column: E::Column,
        parse: impl FnOnce(T) -> Option<U>,
    ) -> Result<U, StoreError> {
        self.value(column).and_then(parse).ok_or_else(|| self.damaged(column))
    }

    /// The id in `column`.
    pub(super) fn id(&self, column: E::Column) -> Result<Uuid, StoreError> {
        self.parse(column, |bytes: Vec<u8>| Uuid::from_slice(&bytes).ok())
    }

    /// The moment in `column`.
    pub(super) fn time(&self, column: E::Column) -> Result<Timestamp, StoreError> {
        self.read(column).map(Timestamp::from_millis)
    }

    /// The address in `column`.
    pub(super) fn address(&self, column: E::Column) -> Result<Option<IpAddr>, StoreError> {
        self.parse(column, |text: Option<String>| text.map_or(Some(None), |text| text.parse().ok().map(Some)))
    }

    /// The id in `column`, if there is one.
    pub(super) fn optional_id(&self, column: E::Column) -> Result<Option<Uuid>, StoreError> {
        self.parse(column, |bytes: Option<Vec<u8>>| {
            bytes.map_or(Some(None), |bytes| Uuid::from_slice(&bytes).ok().map(Some))
        })
    }

    /// Says that `column` of this row cannot be read.
    pub(super) fn damaged(&self, column: E::Column) -> StoreError {
        StoreError::Damaged { table: self.table, column: column.as_str(), row: self.name() }
    }

    fn value<T: TryGetable>(&self, column: E::Column) -> Option<T> {
        let place = self.columns.iter().position(|c| c.as_str() == column.as_str())?;
        self.result.try_get_by_index(self.first + place).ok()
    }

    /// The row's id, for a report: the value of the first column, a UUID or a number.
    fn name(&self) -> String {
        let uuid = || {
            let bytes: Vec<u8> = self.result.try_get_by_index(self.first).ok()?;
            Uuid::from_slice(&bytes).ok().map(|id| id.to_string())
        };
        let number = || {
            let number = self.result.try_get_by_index::<i64>(self.first);
            // PostgreSQL reads no number as a longer one.
            let number = number.or_else(|_| self.result.try_get_by_index::<i16>(self.first).map(i64::from));
            Some(number.ok()?.to_string())
        };
        uuid().or_else(number).unwrap_or_else(|| "?".to_owned())
    }
}

/// The bytes of an id, as the database stores them.
pub(super) fn bytes(id: Uuid) -> Vec<u8> {
    id.into_bytes().to_vec()
}

/// A generation beyond what a signed number holds takes more refreshes than there will be.
pub(super) fn number(generation: Generation) -> i64 {
    i64::try_from(generation.number()).unwrap_or(i64::MAX)
}
