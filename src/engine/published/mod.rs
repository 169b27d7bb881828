//! Products that are published through the API: what the catalog holds of one, and whether a change of it may be made.

pub mod lifecycle; // from proposed to retired
pub mod entry; // what the catalog holds of one product
pub mod change; // a change, and what it makes of an entry or why it is refused
pub mod draft; // a draft of a contract, and an edit of it
pub mod odps; // the product as ODPS has it: sent, or made of its contracts
pub mod contracts; // the contracts of a change: linted, compared with those before
