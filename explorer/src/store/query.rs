//! Questions to the index: issues, one snapshot by its id, processes.

use rusqlite::{OptionalExtension, Row, params, types::Value as Sql};
use stillframe_core::sink::spool::{ProcessRecord, SegmentName, decode_payload};
use stillframe_core::snapshot::SnapshotId;
use stillframe_core::stats::StatsSnapshot;

use super::StoreError;
use super::index::{Health, Index};

/// An issue, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Issue {
    /// Key of the issue.
    pub key: [u8; 16],
    /// Service of its last snapshot.
    pub service: String,
    /// Type of the error, qualified; empty if no snapshot of it was ever seen.
    pub error_type: String,
    /// First line of the last message.
    pub message: String,
    /// Function that it comes from.
    pub function: String,
    /// Module of that function.
    pub module: String,
    /// File of that function.
    pub file: String,
    /// Line in it.
    pub line: u32,
    /// First occurrence, in nanoseconds since the Unix epoch.
    pub first_ns: u64,
    /// Last occurrence.
    pub last_ns: u64,
    /// Occurrences, captured or counted.
    pub times: u64,
    /// Snapshots that can be shown.
    pub kept: u64,
}

/// Which issues.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of this service.
    pub service: Option<String>,
    /// Only of this type: qualified, its last part, or with `*`.
    pub error_type: Option<String>,
    /// Only those that occurred since, in nanoseconds since the Unix epoch.
    pub since_ns: Option<u64>,
    /// At most so many.
    pub limit: Option<u64>,
}

/// Issues, and how many there are besides.
#[derive(Debug, Clone, Default)]
pub struct Issues {
    /// The newest first.
    pub issues: Vec<Issue>,
    /// Issues that match, shown or not.
    pub total: u64,
    /// Occurrences of those.
    pub times: u64,
    /// Occurrences whose issue nobody knows: nothing was ever captured where they come from.
    pub unknown: u64,
}

/// Where a snapshot lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Its id.
    pub id: [u8; 16],
    /// Its segment.
    pub segment: SegmentName,
    /// Where in that.
    pub offset: u64,
}

/// A snapshot, and what the index knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it lies.
    pub located: Located,
    /// Key of its issue.
    pub issue: [u8; 16],
    /// When it was captured, in nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// How its exception was met at last, if it turned out that nobody handled it.
    pub uncaught: Option<String>,
}

/// Which snapshots.
#[derive(Debug, Clone, Copy, Default)]
pub struct Among<'a> {
    /// Only of this issue.
    pub issue: Option<&'a [u8; 16]>,
    /// Only from this instant on, in nanoseconds since the Unix epoch.
    pub from_ns: u64,
    /// Only before this instant.
    pub before_ns: Option<u64>,
    /// Only so many, the newest.
    pub limit: Option<u64>,
}

/// What a reference may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// One snapshot.
    Snapshot(Located),
    /// The newest snapshot of one issue.
    Issue(Issue, Located),
    /// An issue of which no snapshot is kept.
    Gone(Issue),
    /// Several; the ids that it could be, and what each is.
    Ambiguous(Vec<Candidate>),
    /// Nothing.
    Unknown,
}

/// One of several things that an ambiguous reference may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What to type for it.
    pub id: String,
    /// The same in full: a UUID, or the key of an issue.
    pub whole: String,
    /// Whether it is an issue rather than a snapshot.
    pub is_issue: bool,
    /// The issue that it is or belongs to.
    pub issue: Issue,
    /// When it happened.
    pub time_ns: u64,
}

/// Candidates that are told.
const MAX_CANDIDATES: u32 = 12;

const COLUMNS: &str =
    "key, service, type, message, function, module, file, line, first_ns, last_ns,
    kept + forgotten + counted, kept";

/// A process that used the store.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Process {
    /// When its last record was written, in nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// What it said.
    pub record: ProcessRecord<StatsSnapshot>,
}

fn failed(error: rusqlite::Error) -> StoreError {
    StoreError::new(format!("the index cannot be read: {error}"))
        .advise("remove index.sqlite from the store; it is rebuilt")
}

fn unsigned(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(at).map(i64::cast_unsigned)
}

fn issue(row: &Row<'_>) -> rusqlite::Result<Issue> {
    Ok(Issue {
        key: row.get(0)?,
        service: row.get(1)?,
        error_type: row.get(2)?,
        message: row.get(3)?,
        function: row.get(4)?,
        module: row.get(5)?,
        file: row.get(6)?,
        line: row.get(7)?,
        first_ns: unsigned(row, 8)?,
        last_ns: unsigned(row, 9)?,
        times: unsigned(row, 10)?,
        kept: unsigned(row, 11)?,
    })
}

