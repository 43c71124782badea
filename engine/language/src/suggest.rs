//! The name that was probably meant.

/// The candidate nearest to a misspelt name; `None` where none is near.
///
/// Distance is counted in characters added, left out, changed or swapped; up to a third of the name may differ, or one
/// character of a shorter one, as long as another stays. Among equally near candidates the first wins.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = name.chars().collect();
    // Longer names are not misspelt but made up; the distance costs their product.
    if wanted.len() > 64 {
        return None;
    }
    let limit = (wanted.len() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let length = candidate.chars().count();
        if candidate == name || length.abs_diff(wanted.len()) > limit {
            continue;
        }
        let distance = distance(&wanted, candidate);
        let stays = distance < length.max(wanted.len());
        if stays && distance <= limit && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// The hint for a misspelt name, where there is one.
pub fn hint<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(name, candidates).map(|candidate| format!("Did you mean '{candidate}'?"))
}

/// Edit distance in which swapping neighbours counts as one edit.
fn distance(wanted: &[char], candidate: &str) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=wanted.len()).collect();
    let mut previous = None;
    for (row, found) in candidate.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, &want) in wanted.iter().enumerate() {
            let change = last[column] + usize::from(want != found);
            let mut least = change.min(last[column + 1] + 1).min(current[column] + 1);
            let swapped = column > 0 && previous == Some(want) && wanted[column - 1] == found;
            if swapped {
                least = least.min(before[column - 1] + 1);
            }
            current.push(least);
        }
        before = std::mem::replace(&mut last, current);
        previous = Some(found);
    }
    last[wanted.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested() {
        let check = |name: &str, expected: Option<&str>| {
            let candidates = [
                "resource", "removed", "variable", "locals", "output", "data",
            ];
            assert_eq!(nearest(name, candidates), expected, "{name}");
        };
        check("resurce", Some("resource"));
        check("reosurce", Some("resource"));
        check("varaible", Some("variable"));
        check("local", Some("locals"));
        check("dta", Some("data"));
        check("module", None);
        check("x", None);
        check("", None);
        check(&"x".repeat(100_000), None);
    }
}
