//! A number of each window against what this hour of the week has been before: a level by hour and weekday, and how far
//! windows lately lay from it, by their median and their median absolute deviation.
//!
//! The score is the modified z-score of Iglewicz and Hoaglin, *How to Detect and Handle Outliers* (1993): 1.4826 times the
//! median absolute deviation stands for a standard deviation. `docs/drift.md` publishes the numbers.

use serde::{Deserialize, Serialize};

/// Windows of an hour of the week before anything is said of it, and of residuals before they say how far is far.
pub const ENOUGH: u16 = 30;
/// A window is unusual beyond so many standard deviations.
pub const BEYOND: f64 = 5.0;
/// Residuals that are kept.
const RECENT: usize = 128;
/// A level follows its windows as the mean of so many: an hour of minutes of four weeks.
const MEMORY: u16 = 240;
const HOUR_MS: i64 = 3_600_000;
const WEEK_HOURS: i64 = 168;

/// At most 168 levels at 7 bytes and 128 residuals at 4: 1.7 kB.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Season {
    /// Ascending by hour of the week.
    levels: Vec<Level>,
    /// The oldest first.
    residuals: Vec<f32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Level {
    hour: u8,
    windows: u16,
    mean: f32,
}

/// What is said of a window's number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Seen {
    /// Windows of this hour of the week so far, of `ENOUGH`.
    Learning(u16),
    Usual,
    Unusual {
        usual: f64,
        /// In standard deviations; negative where it is too low.
        score: f64,
    },
}

impl Season {
    /// `least`: what a standard deviation is at least, by the level.
    pub fn see(&mut self, at_ms: i64, number: f64, least: impl Fn(f64) -> f64) -> Seen {
        let hour = at_ms.div_euclid(HOUR_MS).rem_euclid(WEEK_HOURS) as u8;
        let place = match self.levels.binary_search_by_key(&hour, |level| level.hour) {
            Ok(place) => place,
            Err(place) => {
                self.levels.insert(place, Level { hour, windows: 0, mean: 0.0 });
                place
            }
        };
        let Level { windows, mean, .. } = self.levels[place];
        let usual = f64::from(mean);
        let residual = number - usual;
        let known = windows >= ENOUGH;
        let spread = known.then(|| self.spread()).flatten().map(|(centre, mad)| (centre, mad.max(least(usual))));
        let score = spread.map(|(centre, deviation)| (residual - centre) / deviation);
        // One that is far off moves the level no further than one that is just usual.
        let step = spread.map_or(residual, |(_, deviation)| residual.clamp(-BEYOND * deviation, BEYOND * deviation));
        let level = &mut self.levels[place];
        level.windows = windows.saturating_add(1).min(MEMORY);
        level.mean = (usual + step / f64::from(level.windows)) as f32;
        if known {
            self.residuals.push(residual as f32);
            let excess = self.residuals.len().saturating_sub(RECENT);
            self.residuals.drain(..excess);
        }
        match score {
            None => Seen::Learning(windows.min(ENOUGH)),
            Some(score) if score.abs() > BEYOND => Seen::Unusual { usual, score },
            Some(_) => Seen::Usual,
        }
    }

    /// The median of the residuals, and their deviation from it.
    fn spread(&self) -> Option<(f64, f64)> {
        if self.residuals.len() < usize::from(ENOUGH) {
            return None;
        }
        let mut sorted = self.residuals.clone();
        let centre = median(&mut sorted);
        sorted.iter_mut().for_each(|residual| *residual = (*residual - centre).abs());
        Some((centre.into(), 1.4826 * f64::from(median(&mut sorted))))
    }
}

/// Of an even count the upper one.
fn median(numbers: &mut [f32]) -> f32 {
    let middle = numbers.len() / 2;
    *numbers.select_nth_unstable_by(middle, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::trend::dice::{normal, uniform};

    const MINUTE_MS: i64 = 60_000;
    /// Two weeks of minutes.
    const WEEKS: i64 = 20_160;

    /// Busy by day, quiet at night, and half as much at the weekend.
    fn volume(minute: i64, noise: f64) -> f64 {
        let (hour, day) = (minute / 60 % 24, minute / 1_440 % 7);
        let busy = if (8..20).contains(&hour) { 1_000.0 } else { 50.0 };
        let records = busy * if day >= 5 { 0.5 } else { 1.0 };
        (records * (1.0 + 0.1 * noise)).max(0.0)
    }

    fn see(season: &mut Season, minute: i64, records: f64) -> Seen {
        season.see(minute * MINUTE_MS, records.ln_1p(), |usual| (1.0 / usual.exp().sqrt()).max(0.05))
    }

    #[test]
    fn a_season_does_not_alarm_and_nothing_is_said_before_an_hour_of_the_week_is_known() {
        let (mut season, mut dice) = (Season::default(), uniform(7));
        let mut alarms = 0;
        for minute in 0..WEEKS + 10_000 {
            let seen = see(&mut season, minute, volume(minute, normal(&mut dice)));
            let of_hour = minute % 60 + if minute >= WEEKS / 2 { 60 } else { 0 };
            if of_hour < i64::from(ENOUGH) {
                assert!(matches!(seen, Seen::Learning(_)), "minute {minute}: {seen:?}");
            }
            alarms += usize::from(matches!(seen, Seen::Unusual { .. }));
        }
        assert!(alarms <= 5, "{alarms} of 30,160 windows; docs/drift.md says fewer than 1 of 5,000");
    }

    #[test]
    fn a_planted_shift_is_found_at_once_and_healed_in_time() {
        for (factor, sign) in [(3.0, 1.0), (0.2, -1.0), (0.0, -1.0)] {
            let (mut season, mut dice) = (Season::default(), uniform(11));
            for minute in 0..WEEKS {
                see(&mut season, minute, volume(minute, normal(&mut dice)));
            }
            for minute in WEEKS..WEEKS + 5 {
                let seen = see(&mut season, minute, factor * volume(minute, normal(&mut dice)));
                assert!(matches!(seen, Seen::Unusual { score, .. } if score * sign > BEYOND), "{factor}: {seen:?}");
            }
            let after =
                (WEEKS + 5..WEEKS + 200).map(|minute| see(&mut season, minute, volume(minute, normal(&mut dice))));
            assert_eq!(after.filter(|seen| matches!(seen, Seen::Unusual { .. })).count(), 0, "{factor}");
        }
    }

    #[test]
    fn it_is_small() {
        let (mut season, mut dice) = (Season::default(), uniform(3));
        for minute in 0..WEEKS {
            see(&mut season, minute, volume(minute, normal(&mut dice)));
        }
        let bytes = postcard::to_stdvec(&season).expect("plain data");
        assert!(bytes.len() <= 1_800, "{}", bytes.len());
        assert_eq!(postcard::from_bytes::<Season>(&bytes), Ok(season));
    }
}
