//! The names of variants as serde writes them.

/// A value of `rename_all`, with the meaning that it has for serde.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rename {
    Pascal,
    Lower,
    Upper,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Rename {
    pub(super) const WORDS: [(&str, Self); 8] = [
        ("PascalCase", Self::Pascal),
        ("lowercase", Self::Lower),
        ("UPPERCASE", Self::Upper),
        ("camelCase", Self::Camel),
        ("snake_case", Self::Snake),
        ("SCREAMING_SNAKE_CASE", Self::ScreamingSnake),
        ("kebab-case", Self::Kebab),
        ("SCREAMING-KEBAB-CASE", Self::ScreamingKebab),
    ];

    pub(super) fn find(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, rename)| *rename)
    }

    /// The stored text of a variant. Like serde, and unlike the names of events, every capital starts a word.
    pub(super) fn apply(self, variant: &str) -> String {
        match self {
            Self::Pascal => variant.to_owned(),
            Self::Lower => variant.to_ascii_lowercase(),
            Self::Upper => variant.to_ascii_uppercase(),
            Self::Camel => {
                let mut letters = variant.chars();
                let first = letters.next().map(|first| first.to_ascii_lowercase());
                first.into_iter().chain(letters).collect()
            }
            Self::Snake => snake(variant),
            Self::ScreamingSnake => snake(variant).to_ascii_uppercase(),
            Self::Kebab => snake(variant).replace('_', "-"),
            Self::ScreamingKebab => snake(variant).to_ascii_uppercase().replace('_', "-"),
        }
    }
}

fn snake(variant: &str) -> String {
    let mut text = String::with_capacity(variant.len() + 4);
    for (at, letter) in variant.char_indices() {
        if at > 0 && letter.is_uppercase() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_renamed_as_serde_does() {
        for (word, text) in [
            ("PascalCase", "VeryOkHTTP"),
            ("lowercase", "veryokhttp"),
            ("UPPERCASE", "VERYOKHTTP"),
            ("camelCase", "veryOkHTTP"),
            ("snake_case", "very_ok_h_t_t_p"),
            ("SCREAMING_SNAKE_CASE", "VERY_OK_H_T_T_P"),
            ("kebab-case", "very-ok-h-t-t-p"),
            ("SCREAMING-KEBAB-CASE", "VERY-OK-H-T-T-P"),
        ] {
            assert_eq!(Rename::find(word).unwrap().apply("VeryOkHTTP"), text);
        }
        assert_eq!(Rename::find("snake"), None);
    }
}
