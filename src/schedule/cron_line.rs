//! Five-field crontab lines as people know them from Kubernetes, translated for the `cron` crate.
//!
//! The crate counts seconds first and weekdays from 1, and knows no "day of month or weekday"; so every field is
//! expanded to a list of numbers here, and where both days are given two schedules are asked. It is asked about wall
//! clock time only; jiff maps that to instants, so that a change of the clocks neither loses nor repeats a daily run.
//! Grammar and the meaning of stars: <https://pkg.go.dev/github.com/robfig/cron/v3>, which Kubernetes uses; 7 is
//! Sunday too, as in other crontabs.

use std::collections::BTreeSet;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use jiff::civil;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A parsed crontab line.
#[derive(Debug, Clone)]
pub struct CronSchedule {
    calendars: Vec<cron::Schedule>,
    /// Whether it runs in every hour: then it runs in both passes of an hour that is repeated.
    hourly: bool,
}

/// One field: its name, its bounds and the names of its values.
struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", least: 0, most: 59, names: &[] },
    Field { name: "hour", least: 0, most: 23, names: &[] },
    Field { name: "day of month", least: 1, most: 31, names: &[] },
    Field { name: "month", least: 1, most: 12, names: MONTHS },
    Field { name: "day of week", least: 0, most: 7, names: DAYS },
];

impl CronSchedule {
    /// Parses a line of five fields or one of `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`,
    /// `@annually`. A line that never comes is an error.
    pub fn parse(line: &str) -> Result<Self, String> {
        let line = match line.trim() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            line => line,
        };
        let parts: Vec<_> = line.split_whitespace().collect();
        let parts: [&str; 5] =
            parts.try_into().map_err(|parts: Vec<_>| format!("`{line}` has {} fields and needs five", parts.len()))?;
        let mut sets = Vec::new();
        for (field, part) in FIELDS.iter().zip(parts) {
            sets.push(expand(field, part)?);
        }
        let days: BTreeSet<u32> = sets[4].0.iter().map(|day| day % 7).collect();
        let (minutes, hours, dates, months) = (&sets[0].0, &sets[1].0, &sets[2].0, &sets[3].0);
        let calendar = |dates: Option<&BTreeSet<u32>>, days: Option<&BTreeSet<u32>>| {
            let list = |set: &BTreeSet<u32>| set.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
            let days = days.map_or("*".to_owned(), |days| list(&days.iter().map(|day| day + 1).collect()));
            let dates = dates.map_or("*".to_owned(), list);
            let translated = format!("0 {} {} {dates} {} {days}", list(minutes), list(hours), list(months));
            cron::Schedule::from_str(&translated).map_err(|error| format!("`{line}`: {error}"))
        };
        // a day that is a star restricts nothing; where both are given, either is enough
        let calendars = match (sets[2].1, sets[4].1) {
            (true, true) => vec![calendar(None, None)?],
            (false, true) => vec![calendar(Some(dates), None)?],
            (true, false) => vec![calendar(None, Some(&days))?],
            (false, false) => vec![calendar(Some(dates), None)?, calendar(None, Some(&days))?],
        };
        let schedule = Self { calendars, hourly: hours.len() == 24 };
        // eight years hold every leap day there is to wait for, but around 2100
        let some_day = NaiveDate::from_ymd_opt(2024, 1, 1).and_then(|day| day.and_hms_opt(0, 0, 0));
        let first = some_day.and_then(|start| schedule.upcoming(start.and_utc()).next());
        match first {
            Some(first) if first.year() < 2032 => Ok(schedule),
            _ => Err(format!("`{line}` never comes")),
        }
    }

    /// The first run after `now`. In a gap of the clock it is the first instant after the gap; in an hour that is
    /// repeated it is the first pass, and both for a line that runs in every hour.
    pub fn next_after(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let slack = SignedDuration::from_hours(3);
        let start = zone.to_datetime(now.checked_sub(slack).ok()?);
        let mut best: Option<(Timestamp, civil::DateTime)> = None;
        for wall in self.upcoming(to_chrono(start)?) {
            let wall = from_chrono(wall)?;
            if best.is_some_and(|(_, at)| wall.duration_since(at) > slack) {
                break;
            }
            for instant in self.instants(wall, zone) {
                if instant > now && best.is_none_or(|(earliest, _)| instant < earliest) {
                    best = Some((instant, wall));
                }
            }
        }
        best.map(|(instant, _)| instant)
    }

    fn upcoming(&self, after: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        let mut iterators: Vec<_> = self.calendars.iter().map(|calendar| calendar.after(&after).peekable()).collect();
        std::iter::from_fn(move || {
            let next = iterators.iter_mut().filter_map(|calendar| calendar.peek().copied()).min()?;
            for calendar in &mut iterators {
                calendar.next_if_eq(&next);
            }
            Some(next)
        })
    }

    fn instants(&self, wall: civil::DateTime, zone: &TimeZone) -> Vec<Timestamp> {
        let at = |offset: jiff::tz::Offset| offset.to_timestamp(wall).ok();
        match zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => at(offset).into_iter().collect(),
            AmbiguousOffset::Gap { before, .. } => {
                let behind = at(before).and_then(|instant| instant.checked_add(SignedDuration::from_secs(1)).ok());
                behind
                    .and_then(|instant| zone.preceding(instant).next())
                    .map(|change| change.timestamp())
                    .into_iter()
                    .collect()
            }
            AmbiguousOffset::Fold { before, after } => {
                let second = self.hourly.then_some(after);
                [Some(before), second].into_iter().flatten().filter_map(at).collect()
            }
        }
    }
}

