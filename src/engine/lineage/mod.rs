//! Lineage: who feeds whom, by what evidence. Collectors say what they saw in rounds; the graph holds it together.

pub mod graph; // rounds into edges that age and end
pub mod node; // datasets, jobs, edges between them
pub mod sighting; // what a collector says of one round
pub mod claim; // one collector's word for one edge, over time
pub mod columns; // which columns an edge is about, in words
pub mod contradiction; // what is declared against what is seen
pub mod incident; // the same as incidents of products
pub mod walk; // up and down from a node
pub mod collector; // whoever looks at one source of evidence
pub mod record; // the graph as keys and values of a compacted log
pub mod names; // namespaces and their aliases, node ids
pub mod statement; // OpenLineage events of others, read
pub mod told; // what they told beside edges: facets, runs
pub mod trail; // what headers of records tell of their way
pub mod hops; // trails joined: from topic to topic, with latency
pub mod content; // who feeds whom, by what columns hold
