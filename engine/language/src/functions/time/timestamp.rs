//! A point in time with the offset in which it is written.

use std::fmt;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// A point in time, told in some offset from UTC.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    local: DateTime,
    offset: Offset,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Moment {
    /// A timestamp, told in UTC.
    pub(crate) fn of(timestamp: Timestamp) -> Moment {
        Moment {
            local: Offset::UTC.to_datetime(timestamp),
            offset: Offset::UTC,
        }
    }

    /// Reads RFC 3339, strictly; the error is a clause.
    pub(crate) fn parse(text: &str) -> Result<Moment, &'static str> {
        let mut reader = Reader { rest: text };
        let year = reader.digits(4, "the year must have four digits")?;
        reader.expect('-')?;
        let month = reader.digits(2, "the month must have two digits")?;
        reader.expect('-')?;
        let day = reader.digits(2, "the day must have two digits")?;
        if !reader.take('T') {
            return Err("missing required time introducer 'T'");
        }
        let time = reader.time(2)?;
        let offset = reader.offset()?;
        if !reader.rest.is_empty() {
            return Err("extra text behind it");
        }
        let date = date(year, month, day).ok_or("there is no such day")?;
        Ok(Moment {
            local: DateTime::from_parts(date, time),
            offset,
        })
    }

    /// The point in time itself.
    pub(super) fn instant(&self) -> Option<Timestamp> {
        self.offset.to_timestamp(self.local).ok()
    }

    /// So many nanoseconds later.
    pub(super) fn plus(self, nanoseconds: i64) -> Option<Moment> {
        let local = self
            .local
            .checked_add(SignedDuration::from_nanos(nanoseconds))
            .ok()?;
        // There are four digits for a year, and no sign.
        (local.year() >= 0).then_some(Moment { local, ..self })
    }

    /// What a letter of `formatdate` stands for when it is written so many times.
    pub(super) fn verb(&self, letter: char, count: usize) -> Result<String, &'static str> {
        let number = |value: i8, error: &'static str| match count {
            1 => Ok(value.to_string()),
            2 => Ok(format!("{value:02}")),
            _ => Err(error),
        };
        let local = self.local;
        match letter {
            'Y' => match count {
                2 => Ok(format!("{:02}", local.year().rem_euclid(100))),
                4 => Ok(format!("{:04}", local.year())),
                _ => Err("year must either be \"YY\" or \"YYYY\""),
            },
            'M' => {
                let name = MONTHS[usize::from(local.month().unsigned_abs() - 1)];
                match count {
                    3 => Ok(name[..3].to_owned()),
                    4 => Ok(name.to_owned()),
                    _ => number(
                        local.month(),
                        "month must be \"M\", \"MM\", \"MMM\", or \"MMMM\"",
                    ),
                }
            }
            'D' => number(local.day(), "day of month must either be \"D\" or \"DD\""),
            'E' => {
                let name = weekday(local.weekday());
                match count {
                    3 => Ok(name[..3].to_owned()),
                    4 => Ok(name.to_owned()),
                    _ => Err("day of week must either be \"EEE\" or \"EEEE\""),
                }
            }
            'h' => number(local.hour(), "24-hour must either be \"h\" or \"hh\""),
            'H' => {
                let hour = (local.hour() + 11) % 12 + 1;
                number(hour, "12-hour must either be \"H\" or \"HH\"")
            }
            'A' | 'a' if count != 2 => Err("must be two letters"),
            'A' => Ok(if local.hour() < 12 { "AM" } else { "PM" }.to_owned()),
            'a' => Ok(if local.hour() < 12 { "am" } else { "pm" }.to_owned()),
            'm' => number(local.minute(), "minute must either be \"m\" or \"mm\""),
            's' => number(local.second(), "second must either be \"s\" or \"ss\""),
            'Z' => match count {
                1 => Ok(self.zone()),
                3 if self.offset.seconds() == 0 => Ok("UTC".to_owned()),
                3 | 4 => Ok(self.numeric_offset("")),
                5 => Ok(self.numeric_offset(":")),
                _ => Err("timezone must be Z, ZZZZ, or ZZZZZ"),
            },
            _ => Err("there is no such verb"),
        }
    }

    /// `Z` or `+hh:mm`.
    fn zone(&self) -> String {
        if self.offset.seconds() == 0 {
            "Z".to_owned()
        } else {
            self.numeric_offset(":")
        }
    }

    fn numeric_offset(&self, separator: &str) -> String {
        let seconds = self.offset.seconds();
        let sign = if seconds < 0 { '-' } else { '+' };
        let minutes = seconds.abs() / 60;
        format!("{sign}{:02}{separator}{:02}", minutes / 60, minutes % 60)
    }
}

