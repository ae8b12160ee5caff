//! Suggestions for misspelt words.

/// Returns the candidate that is most similar to a word, if it is similar enough to be meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // At most a third of the letters may be wrong, as in rustc, and never all of them.
    let length = word.chars().count();
    let most = (length.max(3) / 3).min(length.saturating_sub(1));
    let with_distance = candidates.into_iter().filter(|candidate| *candidate != word).filter_map(|candidate| {
        let same = candidate.eq_ignore_ascii_case(word);
        let distance = if same { 0 } else { distance(word, candidate) };
        (distance <= most).then_some((distance, candidate))
    });
    with_distance.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// The number of missing, extra, wrong and transposed letters (optimal string alignment distance).
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=right.len()).collect()];
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let wrong = usize::from(left[i - 1] != right[j - 1]);
            let mut least = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + wrong);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (left, right, expected) in
            [("", "", 0), ("", "ab", 2), ("fuel", "feul", 1), ("fuel", "ful", 1), ("JMP", "JUMP", 1), ("ab", "ba", 1)]
        {
            assert_eq!((distance(left, right), distance(right, left)), (expected, expected), "{left} {right}");
        }
    }

    #[test]
    fn what_is_like_a_word_was_meant() {
        assert_eq!(nearest("feul", ["limit", "fuel"]), Some("fuel"));
        assert_eq!(nearest("jump", ["JUMP", "pump"]), Some("JUMP"));
        assert_eq!(nearest("a", ["b"]), None);
        assert_eq!(nearest("ab", ["ac"]), Some("ac"));
        assert_eq!(nearest("ab", ["cd", "ab"]), None);
        assert_eq!(nearest("value", ["target"]), None);
    }
}