impl Index {
    /// Issues, the newest first.
    pub(super) fn issues(&self, filter: &Filter) -> Result<Issues, StoreError> {
        let mut terms = vec!["type <> ''".to_owned()];
        let mut values: Vec<Sql> = Vec::new();
        let mut term = |text: &str, value: Sql| {
            values.push(value);
            terms.push(text.replace('?', &format!("?{}", values.len())));
        };
        if let Some(service) = &filter.service {
            term("service = ?", service.clone().into());
        }
        if let Some(kind) = &filter.error_type {
            // `*` is a wildcard; the other signs of GLOB are not.
            let escaped: String = kind
                .chars()
                .map(|c| {
                    if "?[".contains(c) {
                        format!("[{c}]")
                    } else {
                        c.into()
                    }
                })
                .collect();
            term("(type GLOB ? OR type GLOB '*.' || ?)", escaped.into());
        }
        if let Some(since) = filter.since_ns {
            term("last_ns >= ?", since.cast_signed().into());
        }
        let wanted = terms.join(" AND ");
        // `total` adds as floats and never overflows, which `sum` answers with an error.
        let sums = format!(
            "SELECT count(*), CAST(total(kept + forgotten + counted) AS INTEGER) FROM issue WHERE {wanted}"
        );
        let (total, times) = self
            .db
            .query_row(&sums, rusqlite::params_from_iter(&values), |row| {
                Ok((unsigned(row, 0)?, unsigned(row, 1)?))
            })
            .map_err(failed)?;
        let unknown = self
            .db
            .query_row(
                "SELECT CAST(total(counted) AS INTEGER) FROM issue WHERE type = ''",
                [],
                |row| unsigned(row, 0),
            )
            .map_err(failed)?;
        let limit = filter
            .limit
            .map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let list = format!(
            "SELECT {COLUMNS} FROM issue WHERE {wanted} ORDER BY last_ns DESC, id DESC LIMIT {limit}"
        );
        let read = || -> rusqlite::Result<Vec<Issue>> {
            self.db
                .prepare(&list)?
                .query_map(rusqlite::params_from_iter(&values), issue)?
                .collect()
        };
        Ok(Issues {
            issues: read().map_err(failed)?,
            total,
            times,
            unknown,
        })
    }

    /// What `reference` means: `latest`, the start of an id as it is shown, of an issue's key, or a whole id.
    pub(super) fn resolve(
        &self,
        reference: &str,
        service: Option<&str>,
    ) -> Result<Resolved, StoreError> {
        self.resolve_in(reference, service).map_err(failed)
    }

    fn resolve_in(&self, reference: &str, service: Option<&str>) -> rusqlite::Result<Resolved> {
        if reference == "latest" {
            let newest =
                "SELECT s.id, g.name, s.offset FROM snapshot s JOIN segment g ON g.id = s.segment
                JOIN issue i ON i.id = s.issue WHERE ?1 IS NULL OR i.service = ?1
                ORDER BY s.time_ns DESC, s.id DESC LIMIT 1";
            let found = self
                .db
                .query_row(newest, [service], located)
                .optional()?
                .flatten();
            return Ok(found.map_or(Resolved::Unknown, Resolved::Snapshot));
        }
        let digits: String = reference
            .chars()
            .filter(|&c| c != '-')
            .map(|c| c.to_ascii_lowercase())
            .collect();
        if digits.is_empty()
            || digits.len() > 32
            || !digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        {
            return Ok(Resolved::Unknown);
        }
        let mut candidates = self.issues_beginning(&digits)?;
        if digits.len() <= 8 {
            candidates.extend(self.snapshots_by_short(&digits)?);
        }
        if candidates.is_empty() {
            candidates.extend(self.snapshots_by_id(&digits)?);
        }
        match <[_; 1]>::try_from(candidates) {
            Err(candidates) if candidates.is_empty() => Ok(Resolved::Unknown),
            Err(candidates) => Ok(Resolved::Ambiguous(
                candidates
                    .into_iter()
                    .map(|found| found.candidate)
                    .collect(),
            )),
            Ok([found]) if found.candidate.is_issue => {
                let newest = "SELECT s.id, g.name, s.offset FROM snapshot s JOIN segment g ON g.id = s.segment
                    JOIN issue i ON i.id = s.issue WHERE i.key = ?1 ORDER BY s.time_ns DESC, s.id DESC LIMIT 1";
                let issue = found.candidate.issue;
                let located = self
                    .db
                    .query_row(newest, [issue.key], located)
                    .optional()?
                    .flatten();
                Ok(match located {
                    Some(located) => Resolved::Issue(issue, located),
                    None => Resolved::Gone(issue),
                })
            }
            Ok([found]) => Ok(found.located.map_or(Resolved::Unknown, Resolved::Snapshot)),
        }
    }

