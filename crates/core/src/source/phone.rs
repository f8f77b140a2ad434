//! The E.164 form of a telephone number.

/// The number in E.164 form (`+` and 7 to 15 digits), if it has a country code.
pub(super) fn e164(number: &str) -> Option<String> {
    // "(0)" is the trunk prefix, which is not dialled from abroad.
    let plain: String = number
        .replace("(0)", "")
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '.' | '/' | '(' | ')'))
        .collect();
    let digits = plain
        .strip_prefix('+')
        .or_else(|| plain.strip_prefix("00"))?;

    let is_valid = (7..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0');
    is_valid.then(|| format!("+{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_with_a_country_code_has_an_e164_form() {
        assert_eq!(
            e164("+49 (0)30 / 123-4567"),
            Some("+49301234567".to_owned())
        );
        assert_eq!(e164("0044 20.7946.0958"), Some("+442079460958".to_owned()));
        for other in ["518-555-1212", "+1", "+49 30 x12", "", "+0123456789"] {
            assert_eq!(e164(other), None, "{other}");
        }
    }
}
