//! The trace context of a caller, in the text form of the W3C recommendation "Trace Context".

/// Whether a text is a `traceparent`: `00-<32 digits>-<16 digits>-<2 digits>`, hexadecimal in lower case, of which the first two groups
/// are not all zeros. A later version than 00 may have more after these parts; version ff is invalid.
pub(crate) fn is_traceparent(text: &str) -> bool {
    let (parts, rest) = match text.as_bytes().split_at_checked(LENGTH) {
        Some(parts) => parts,
        None => return false,
    };
    let has_dashes = [2, 35, 52].iter().all(|dash| parts[*dash] == b'-');
    let [version, trace, parent, flags] = [0..2, 3..35, 36..52, 53..55].map(|part| &parts[part]);
    let is_id = |part: &[u8]| is_hex(part) && part.iter().any(|digit| *digit != b'0');
    let may_end = rest.is_empty() || (version != b"00" && rest[0] == b'-');
    has_dashes
        && is_hex(version)
        && version != b"ff"
        && is_id(trace)
        && is_id(parent)
        && is_hex(flags)
        && may_end
}

/// The length of the parts of version 00.
const LENGTH: usize = 55;

fn is_hex(part: &[u8]) -> bool {
    part.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::is_traceparent;

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn trace_contexts_of_all_versions_are_valid() {
        let later = VALID.replacen("00", "01", 1);
        for text in [VALID, &VALID.replace("-01", "-00"), &later, &format!("{later}-what-comes-later")] {
            assert!(is_traceparent(text), "{text}");
        }
    }

    #[test]
    fn other_texts_are_invalid() {
        let zeros = |part: &str| VALID.replace(part, &"0".repeat(part.len()));
        let later = VALID.replacen("00", "01", 1);
        let invalid = [
            String::new(),
            "00".into(),
            VALID[..54].into(),
            format!("{VALID}0"),
            format!("{VALID}-00"),
            format!("{later}00"),
            format!(" {VALID}"),
            VALID.to_uppercase(),
            VALID.replacen("00", "ff", 1),
            VALID.replacen("00", "0g", 1),
            VALID.replace('-', "_"),
            VALID.replace("-01", "-0x"),
            zeros("0af7651916cd43dd8448eb211c80319c"),
            zeros("b7ad6b7169203331"),
            "é".repeat(40),
            "-".repeat(55),
        ];
        for text in invalid {
            assert!(!is_traceparent(&text), "{text}");
        }
    }
}