    fn issues_beginning(&self, digits: &str) -> rusqlite::Result<Vec<Match>> {
        let (low, high) = range(digits);
        let text = format!(
            "SELECT {COLUMNS} FROM issue WHERE key BETWEEN ?1 AND ?2 AND type <> '' LIMIT {MAX_CANDIDATES}"
        );
        let mut statement = self.db.prepare(&text)?;
        let rows = statement.query_map(params![low, high], |row| {
            let issue = issue(row)?;
            let candidate = Candidate {
                id: hex(&issue.key[..4]),
                whole: hex(&issue.key),
                is_issue: true,
                time_ns: issue.last_ns,
                issue,
            };
            Ok(Match {
                candidate,
                located: None,
            })
        })?;
        rows.collect()
    }

    fn snapshots_by_short(&self, digits: &str) -> rusqlite::Result<Vec<Match>> {
        let (low, high) = range(digits);
        let number = |bytes: [u8; 16]| u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        self.snapshots(
            "s.short BETWEEN ?1 AND ?2",
            MAX_CANDIDATES,
            params![number(low), number(high)],
        )
    }

    fn snapshots_by_id(&self, digits: &str) -> rusqlite::Result<Vec<Match>> {
        let (low, high) = range(digits);
        self.snapshots("s.id BETWEEN ?1 AND ?2", MAX_CANDIDATES, params![low, high])
    }

    fn snapshots(
        &self,
        term: &str,
        limit: u32,
        values: &[&dyn rusqlite::ToSql],
    ) -> rusqlite::Result<Vec<Match>> {
        let text = format!(
            "SELECT {COLUMNS}, s.id, g.name, s.offset, s.time_ns FROM snapshot s JOIN segment g ON g.id = s.segment
             JOIN issue i ON i.id = s.issue WHERE {term} ORDER BY s.time_ns DESC LIMIT {limit}"
        );
        let mut statement = self.db.prepare(&text)?;
        let rows = statement.query_map(values, |row| {
            let id: [u8; 16] = row.get(12)?;
            let name: String = row.get(13)?;
            let offset = unsigned(row, 14)?;
            let located = SegmentName::parse(&name).map(|segment| Located {
                id,
                segment,
                offset,
            });
            let candidate = Candidate {
                id: hex(&id[12..]),
                whole: SnapshotId(id).to_string(),
                is_issue: false,
                issue: issue(row)?,
                time_ns: unsigned(row, 15)?,
            };
            Ok(Match { candidate, located })
        })?;
        rows.collect()
    }

    /// The newest snapshots.
    pub(super) fn recent(&self, limit: u32) -> Result<Vec<Candidate>, StoreError> {
        // Ordered by time anyway, and that is an index.
        let found = self.snapshots("TRUE", limit, &[]).map_err(failed)?;
        Ok(found.into_iter().map(|found| found.candidate).collect())
    }

