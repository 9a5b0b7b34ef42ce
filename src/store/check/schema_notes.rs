//! The notes of which changes the schema has.

use super::findings::{Finding, Findings};
use super::pass::Pass;
use crate::store::{StoreError, schema};

impl Pass {
    /// Checks the notes. How many changes the schema has.
    pub async fn check_schema_notes(&self, findings: &mut Findings) -> Result<u64, StoreError> {
        let known = countersign_migration::migrations();
        let notes = schema::lookup_applied(&self.db).await?;
        let mut add = |column, number: i64, what| {
            findings.add(Finding { table: "schema_migrations", column, row: number.to_string(), what });
        };
        for (number, migration) in schema::numbered(&known) {
            match notes.iter().find(|note| note.number == number) {
                None => add("number", number, "is missing, and later changes are there"),
                Some(note) if note.name != migration.name() => add("name", number, "is not Countersign's"),
                Some(_) => {}
            }
        }
        for note in &notes {
            if !(1..=note.number).contains(&note.min_reader) {
                add("min_reader", note.number, "asks for a program from after the change, or for none");
            }
        }
        Ok(u64::try_from(notes.len()).unwrap_or(u64::MAX))
    }
}
