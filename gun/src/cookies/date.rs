//! Dates as servers write them in `Expires`.

use std::time::{Duration, SystemTime};

const MONTHS: [&[u8; 3]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

/// Reads a date by the lenient rules of RFC 6265bis: the first token that looks like a time, a day, a
/// month and a year is each one, in any order.
pub(super) fn parse(text: &[u8]) -> Option<SystemTime> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(is_delimiter).filter(|t| !t.is_empty()) {
        if time.is_none()
            && let found @ Some(_) = clock(token)
        {
            time = found;
        } else if day.is_none()
            && let found @ Some(_) = number(token, 1, 2)
        {
            day = found;
        } else if month.is_none()
            && let found @ Some(_) = month_of(token)
        {
            month = found;
        } else if year.is_none()
            && let found @ Some(_) = number(token, 2, 4)
        {
            year = found;
        }
    }
    let (hour, minute, second) = time?;
    let (day, month) = (day?, month?);
    let year = match year? {
        year @ 70..=99 => year + 1900,
        year @ 0..=69 => year + 2000,
        year => year,
    };
    let valid = year >= 1601 && hour <= 23 && minute <= 59 && second <= 59;
    if !valid || day < 1 || day > length(year, month) {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    let distance = Duration::from_secs(seconds.unsigned_abs());
    match seconds >= 0 {
        true => SystemTime::UNIX_EPOCH.checked_add(distance),
        false => SystemTime::UNIX_EPOCH.checked_sub(distance),
    }
}

fn is_delimiter(byte: &u8) -> bool {
    matches!(byte, 0x09 | 0x20..=0x2f | 0x3b..=0x40 | 0x5b..=0x60 | 0x7b..=0x7e)
}

/// Digits at the start, `min` to `max` of them, then anything but a digit.
fn number(token: &[u8], min: usize, max: usize) -> Option<i64> {
    let digits = token.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits < min || digits > max {
        return None;
    }
    Some(
        token[..digits]
            .iter()
            .fold(0, |n, b| n * 10 + i64::from(b - b'0')),
    )
}

fn clock(token: &[u8]) -> Option<(i64, i64, i64)> {
    let mut parts = token.splitn(3, |b| *b == b':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    if !whole(hour) || !whole(minute) {
        return None;
    }
    Some((
        number(hour, 1, 2)?,
        number(minute, 1, 2)?,
        number(second, 1, 2)?,
    ))
}

fn month_of(token: &[u8]) -> Option<i64> {
    let name = token.first_chunk::<3>()?.to_ascii_lowercase();
    let index = MONTHS.iter().position(|month| month[..] == name[..])?;
    Some(index as i64 + 1)
}

fn length(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01, in years that begin with March so that the leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}
