//! The feature sets of the facade.

/// The features that a manifest declares, without `default`.
pub(crate) fn declared(manifest: &str) -> Vec<&str> {
    let lines = manifest.lines().skip_while(|line| line.trim() != "[features]").skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    let names = lines.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    names.map(|(name, _)| name.trim()).filter(|name| *name != "default").collect()
}

/// The sets to check: no feature, each alone, all but one, and all. A feature alone reveals what it needs of another, and a missing one
/// what only the others need of it. There are two sets for each feature.
pub(crate) fn sets<'a>(features: &[&'a str]) -> Vec<Vec<&'a str>> {
    let without = |absent: &str| features.iter().copied().filter(|one| *one != absent).collect();
    let mut sets: Vec<Vec<&str>> = vec![Vec::new(), features.to_vec()];
    sets.extend(features.iter().map(|&one| vec![one]));
    sets.extend(features.iter().map(|one| without(one)));
    sets.sort_by_key(Vec::len);
    sets.dedup();
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
    fn sets_are_none_singles_all_but_one_and_all() {
        let joined = |features: &[&'static str]| -> Vec<String> {
            sets(features).iter().map(|set| set.join("+")).collect()
        };
        assert_eq!(joined(&["a", "b", "c"]), ["", "a", "b", "c", "b+c", "a+c", "a+b", "a+b+c"]);
        assert_eq!(joined(&["a"]), ["", "a"]);
        assert_eq!(joined(&["a", "b", "c", "d"]).len(), 10);
    }
}
