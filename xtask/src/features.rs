//! The feature sets of the facade.

/// The features that a manifest declares, without `default`.
pub(crate) fn declared(manifest: &str) -> Vec<&str> {
    let lines = manifest.lines().skip_while(|line| line.trim() != "[features]").skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    let names = lines.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    names.map(|(name, _)| name.trim()).filter(|name| *name != "default").collect()
}

/// The sets to check: no feature, each alone, each pair, and all. Pairs reveal features that conflict.
pub(crate) fn sets<'a>(features: &[&'a str]) -> Vec<Vec<&'a str>> {
    let mut sets = vec![Vec::new()];
    sets.extend(features.iter().map(|&one| vec![one]));
    for (at, &one) in features.iter().enumerate() {
        sets.extend(features[at + 1..].iter().map(|&other| vec![one, other]));
    }
    if features.len() > 2 {
        sets.push(features.to_vec());
    }
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_features_are_read_from_the_manifest() {
        let manifest = "[package]\nname = \"x\"\n\n[features]\ndefault = [\"a\"]\n# about a\na = []\nb-c = [\"dep:d\"]\n\n[dependencies]\nd = \"1\"\n";
        assert_eq!(declared(manifest), ["a", "b-c"]);
        assert_eq!(declared("[package]\n"), Vec::<&str>::new());
    }

    #[test]
    fn sets_are_none_singles_pairs_and_all() {
        let sets: Vec<String> = sets(&["a", "b", "c"]).iter().map(|set| set.join("+")).collect();
        assert_eq!(sets, ["", "a", "b", "c", "a+b", "a+c", "b+c", "a+b+c"]);
    }
}
