//! What an actor is towards a domain, and by that what it may: a route names the least that it asks for.

use crate::engine::access::role::{ANY, Role};
use std::sync::Arc;

/// From nobody to the one who may everything. A route that asks for one of these is open to it and to all above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nobody that is known.
    Nobody,
    /// Reads.
    Viewer,
    /// Publishes in some domain, which need not be the one that is asked about.
    Publisher,
    /// Publishes in the very domain that is asked about.
    Owner,
    Admin,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// A login's name, a token's subject; `anonymous` where nobody has to say who they are.
    pub subject: Arc<str>,
    pub roles: Arc<[Role]>,
    pub way: Way,
}

/// How an actor said who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Not at all.
    Unsaid,
    Token,
    Password,
    Certificate,
    Oidc,
}

impl Actor {
    /// Whoever asks where nobody has to log in: may everything.
    pub fn unasked() -> Actor {
        Actor { subject: "anonymous".into(), roles: [Role::Admin].into(), way: Way::Unsaid }
    }

    /// Whoever has not logged in where that is asked for: may nothing.
    pub fn unknown() -> Actor {
        Actor { subject: "anonymous".into(), roles: [].into(), way: Way::Unsaid }
    }

    /// `domain`: the one that is asked about, where there is one.
    pub fn standing(&self, domain: Option<&str>) -> Standing {
        let of_role = |role: &Role| match role {
            Role::Viewer => Standing::Viewer,
            Role::Publisher(own) if domain.is_some_and(|domain| own == ANY || own == domain) => Standing::Owner,
            Role::Publisher(_) => Standing::Publisher,
            Role::Admin => Standing::Admin,
        };
        self.roles.iter().map(of_role).max().unwrap_or(Standing::Nobody)
    }

    /// Domains whose products it may change; `*` among them: any.
    pub fn domains(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().filter_map(|role| match role {
            Role::Publisher(domain) => Some(domain.as_str()),
            Role::Admin => Some(ANY),
            Role::Viewer => None,
        })
    }

    /// Why it may not, in words that name the role it lacks; `None`: it may.
    pub fn refusal(&self, asked: Standing, domain: Option<&str>) -> Option<String> {
        if self.standing(domain) >= asked {
            return None;
        }
        let needed = match (asked, domain) {
            (Standing::Nobody | Standing::Viewer, _) => "viewer".to_owned(),
            (Standing::Publisher, _) => "publisher of a domain".to_owned(),
            (Standing::Owner, domain) => format!("publisher:{}", domain.unwrap_or("DOMAIN")),
            (Standing::Admin, _) => "admin".to_owned(),
        };
        let has: Vec<String> = self.roles.iter().map(Role::to_string).collect();
        let has = if has.is_empty() { "none".to_owned() } else { has.join(", ") };
        Some(format!("this takes the role {needed}, and {} has {has}; ask an admin of the mesh for it", self.subject))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Standing::{Admin, Nobody, Owner, Publisher, Viewer};

    fn actor(roles: &[&str]) -> Actor {
        let roles = roles.iter().map(|role| role.parse().unwrap()).collect();
        Actor { subject: "anna".into(), roles, way: Way::Token }
    }

    #[test]
    fn what_an_actor_is_towards_a_domain_follows_from_its_roles() {
        for (roles, in_sales, anywhere) in [
            (&[][..], Nobody, Nobody),
            (&["viewer"], Viewer, Viewer),
            (&["publisher:sales"], Owner, Publisher),
            (&["publisher:sales.eu"], Publisher, Publisher),
            (&["publisher:sale", "viewer"], Publisher, Publisher),
            (&["publisher:hr", "publisher:sales"], Owner, Publisher),
            (&["publisher:*"], Owner, Publisher),
            (&["viewer", "admin"], Admin, Admin),
        ] {
            assert_eq!(actor(roles).standing(Some("sales")), in_sales, "{roles:?}");
            assert_eq!(actor(roles).standing(None), anywhere, "{roles:?}");
        }
    }

    #[test]
    fn a_refusal_names_the_role_that_is_lacking_and_those_that_are_there() {
        for (roles, asked, words) in [
            (&[][..], Viewer, "role viewer, and anna has none"),
            (&["viewer"], Publisher, "role publisher of a domain, and anna has viewer"),
            (&["publisher:hr", "viewer"], Owner, "role publisher:sales, and anna has publisher:hr, viewer"),
            (&["publisher:*"], Admin, "role admin, and anna has publisher:*"),
        ] {
            let refusal = actor(roles).refusal(asked, Some("sales")).unwrap();
            assert!(refusal.contains(words), "{refusal}");
        }
        assert_eq!(actor(&["viewer"]).refusal(Viewer, None), None);
        assert_eq!(Actor::unasked().refusal(Admin, None), None);
        assert_eq!(Actor::unknown().refusal(Nobody, None), None);
    }
}