impl fmt::Display for Moment {
    /// Writes RFC 3339 without a fraction.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.local;
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}",
            local.year(),
            local.month(),
            local.day(),
            local.hour(),
            local.minute(),
            local.second(),
            self.zone()
        )
    }
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Sunday => "Sunday",
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
    }
}

fn date(year: u32, month: u32, day: u32) -> Option<Date> {
    Date::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
    )
    .ok()
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn take(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, wanted: char) -> Result<(), &'static str> {
        if self.take(wanted) {
            return Ok(());
        }
        Err(match wanted {
            '-' => "found something else where \"-\" is expected",
            _ => "found something else where \":\" is expected",
        })
    }

    /// Exactly so many digits.
    fn digits(&mut self, count: usize, error: &'static str) -> Result<u32, &'static str> {
        let digits = self
            .rest
            .get(..count)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .ok_or(error)?;
        let number = digits.parse().map_err(|_| error)?;
        self.rest = &self.rest[count..];
        Ok(number)
    }

    /// Two digits, or one where `least` allows it.
    fn pair(&mut self, least: usize, error: &'static str) -> Result<u32, &'static str> {
        let count = self
            .rest
            .bytes()
            .take(2)
            .take_while(u8::is_ascii_digit)
            .count();
        if count < least {
            return Err(error);
        }
        self.digits(count, error)
    }

    /// The time of day.
    fn time(&mut self, least: usize) -> Result<Time, &'static str> {
        let hour = self.pair(least, "the hour must have exactly two digits")?;
        self.expect(':')?;
        let minute = self.pair(least, "the minute must have exactly two digits")?;
        self.expect(':')?;
        let second = self.pair(least, "the second must have exactly two digits")?;
        let mut nanosecond = 0;
        if self.rest.starts_with('.') {
            let count = self.rest[1..]
                .bytes()
                .take_while(u8::is_ascii_digit)
                .count();
            if count == 0 {
                return Err("a fraction without digits");
            }
            for index in 0..9 {
                let digit = if index < count {
                    self.rest.as_bytes()[index + 1] - b'0'
                } else {
                    0
                };
                nanosecond = nanosecond * 10 + i32::from(digit);
            }
            self.rest = &self.rest[count + 1..];
        }
        let small = |value: u32| i8::try_from(value).unwrap_or(i8::MAX);
        Time::new(small(hour), small(minute), small(second), nanosecond)
            .map_err(|_| "there is no such time of day")
    }

    fn offset(&mut self) -> Result<Offset, &'static str> {
        const WRONG: &str = "the UTC offset must be Z or like +01:00";
        if self.take('Z') {
            return Ok(Offset::UTC);
        }
        let negative = if self.take('-') {
            true
        } else if self.take('+') {
            false
        } else {
            return Err(WRONG);
        };
        let hours = self.digits(2, WRONG)?;
        self.expect(':')?;
        let minutes = self.digits(2, WRONG)?;
        if hours > 23 || minutes > 59 {
            return Err("the UTC offset is out of range");
        }
        let seconds = i32::try_from((hours * 60 + minutes) * 60).map_err(|_| WRONG)?;
        Offset::from_seconds(if negative { -seconds } else { seconds }).map_err(|_| WRONG)
    }
}

/// A point in time as YAML allows it: a date alone, short fields, a space in place of the T.
pub(crate) fn loose(text: &str) -> Option<Moment> {
    let mut reader = Reader { rest: text };
    let year = reader.digits(4, "").ok()?;
    reader.expect('-').ok()?;
    let month = reader.pair(1, "").ok()?;
    reader.expect('-').ok()?;
    let day = reader.pair(1, "").ok()?;
    let date = date(year, month, day)?;
    let (time, offset) = if reader.rest.is_empty() {
        (Time::midnight(), Offset::UTC)
    } else if reader.take(' ') {
        (reader.time(1).ok()?, Offset::UTC)
    } else if reader.take('T') || reader.take('t') {
        (reader.time(1).ok()?, reader.offset().ok()?)
    } else {
        return None;
    };
    reader.rest.is_empty().then(|| Moment {
        local: DateTime::from_parts(date, time),
        offset,
    })
}
