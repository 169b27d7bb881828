//! What a login may do: `viewer`, `publisher:sales`, `publisher:*`, `admin`.

use std::fmt;
use std::str::FromStr;

/// Each may what those before it may.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads everything.
    Viewer,
    /// Changes the products of a domain; `*`: of any.
    Publisher(String),
    /// Changes everything, the daemon itself too.
    Admin,
}

/// Any domain.
pub const ANY: &str = "*";

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Role::Viewer => f.write_str("viewer"),
            Role::Publisher(domain) => write!(f, "publisher:{domain}"),
            Role::Admin => f.write_str("admin"),
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Role, String> {
        match text.split_once(':') {
            None if text == "viewer" => Ok(Role::Viewer),
            None if text == "admin" => Ok(Role::Admin),
            Some(("publisher", domain)) if !domain.is_empty() => Ok(Role::Publisher(domain.to_owned())),
            _ => Err(format!("{text:?} is no role; write viewer, publisher:DOMAIN (publisher:* for any) or admin")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_reads_as_it_is_written_and_nothing_else_is_one() {
        for text in ["viewer", "publisher:sales", "publisher:*", "publisher:a:b", "admin"] {
            assert_eq!(text.parse::<Role>().unwrap().to_string(), text);
        }
        for text in ["", "publisher", "publisher:", "Admin", "admin:sales", "root", "viewer "] {
            assert!(text.parse::<Role>().unwrap_err().contains("is no role"), "{text}");
        }
    }
}
