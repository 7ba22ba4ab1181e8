//! "Did you mean": the known name nearest to an unknown one.

/// Longest name that is compared; a longer one is no typing error.
const LONGEST: usize = 100;

/// `; did you mean x?`, or nothing if no known name is near. All names begin with `prefix`, which says nothing about nearness.
pub(super) fn did_you_mean<'a>(
    prefix: &str,
    name: &str,
    known: impl Iterator<Item = &'a str>,
) -> String {
    if name.len() > LONGEST {
        return String::new();
    }
    let own = |name: &str| fold(name.strip_prefix(prefix).unwrap_or(name));
    let folded = own(name);
    let last = |name: &str| name.rsplit('.').next().unwrap_or("").to_owned();
    let distance = |candidate: &str| {
        let whole = strsim::damerau_levenshtein(&folded, &own(candidate));
        // `depth` for `limits.depth`: the right word without its table.
        let inner = strsim::damerau_levenshtein(&folded, &fold(&last(candidate))) + 1;
        whole.min(inner)
    };
    let nearest = known
        .map(|candidate| (distance(candidate), candidate))
        .min();
    match nearest {
        Some((distance, candidate)) if distance <= 1 + folded.chars().count() / 4 => {
            format!("; did you mean {candidate}?")
        }
        _ => String::new(),
    }
}

fn fold(name: &str) -> String {
    name.to_ascii_lowercase().replace(['-', '.'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_name_is_suggested() {
        let known = ["limits.depth", "limits.frames", "redact.names", "service"];
        let suggest = |name: &str| did_you_mean("", name, known.into_iter());
        assert_eq!(suggest("limits.dept"), "; did you mean limits.depth?");
        assert_eq!(suggest("limit-frames"), "; did you mean limits.frames?");
        assert_eq!(suggest("depth"), "; did you mean limits.depth?");
        assert_eq!(suggest("Servcie"), "; did you mean service?");
        assert_eq!(suggest("redact.name"), "; did you mean redact.names?");
        for far in ["", "x", "colour", "database.url", &"x".repeat(5000)] {
            assert_eq!(suggest(far), "", "{far}");
        }
    }
}
