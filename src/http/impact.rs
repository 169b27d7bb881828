//! Who reads a product, by name: whom it breaks when it goes.

use crate::engine::contract::name::ProductName;
use crate::engine::lineage::sighting::Evidence;
use crate::engine::lineage::walk::{Direction, walk};
use crate::http::lineage::topics;
use crate::http::server::Site;
use std::collections::BTreeSet;

/// Jobs (groups, connectors, queries) that read its topics themselves, as lineage knows them; who merely may is none.
pub fn consumers(site: &Site, product: &ProductName) -> BTreeSet<String> {
    let (lineage, directory) = (site.lineage.read(), site.board.directory());
    let graph = &lineage.graph;
    let start = topics(&lineage, &directory, product);
    let reached = walk(graph, &start, Direction::Downstream, 1);
    let reads = |edge: &&crate::engine::lineage::node::Edge| {
        let mut claims = graph.claims(edge).into_iter().flatten();
        claims.any(|(claimant, claim)| claim.holds() && claimant.evidence != Evidence::Permitted)
    };
    let jobs = reached.edges.iter().filter(reads).map(|edge| &edge.to);
    jobs.filter(|node| !node.is_dataset() && !graph.is_own(node)).map(|node| node.name().to_owned()).collect()
}