/// The values of a field, and whether it is a star. `*/2` restricts and so is none.
fn expand(field: &Field, text: &str) -> Result<(BTreeSet<u32>, bool), String> {
    let mut values = BTreeSet::new();
    let mut star = false;
    for item in text.split(',') {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (item, None),
        };
        let steps: u32 = match step {
            Some(step) => step
                .parse()
                .ok()
                .filter(|step| *step > 0)
                .ok_or_else(|| wrong(field, item, "the step has to be a number above 0"))?,
            None => 1,
        };
        let most = if field.names == DAYS { 6 } else { field.most };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (value(field, first)?, value(field, last)?),
            None if matches!(range, "*" | "?") => {
                star |= steps == 1;
                (field.least, most)
            }
            None if step.is_some() => (value(field, range)?, most),
            None => (value(field, range)?, value(field, range)?),
        };
        if first > last {
            return Err(wrong(field, item, "the range runs backwards"));
        }
        values.extend((first..=last).step_by(usize::try_from(steps).unwrap_or(usize::MAX)));
    }
    Ok((values, star))
}

fn value(field: &Field, text: &str) -> Result<u32, String> {
    let small = text.to_lowercase();
    if let Some(position) = field.names.iter().position(|name| *name == small) {
        return Ok(u32::try_from(position).unwrap_or_default() + field.least);
    }
    let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    number
        .filter(|number| (field.least..=field.most).contains(number))
        .ok_or_else(|| wrong(field, text, &format!("it goes from {} to {}", field.least, field.most)))
}

fn wrong(field: &Field, text: &str, why: &str) -> String {
    format!("`{text}` is no {}: {why}", field.name)
}

fn to_chrono(wall: civil::DateTime) -> Option<DateTime<Utc>> {
    let part = |number: i8| u32::try_from(number).ok();
    let day = NaiveDate::from_ymd_opt(i32::from(wall.year()), part(wall.month())?, part(wall.day())?)?;
    Some(day.and_hms_opt(part(wall.hour())?, part(wall.minute())?, part(wall.second())?)?.and_utc())
}

fn from_chrono(wall: DateTime<Utc>) -> Option<civil::DateTime> {
    let part = |number: u32| i8::try_from(number).ok();
    let year = i16::try_from(wall.year()).ok()?;
    civil::DateTime::new(year, part(wall.month())?, part(wall.day())?, part(wall.hour())?, part(wall.minute())?, 0, 0)
        .ok()
}

#[cfg(test)]
mod tests {
    use croner::parser::{CronParser, Seconds, Year};
    use proptest::prelude::*;

    use super::*;

    fn next(line: &str, now: &str, zone: &str) -> String {
        let zone = TimeZone::get(zone).expect("zone");
        let next = CronSchedule::parse(line).expect(line).next_after(now.parse().expect("time"), &zone).expect("next");
        next.to_zoned(zone).strftime("%Y-%m-%dT%H:%M%:z").to_string()
    }