    /// Snapshots, the newest first.
    pub(super) fn snapshots_among(&self, among: &Among<'_>) -> Result<Vec<Found>, StoreError> {
        let read = || -> rusqlite::Result<Vec<Found>> {
            let issue = if among.issue.is_some() {
                "AND s.issue = (SELECT id FROM issue WHERE key = ?3)"
            } else {
                "AND ?3 IS NULL"
            };
            let text = format!(
                "SELECT s.id, g.name, s.offset, i.key, s.time_ns, u.mechanism FROM snapshot s
                 JOIN segment g ON g.id = s.segment JOIN issue i ON i.id = s.issue LEFT JOIN uncaught u ON u.id = s.id
                 WHERE s.time_ns >= ?1 AND s.time_ns < ?2 {issue} ORDER BY s.time_ns DESC, s.id DESC LIMIT ?4"
            );
            let number = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX);
            let values = params![
                number(among.from_ns),
                among.before_ns.map_or(i64::MAX, number),
                among.issue.map(|key| key.as_slice()),
                among.limit.map_or(-1, number),
            ];
            let mut statement = self.db.prepare(&text)?;
            let rows = statement.query_map(values, |row| {
                let Some(located) = located(row)? else {
                    return Ok(None);
                };
                Ok(Some(Found {
                    located,
                    issue: row.get(3)?,
                    time_ns: unsigned(row, 4)?,
                    uncaught: row.get(5)?,
                }))
            })?;
            rows.filter_map(Result::transpose).collect()
        };
        read().map_err(failed)
    }

    /// The issue with this key.
    pub(super) fn issue(&self, key: &[u8; 16]) -> Result<Option<Issue>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM issue WHERE key = ?1");
        self.db
            .query_row(&text, [key], issue)
            .optional()
            .map_err(failed)
    }

    /// The issue of the snapshot with this id.
    pub(super) fn issue_of(&self, id: &[u8; 16]) -> Result<Option<Issue>, StoreError> {
        let text = format!(
            "SELECT {COLUMNS} FROM issue WHERE id = (SELECT issue FROM snapshot WHERE id = ?1)"
        );
        self.db
            .query_row(&text, [id], issue)
            .optional()
            .map_err(failed)
    }

    /// How the exception of a snapshot was met when it turned out that nobody handled it.
    pub(super) fn uncaught(&self, id: &[u8; 16]) -> Result<Option<String>, StoreError> {
        self.db
            .query_row(
                "SELECT mechanism FROM uncaught WHERE id = ?1",
                [id],
                |row| row.get(0),
            )
            .optional()
            .map_err(failed)
    }

    /// Processes that used the store, the newest first.
    pub(super) fn processes(&self, limit: usize) -> Result<Vec<Process>, StoreError> {
        let read = || -> rusqlite::Result<Vec<(u64, Vec<u8>)>> {
            let mut statement = self
                .db
                .prepare("SELECT time_ns, payload FROM process ORDER BY time_ns DESC LIMIT ?1")?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            statement
                .query_map([limit], |row| Ok((unsigned(row, 0)?, row.get(1)?)))?
                .collect()
        };
        let rows = read().map_err(failed)?;
        let decode = |(time_ns, payload): (u64, Vec<u8>)| {
            Some(Process {
                time_ns,
                record: decode_payload(&payload).ok()?,
            })
        };
        Ok(rows.into_iter().filter_map(decode).collect())
    }

    /// What is wrong in the spool.
    pub(super) fn health(&self) -> Result<Health, StoreError> {
        let sums = "SELECT count(*), coalesce(sum(bytes), 0), coalesce(sum(unknown), 0), coalesce(sum(damaged), 0),
            coalesce(sum(damaged_bytes), 0), coalesce(sum(NOT live AND tail_bytes > 0), 0),
            coalesce(sum(undecodable), 0) FROM segment";
        let read = || -> rusqlite::Result<Health> {
            let mut health = self.db.query_row(sums, [], |row| {
                Ok(Health {
                    segments: unsigned(row, 0)?,
                    bytes: unsigned(row, 1)?,
                    unknown: unsigned(row, 2)?,
                    damaged: unsigned(row, 3)?,
                    damaged_bytes: unsigned(row, 4)?,
                    torn: unsigned(row, 5)?,
                    undecodable: unsigned(row, 6)?,
                    errors: Vec::new(),
                })
            })?;
            let mut statement = self
                .db
                .prepare("SELECT error FROM segment WHERE error IS NOT NULL ORDER BY name")?;
            health.errors = statement
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(health)
        };
        read().map_err(failed)
    }
}

struct Match {
    candidate: Candidate,
    located: Option<Located>,
}

fn located(row: &Row<'_>) -> rusqlite::Result<Option<Located>> {
    let (id, name, offset) = (row.get(0)?, row.get::<_, String>(1)?, unsigned(row, 2)?);
    Ok(SegmentName::parse(&name).map(|segment| Located {
        id,
        segment,
        offset,
    }))
}

/// The smallest and the largest key that begin with these hex digits.
fn range(digits: &str) -> ([u8; 16], [u8; 16]) {
    let filled = |fill: char| {
        let mut bytes = [0; 16];
        let mut digits = digits.chars().chain(std::iter::repeat(fill));
        for byte in &mut bytes {
            let mut digit = || digits.next().and_then(|c| c.to_digit(16)).unwrap_or(0) as u8;
            *byte = digit() << 4 | digit();
        }
        bytes
    };
    (filled('0'), filled('f'))
}

/// Bytes in hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_range_of_keys() {
        let (low, high) = range("a1b");
        assert_eq!(&low[..3], [0xa1, 0xb0, 0]);
        assert_eq!(&high[..3], [0xa1, 0xbf, 0xff]);
        assert_eq!(
            hex(&range("0123456789abcdef0123456789abcdef").0),
            "0123456789abcdef0123456789abcdef"
        );
    }
}
