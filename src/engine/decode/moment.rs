//! Dates, timestamps and times as values: one comparable number, whatever it was written as.

/// A date, a timestamp or a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub kind: MomentKind,
    /// Since 1970-01-01T00:00Z; of a time, since midnight UTC. Of a moment that is not `zoned`, as if it were UTC's.
    pub nanos: i128,
    /// It names its offset, or is an instant.
    pub zoned: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MomentKind {
    Date,
    Timestamp,
    Time,
}

/// How Avro counts moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    Date,
    TimeMillis,
    TimeMicros,
    TimestampMillis,
    TimestampMicros,
    TimestampNanos,
    LocalMillis,
    LocalMicros,
    LocalNanos,
}

/// 24 × 60 × 60 seconds of 10⁹ nanoseconds.
pub const NANOS_PER_DAY: i128 = 86_400 * 1_000_000_000;
/// 0001-01-01T00:00:00Z to the first instant after 9999: what ISO 8601 can write in four digits.
const YEARS_NANOS: std::ops::Range<i128> = -62_135_596_800_000_000_000..253_402_300_800_000_000_000;

impl Moment {
    /// Whether there is such a moment: a time within its day, a date or timestamp within the years 1 to 9999.
    pub fn is_real(self) -> bool {
        match self.kind {
            MomentKind::Time => (0..NANOS_PER_DAY).contains(&self.nanos),
            MomentKind::Date | MomentKind::Timestamp => YEARS_NANOS.contains(&self.nanos),
        }
    }
}

impl Stamp {
    /// The moment of a count.
    pub fn moment(self, count: i64) -> Moment {
        let (kind, nanos, zoned) = match self {
            Stamp::Date => (MomentKind::Date, NANOS_PER_DAY, false),
            Stamp::TimeMillis => (MomentKind::Time, 1_000_000, false),
            Stamp::TimeMicros => (MomentKind::Time, 1_000, false),
            Stamp::TimestampMillis => (MomentKind::Timestamp, 1_000_000, true),
            Stamp::TimestampMicros => (MomentKind::Timestamp, 1_000, true),
            Stamp::TimestampNanos => (MomentKind::Timestamp, 1, true),
            Stamp::LocalMillis => (MomentKind::Timestamp, 1_000_000, false),
            Stamp::LocalMicros => (MomentKind::Timestamp, 1_000, false),
            Stamp::LocalNanos => (MomentKind::Timestamp, 1, false),
        };
        Moment { kind, nanos: i128::from(count) * nanos, zoned }
    }
}
