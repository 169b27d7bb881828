//! What one language says and another cannot: told line by line, in the order in which it was met.

/// Lines that are kept; of a schema that says more, the first are enough to see it.
const LINES_MAX: usize = 1_000;

#[derive(Debug, Default)]
pub struct Unsaid {
    lines: Vec<String>,
    more: usize,
}

impl Unsaid {
    /// `at`: the way to the field by dots; empty: the whole.
    pub fn tell(&mut self, at: &str, what: impl AsRef<str>) {
        let line = match at {
            "" => what.as_ref().to_owned(),
            at => format!("{at}: {}", what.as_ref()),
        };
        // A name may hold a line's end, and a line is one.
        let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if self.lines.len() < LINES_MAX {
            self.lines.push(line);
        } else {
            self.more += 1;
        }
    }

    pub fn lines(self) -> Vec<String> {
        let more = (self.more > 0).then(|| format!("and {} more", self.more));
        self.lines.into_iter().chain(more).collect()
    }
}