    /// What people write, in Kubernetes' meaning.
    #[test]
    fn lines_come_when_people_expect() {
        for (line, now, expected) in [
            ("*/15 * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:15+00:00"),
            ("0 9 * * 1-5", "2026-01-02T10:00:00Z", "2026-01-05T09:00+00:00"),
            ("0 0 * * 7", "2026-01-01T00:00:00Z", "2026-01-04T00:00+00:00"),
            ("0 0 * * SUN", "2026-01-01T00:00:00Z", "2026-01-04T00:00+00:00"),
            ("0 0 13 * fri", "2026-01-01T00:00:00Z", "2026-01-02T00:00+00:00"),
            ("0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00+00:00"),
            ("5/20 3 * JAN-feb *", "2026-02-28T03:46:00Z", "2027-01-01T03:05+00:00"),
            ("@weekly", "2026-01-01T00:00:00Z", "2026-01-04T00:00+00:00"),
        ] {
            assert_eq!(next(line, now, "UTC"), expected, "{line}");
        }
    }

    /// A gap of the clock delays a run to its end, a repeated hour runs it once; a line for every hour runs in both.
    #[test]
    fn changes_of_the_clock_lose_and_repeat_nothing() {
        for (line, now, expected) in [
            ("30 2 * * *", "2026-03-29T00:00:00Z", "2026-03-29T03:00+02:00"),
            ("30 2 * * *", "2026-10-24T22:00:00Z", "2026-10-25T02:30+02:00"),
            ("30 2 * * *", "2026-10-25T00:30:00Z", "2026-10-26T02:30+01:00"),
            ("*/30 * * * *", "2026-10-25T00:30:00Z", "2026-10-25T02:00+01:00"),
        ] {
            assert_eq!(next(line, now, "Europe/Berlin"), expected, "{line} after {now}");
        }
    }

    /// Mistakes are named.
    #[test]
    fn mistakes_are_named() {
        for (line, message) in [
            ("* * * *", "`* * * *` has 4 fields and needs five"),
            ("0 */15 * * * *", "`0 */15 * * * *` has 6 fields and needs five"),
            ("60 * * * *", "`60` is no minute: it goes from 0 to 59"),
            ("* * * * mon-fr", "`fr` is no day of week: it goes from 0 to 7"),
            ("* 5-3 * * *", "`5-3` is no hour: the range runs backwards"),
            ("*/0 * * * *", "`*/0` is no minute: the step has to be a number above 0"),
            ("0 0 30 2 *", "`0 0 30 2 *` never comes"),
        ] {
            assert_eq!(CronSchedule::parse(line).expect_err(line), message);
        }
    }

    fn field(least: u32, most: u32) -> impl Strategy<Value = String> {
        prop_oneof![
            3 => Just("*".to_owned()),
            3 => (least..=most).prop_map(|value| value.to_string()),
            2 => (least..=most, least..=most).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
            1 => (least..=most, least..=most).prop_map(|(a, b)| format!("{a},{b}")),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]
        /// The independent crate `croner` names the same instants, through both changes of the clock.
        #[test]
        fn croner_agrees(
            minute in field(0, 59), hour in field(0, 23),
            date in field(1, 28), month in field(1, 12), day in field(0, 6),
            second in 1_750_000_000_i64..1_850_000_000, zone in prop_oneof![Just("UTC"), Just("Europe/Berlin"), Just("America/New_York"), Just("Asia/Kolkata")],
        ) {
            let line = format!("{minute} {hour} {date} {month} {day}");
            // croner takes a line with a star for an interval, which a change of the clock neither delays nor repeats
            let is_interval = ["*", "0-59"].contains(&&*minute) || ["*", "0-23"].contains(&&*hour);
            let zone = if is_interval { "Asia/Kolkata" } else { zone };
            let zone = TimeZone::get(zone).expect("zone");
            let now = Timestamp::from_second(second).expect("time");
            let oracle = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build().parse(&line).expect("croner parses");
            let expected = oracle.find_next_occurrence(&now.to_zoned(zone.clone()), false).expect("croner finds").timestamp();
            let found = CronSchedule::parse(&line).expect("parses").next_after(now, &zone).expect("next");
            // of several runs on the day of a gap, croner may lose the one that falls into it
            let second = SignedDuration::from_secs(1);
            let change = zone.preceding(found.checked_add(second).expect("time")).next().map(|change| change.timestamp());
            let lost_in_gap = found < expected && change == Some(found);
            prop_assert!(found == expected || lost_in_gap, "{} after {} in {:?}: {} {}", line, now, zone.iana_name(), found, expected);
        }
    }
}
