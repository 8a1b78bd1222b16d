//! Functions of dates, in UTC.

use super::QueryError;
use super::eval::Evaluation;
use super::functions::{Call, each};
use super::matrix::{Matrix, Row};

const DAY: i128 = 24 * 60 * 60;

/// A time as seconds since 1970. Any number of them is a date, which is more than libraries of calendars hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Date(i128);

/// The first second that Go has; earlier ones are the last.
const FIRST: i128 = -9_223_372_028_715_321_600;

impl Date {
    fn new(seconds: i64) -> Self {
        let seconds = i128::from(seconds);
        Self(match seconds < FIRST {
            true => seconds + (1 << 64),
            false => seconds,
        })
    }
}

pub(super) fn tell(
    evaluation: &mut Evaluation<'_>,
    call: &Call<'_>,
    tell: fn(Date) -> i64,
) -> Result<Matrix, QueryError> {
    if call.args.is_empty() {
        let times = call.steps.times();
        let told = times.map(|time| tell(Date::new(time / 1000)) as f64);
        return Ok(vec![Row::unlabelled(told.collect())]);
    }
    each(evaluation, call, |_, value| {
        // Of a float that no integer holds the processor makes the smallest integer, which Go leaves so.
        let held = value.abs() < i64::MAX as f64;
        let seconds = if held { value as i64 } else { i64::MIN };
        Some(tell(Date::new(seconds)) as f64)
    })
}

impl Date {
    fn days(self) -> i64 {
        self.0.div_euclid(DAY) as i64
    }

    /// Year, month and day of the month, by the days since March 1 of year 0: leap days are then the last of a year.
    fn civil(self) -> (i64, i64, i64) {
        let days = self.days() + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let leaps = day_of_era / 1_460 + day_of_era / 146_096 - day_of_era / 36_524;
        let year_of_era = (day_of_era - leaps) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        (year, month, day_of_year - (153 * from_march + 2) / 5 + 1)
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

pub(super) fn year(date: Date) -> i64 {
    date.civil().0
}

pub(super) fn month(date: Date) -> i64 {
    date.civil().1
}

pub(super) fn day_of_month(date: Date) -> i64 {
    date.civil().2
}

pub(super) fn days_in_month(date: Date) -> i64 {
    let (year, month, _) = date.civil();
    days_of(year, month)
}

pub(super) fn day_of_year(date: Date) -> i64 {
    let (year, month, day) = date.civil();
    (1..month).map(|month| days_of(year, month)).sum::<i64>() + day
}

/// 0 is Sunday; 1970 began with a Thursday.
pub(super) fn day_of_week(date: Date) -> i64 {
    (date.days() + 4).rem_euclid(7)
}

pub(super) fn hour(date: Date) -> i64 {
    (date.0.rem_euclid(DAY) / 3600) as i64
}

pub(super) fn minute(date: Date) -> i64 {
    (date.0.rem_euclid(3600) / 60) as i64
}
