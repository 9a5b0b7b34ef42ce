//! Tables for people: a line of headings, columns that stand under each other, and nothing that a terminal obeys.

use std::fmt;

use unicode_width::UnicodeWidthStr;

use super::escape::escape;

/// What stands where there is nothing to say, so that the columns of a line can be counted.
const NOTHING: &str = "-";

/// A table of `N` columns.
pub(super) struct Table<const N: usize>(Vec<[String; N]>);

impl<const N: usize> Table<N> {
    /// The table with these headings and rows. What is in the rows is escaped here.
    pub(super) fn new(headings: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> Self {
        let shown = |cell: String| if cell.is_empty() { NOTHING.to_owned() } else { escape(&cell) };
        let rows = rows.into_iter().map(|row| row.map(shown));
        Self(std::iter::once(headings.map(str::to_owned)).chain(rows).collect())
    }

    /// In places of a terminal: a Chinese character takes two, and a mark above another one none.
    fn widths(&self) -> [usize; N] {
        let width = |column: usize| self.0.iter().map(|row| row[column].width()).max().unwrap_or(0);
        std::array::from_fn(width)
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for row in &self.0 {
            // The padding of `format!` counts characters.
            let pad = |(cell, width): (&String, usize)| cell.clone() + &" ".repeat(width - cell.width());
            let cells = row.iter().zip(widths).map(pad);
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells<const N: usize>(texts: [&str; N]) -> [String; N] {
        texts.map(str::to_owned)
    }

    #[test]
    fn columns_stand_under_each_other() {
        let rows = [cells(["Jürgen", "admin,service", ""]), cells(["al", "", "x"])];
        let expected = "NAME    ROLES          LAST\n\
                        Jürgen  admin,service  -\n\
                        al      -              x\n";
        assert_eq!(Table::new(["NAME", "ROLES", "LAST"], rows).to_string(), expected);
    }

    #[test]
    fn wide_characters_take_two_places_and_marks_none() {
        let rows = ["李雷", "ＡＬ", "e\u{301}va"].map(|name| cells([name, "x"]));
        let expected = "NAME  ROLES\n\
                        李雷  x\n\
                        ＡＬ  x\n\
                        e\u{301}va   x\n";
        assert_eq!(Table::new(["NAME", "ROLES"], rows).to_string(), expected);
    }

    #[test]
    fn a_table_of_nothing_has_its_headings() {
        assert_eq!(Table::new(["A", "B"], []).to_string(), "A  B\n");
    }

    #[test]
    fn a_cell_can_neither_begin_a_line_nor_move_the_cursor() {
        let text = Table::new(["A", "B"], [cells(["x\nroot  admin", "\u{1b}[1A"])]).to_string();
        assert_eq!(text, "A               B\nx\\nroot  admin  \\u{1b}[1A\n");
    }
}
