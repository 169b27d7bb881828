//! Who may do what: roles, the least that each route asks for, logins at rest, and tokens of an OpenID provider.

pub mod role; // viewer, publisher:sales, admin
pub mod standing; // what an actor is towards a domain, and what a route asks for at least
pub mod logins; // the file of logins: names, hashes, roles
pub mod jwt; // tokens that a provider signed (RFC 7519)
pub mod keys; // with which keys it signs them (RFC 7517)
