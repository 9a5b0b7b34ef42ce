//! Whether a password is one of those that attackers try first. Owns no list of its own: it asks the frequency lists
//! of zxcvbn (100,000 words; the same as in Dropbox's original).

use zxcvbn::matching::patterns::MatchPattern;
use zxcvbn::zxcvbn;

/// The longest password that is looked up, in characters; nothing longer is on a list. It bounds the time too: the
/// worst mixture of 32 digits and signs takes 90 ms, a word 40 µs.
const MAX_CHARS: usize = 32;
/// How many words the longest list has. A word on a list is never further from the first guess than this.
const LONGEST_LIST: u64 = 30_000;

/// Whether `password` is on a list, as it is or in other case, backwards or with the usual digits for letters; or so
/// regular that it is guessed no later than the last word on a list.
///
/// Each word stands in one list only, the one where its rank is best, so "michael" is found among the names and not
/// among the passwords: every list counts. And a listed word may be described even better as a sequence or as two
/// parts ("abcdefgh", "password7"), so the number of guesses counts, not only the dictionary match.
pub(super) fn is_common(password: &str) -> bool {
    if password.chars().nth(MAX_CHARS).is_some() {
        return false;
    }
    let estimate = zxcvbn(password, &[]);
    let on_a_list = match estimate.sequence() {
        [whole] => matches!(whole.pattern, MatchPattern::Dictionary(_)),
        _ => false,
    };
    on_a_list || estimate.guesses() <= LONGEST_LIST + 1
}

#[cfg(test)]
mod tests {
    use super::is_common;

    #[test]
    fn listed_passwords_are_common_in_each_disguise() {
        for password in [
            "password",
            "PassWord",
            "drowssap",
            "p@$$w0rd",
            "trustno1",
            "qwertyuiop",
            "12345678",
            "iloveyou!",
            "password7",
            "zaq12wsx",
            "abcdefgh",
            "aaaaaaaa",
            "00000001",
            "elizabeth1",
        ] {
            assert!(is_common(password), "{password}");
        }
    }

    #[test]
    fn words_of_the_other_lists_are_common_too() {
        for word in ["elizabeth", "jennifer", "wonderland", "WoNdErLaNd", "mcdonalds"] {
            assert!(is_common(word), "{word}");
        }
    }

    #[test]
    fn a_listed_word_inside_something_longer_is_not() {
        for password in ["correct horse battery staple", "mY-password-is-odd", "жираф на балконе", "kR7#vq2L"]
        {
            assert!(!is_common(password), "{password}");
        }
    }

    #[test]
    fn only_what_could_be_listed_is_looked_at() {
        assert!(is_common(&"a".repeat(32)));
        assert!(!is_common(&"a".repeat(33)));
        assert!(!is_common(&"ä".repeat(512)));
    }
}
