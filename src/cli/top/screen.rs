//! What `steward top` has on show, and what keys do to it. Time is an argument: nothing here waits or asks for it.

use crate::cli::top::ask::Told;
use crate::table::{Column, Row};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::widgets::TableState;

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Stay,
    Quit,
}

pub struct Screen {
    pub url: String,
    /// What was told last, and when.
    heard: Option<(Told, i64)>,
    /// Why nothing came, and since when.
    trouble: Option<(String, i64)>,
    /// What was told is old after this time, whether or not it is known why nothing comes.
    patience_ms: i64,
    pub sort: Column,
    /// The other way round.
    pub reversed: bool,
    pub filter: String,
    /// Keys are the filter's text.
    pub typing: bool,
    /// By name: rows move.
    selected: Option<String>,
    pub details: bool,
    /// How far it is scrolled.
    pub scroll: TableState,
}

/// The keys that order rows, as the footer tells them.
pub const SORTS: [(char, Column); 9] = [
    ('n', Column::Product),
    ('o', Column::Owner),
    ('r', Column::Rate),
    ('v', Column::Verdict),
    ('s', Column::Score),
    ('x', Column::Violations),
    ('i', Column::Incidents),
    ('l', Column::Lag),
    ('f', Column::Freshness),
];

/// What a filter looks at.
const SEARCHED: [Column; 4] = [Column::Product, Column::Owner, Column::Verdict, Column::Worst];
/// Rows that a page is.
const PAGE: isize = 10;
/// A filter longer than a product's name and a rule's finds nothing.
const FILTER_MAX: usize = 200;

impl Screen {
    pub fn new(url: &str, patience_ms: i64, sort: Column, filter: &str) -> Screen {
        Screen {
            url: url.to_owned(),
            heard: None,
            trouble: None,
            patience_ms,
            sort,
            reversed: false,
            filter: filter.to_owned(),
            typing: false,
            selected: None,
            details: false,
            scroll: TableState::default(),
        }
    }

    /// What a worker told, or why it did not.
    pub fn hear(&mut self, said: Result<Told, String>, now_ms: i64) {
        match said {
            Ok(told) => {
                self.heard = Some((told, now_ms));
                self.trouble = None;
            }
            Err(why) => {
                let since = self.trouble.take().map_or(now_ms, |(_, since)| since);
                self.trouble = Some((why, since));
            }
        }
    }

    pub fn told(&self) -> Option<&Told> {
        self.heard.as_ref().map(|(told, _)| told)
    }

    /// When it was told.
    pub fn told_ms(&self) -> Option<i64> {
        self.heard.as_ref().map(|(_, at)| *at)
    }

    /// Why nothing comes, and since when.
    pub fn trouble(&self, now_ms: i64) -> Option<(&str, i64)> {
        let late = self.told_ms().filter(|told_ms| now_ms - told_ms > self.patience_ms);
        let known = self.trouble.as_ref().map(|(why, since)| (why.as_str(), *since));
        known.or(late.map(|told_ms| ("the worker takes its time", told_ms)))
    }

    /// What is asked for, in its order. Nothing grows younger while nobody tells more of it.
    pub fn rows(&self, now_ms: i64) -> Vec<Row> {
        let Some((told, at_ms)) = &self.heard else { return Vec::new() };
        let age_s = (now_ms - at_ms).max(0) as f64 / 1000.0;
        let mut rows: Vec<Row> = told.rows.iter().filter(|row| self.is_asked_for(row)).cloned().collect();
        for row in &mut rows {
            row.freshness_s = row.freshness_s.map(|seconds| seconds + age_s);
            row.stale |= self.trouble(now_ms).is_some();
        }
        rows.sort_by(|a, b| {
            let order = self.sort.order(a, b);
            if self.reversed { order.reverse() } else { order }
        });
        rows
    }

    fn is_asked_for(&self, row: &Row) -> bool {
        let wanted = self.filter.to_lowercase();
        SEARCHED.iter().any(|column| column.cell(row).to_lowercase().contains(&wanted))
    }

    /// The place of the selected product among the rows, if it is there.
    pub fn place(&self, rows: &[Row]) -> Option<usize> {
        let selected = self.selected.as_ref()?;
        rows.iter().position(|row| row.product == *selected)
    }

    pub fn on(&mut self, key: KeyEvent, now_ms: i64) -> Turn {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return if key.code == KeyCode::Char('c') { Turn::Quit } else { Turn::Stay };
        }
        if self.typing {
            self.typed(key.code);
            return Turn::Stay;
        }
        match key.code {
            KeyCode::Char('q') => return Turn::Quit,
            KeyCode::Char('/') => self.typing = true,
            KeyCode::Esc if self.details => self.details = false,
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Enter => {
                if self.selected.is_none() {
                    self.step(0, now_ms);
                }
                self.details = !self.details && self.selected.is_some();
            }
            KeyCode::Down | KeyCode::Char('j') => self.step(1, now_ms),
            KeyCode::Up | KeyCode::Char('k') => self.step(-1, now_ms),
            KeyCode::PageDown => self.step(PAGE, now_ms),
            KeyCode::PageUp => self.step(-PAGE, now_ms),
            KeyCode::Home | KeyCode::Char('g') => self.step(isize::MIN / 2, now_ms),
            KeyCode::End | KeyCode::Char('G') => self.step(isize::MAX / 2, now_ms),
            KeyCode::Char(letter) => {
                if let Some((_, column)) = SORTS.iter().find(|(key, _)| *key == letter) {
                    self.reversed = self.sort == *column && !self.reversed;
                    self.sort = *column;
                }
            }
            _ => {}
        }
        Turn::Stay
    }

    fn typed(&mut self, key: KeyCode) {
        match key {
            KeyCode::Enter => self.typing = false,
            KeyCode::Esc => {
                self.typing = false;
                self.filter.clear();
            }
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Char(letter) if self.filter.len() < FILTER_MAX => self.filter.push(letter),
            _ => {}
        }
    }

    /// The first row where none is selected.
    fn step(&mut self, by: isize, now_ms: i64) {
        let rows = self.rows(now_ms);
        let last = rows.len().saturating_sub(1);
        let to = self.place(&rows).map_or(0, |place| place.saturating_add_signed(by).min(last));
        self.selected = rows.get(to).map(|row| row.product.clone());
    }
}
