//! Contracts from files into plans, durable in the catalog topic; the board that requests read.

pub mod subjects; // and what a schema registry asks beside them
pub mod referred; // and what they refer to in each other
pub mod files; // contract files into plans; a bad one is a finding
pub mod sampling; // a topic's records, read once, with their schemas
pub mod experiment; // drafts inferred and contracts tried for requests
pub mod trail; // the audit as requests read it
pub mod published; // products of the API: their contracts, changes on their way
pub mod folder; // what lies in the folders, and whether it changed
pub mod policies; // files of the mesh's policies, and what they say
pub mod records; // what the mesh does about bad records
pub mod plans; // what the flow's `Judge` answers from the plans in force
pub mod wish; // what operators want: pause, resume, restart
pub mod board; // what requests read
pub mod evidence; // what stands behind a verdict
pub mod ordered; // what stands in the order of products
pub mod directory; // what contracts say, what topics there are
pub mod offsets; // how far stage 1 has come
pub mod lineage; // who feeds whom, as it is known now
pub mod fleet; // what workers tell each other
pub mod lent; // and lend each other of what they know
pub mod portrait; // a product as people look for it, by precedence of who says it
pub mod document; // contracts as people read and search them
