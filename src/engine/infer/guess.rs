//! What a field is likely meant to be: its type, whether it is a key, a list of words, or about a person.

use crate::engine::infer::gather::{FORMATS, Field, WORDS_MAX};

/// Rows without which nothing is said to be unique.
const UNIQUE_ROWS: u64 = 10;
/// So often each word of a list must have been seen on average.
const TIMES_EACH: u64 = 10;

/// The ODCS type that all values have; `None`: there are several, or none.
pub fn logical_type(field: &Field) -> Option<&'static str> {
    let (kinds, values) = (&field.kinds, field.values());
    let all = |count: u64| count == values;
    match () {
        _ if values == 0 => None,
        _ if all(kinds.boolean) => Some("boolean"),
        _ if all(kinds.integer) => Some("integer"),
        _ if all(kinds.integer + kinds.fraction) => Some("number"),
        _ if all(kinds.text) && all(field.dates) => Some("date"),
        _ if all(kinds.text) && all(field.timestamps) => Some("timestamp"),
        _ if all(kinds.text + kinds.bytes) => Some("string"),
        _ if all(kinds.date) => Some("date"),
        _ if all(kinds.timestamp) => Some("timestamp"),
        _ if all(kinds.time) => Some("time"),
        _ if all(kinds.array) => Some("array"),
        _ if all(kinds.object) => Some("object"),
        _ => None,
    }
}

/// The format that all texts have.
pub fn format(field: &Field) -> Option<&'static str> {
    let texts = field.kinds.text;
    let mut held = FORMATS.iter().zip(field.formats).filter(|(_, count)| texts > 0 && *count == texts);
    held.next().map(|((name, _), _)| *name)
}

/// Whether a name is one of those that keys have: its last word is `id`, `key`, `number` …
pub fn may_be_key(name: &str) -> bool {
    let last = words(name).pop();
    last.is_some_and(|last| ["id", "uuid", "guid", "key", "number", "no", "nr", "code", "ref"].contains(&last.as_str()))
}

/// Whether no value came twice, in so many rows that it is no chance.
pub fn is_unique(field: &Field) -> bool {
    let values = field.values();
    let none_twice = field.keys.as_ref().and_then(|keys| keys.duplicates(values).ok());
    values >= UNIQUE_ROWS && none_twice.is_some_and(|rows| rows.is_exact() && rows.value == 0.0)
}

/// The words of a field that has few of them, each many times.
pub fn list(field: &Field) -> Option<Vec<&str>> {
    let words = field.words.as_ref().filter(|words| !words.is_empty() && words.len() < WORDS_MAX)?;
    let texts = field.kinds.text;
    (texts == field.values() && texts >= TIMES_EACH * words.len() as u64)
        .then(|| words.keys().map(String::as_str).collect())
}

/// Why a field may be about a person.
pub fn personal(name: &str, field: &Field) -> Option<String> {
    let words = words(name);
    let said = PERSONAL.iter().find(|said| {
        let said: Vec<&str> = said.split(' ').collect();
        words.windows(said.len()).any(|found| found.iter().zip(&said).all(|(a, b)| a == b))
    });
    match (said, format(field)) {
        (Some(said), _) => Some(format!("its name says {said:?}")),
        (None, Some(format @ ("email" | "ipv4" | "ipv6"))) => Some(format!("its values look like {format} addresses")),
        _ => None,
    }
}

/// Words of names that data about people has.
const PERSONAL: [&str; 38] = [
    "email",
    "mail",
    "phone",
    "mobile",
    "telephone",
    "fax",
    "ssn",
    "social security",
    "passport",
    "iban",
    "bic",
    "dob",
    "birthday",
    "birthdate",
    "birth date",
    "date of birth",
    "surname",
    "firstname",
    "lastname",
    "fullname",
    "first name",
    "last name",
    "full name",
    "family name",
    "given name",
    "street",
    "address",
    "postcode",
    "postal code",
    "zip",
    "zipcode",
    "latitude",
    "longitude",
    "gender",
    "credit card",
    "card number",
    "tax id",
    "password",
];

/// The words of a name: `customerEmail`, `customer_email` and `customer-email` are two.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_is_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before_is_lower) {
            words.push(String::new());
        }
        if c.is_alphanumeric() {
            words.iter_mut().rev().take(1).for_each(|word| word.extend(c.to_lowercase()));
        }
        before_is_lower = c.is_lowercase() || c.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_word_by_word() {
        for (name, key, person) in [
            ("order_id", true, false),
            ("orderId", true, false),
            ("ID", true, false),
            ("paid", false, false),
            ("customerEmail", false, true),
            ("first-name", false, true),
            ("firstName", false, true),
            ("file_name", false, false),
            ("emailed", false, false),
            ("CARD_NUMBER", true, true),
        ] {
            assert_eq!(may_be_key(name), key, "{name}");
            assert_eq!(personal(name, &Field::default()).is_some(), person, "{name}");
        }
    }
}
