//! "Did you mean": the known word nearest to an unknown one.

/// The word of `known` that `word` was probably meant to be.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters have to be inserted, removed or replaced to get from one word to the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, right) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_slip_and_nothing_far_away() {
        let known = ["decide", "state", "error", "context", "name"];
        assert_eq!(nearest("decides", known), Some("decide"));
        assert_eq!(nearest("desice", known), Some("decide"));
        assert_eq!(nearest("states", known), Some("state"));
        assert_eq!(nearest("nmae", known), None);
        assert_eq!(nearest("name", known), Some("name"));
        assert_eq!(nearest("retries", known), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
