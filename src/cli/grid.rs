//! Texts in columns that fit the terminal: the widest column gives way, and what was cut ends in `…`.

use std::io::IsTerminal;

/// Between columns.
const GAP: usize = 2;
/// A column is not made narrower than that.
const LEAST: usize = 8;

/// How wide the terminal is; `None` where there is none, and nothing is cut.
pub fn terminal_width() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    told.or_else(|| ratatui::crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns)))
        .filter(|width| *width > 0)
}

/// Head and rows. Control characters, which a name of somebody else may hold, are left out.
pub fn lines(head: &[&str], rows: &[Vec<String>], fit: Option<usize>) -> Vec<String> {
    let head: Vec<String> = head.iter().map(|title| (*title).to_owned()).collect();
    let rows =
        rows.iter().map(|row| row.iter().map(|cell| cell.chars().filter(|c| !c.is_control()).collect()).collect());
    let all: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let columns = all.first().map_or(0, Vec::len);
    let widest = |column: usize| all.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let mut widths: Vec<usize> = (0..columns).map(|column| widest(column).unwrap_or(0)).collect();
    while fit.is_some_and(|fit| widths.iter().sum::<usize>() + GAP * columns.saturating_sub(1) > fit) {
        // Of columns of one width the last gives way: names stand first.
        match widths.iter_mut().filter(|width| **width > LEAST).max_by_key(|width| **width) {
            Some(width) => *width -= 1,
            None => break,
        }
    }
    let line = |row: &Vec<String>| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{:width$}", cut(cell, *width))).collect();
        cells.join(&" ".repeat(GAP)).trim_end().to_owned()
    };
    all.iter().map(line).collect()
}

fn cut(cell: &str, width: usize) -> String {
    if cell.chars().count() <= width {
        return cell.to_owned();
    }
    cell.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_column_gives_way_until_the_line_fits() {
        let rows = [vec!["shop/orders".to_owned(), "a reason that nobody wants to read to its end".to_owned()]];
        let check =
            |fit: Option<usize>, expected: [&str; 2]| assert_eq!(lines(&["name", "reason"], &rows, fit), expected);
        check(None, ["name         reason", "shop/orders  a reason that nobody wants to read to its end"]);
        check(Some(30), ["name         reason", "shop/orders  a reason that no…"]);
        check(Some(20), ["name       reason", "shop/ord…  a reason…"]);
        check(Some(3), ["name      reason", "shop/or…  a reaso…"]);
        let hostile = [vec!["a\x1b[2Jb\n".to_owned()]];
        assert_eq!(lines(&["name"], &hostile, None), ["name", "a[2Jb"]);
    }
}
