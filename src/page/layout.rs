//! Where nodes and edges of a graph stand: layers from left to right, few crossings, ports in the order of their far ends.
//!
//! After Sugiyama, Tagawa, Toda (1981), *Methods for Visual Understanding of Hierarchical System Structures*: edges that close a
//! circle are turned, each node stands right of all that feed it, an edge over several layers goes through a place of its own in each,
//! and layers are ordered by the mean of their neighbours.

/// Width and height of a node.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub w: f64,
    pub h: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

#[derive(Debug, Default)]
pub struct Drawing {
    /// Of each node the upper left corner and its width, which is that of its layer.
    pub places: Vec<(Point, f64)>,
    /// Of each edge from its source to its target: at least two points, each pair a curve between two layers.
    pub paths: Vec<Vec<Point>>,
    pub width: f64,
    pub height: f64,
}

/// Between two layers: room for a curve and the letters of its evidence.
const LAYER_GAP: f64 = 76.0;
const ROW_GAP: f64 = 18.0;
const MARGIN: f64 = 8.0;
/// Where an edge passes a layer.
const PASS_HEIGHT: f64 = 10.0;
/// Between two ports of one side.
const PORT_GAP: f64 = 6.0;
const SWEEPS: usize = 8;

/// A node, or where an edge passes.
struct Spot {
    layer: usize,
    h: f64,
    /// Centre.
    y: f64,
}

/// Edges as indices of `sizes`, from source to target; none from a node to itself.
pub fn layout(sizes: &[Size], edges: &[(usize, usize)]) -> Drawing {
    if sizes.is_empty() {
        return Drawing::default();
    }
    let forward = turned(sizes.len(), edges);
    let layers = layered(sizes.len(), &forward);
    let mut spots: Vec<Spot> =
        sizes.iter().zip(&layers).map(|(size, layer)| Spot { layer: *layer, h: size.h, y: 0.0 }).collect();
    // Each edge as the spots that it passes, from the left to the right.
    let mut chains: Vec<Vec<usize>> = Vec::new();
    for (from, to) in &forward {
        let mut chain = vec![*from];
        for layer in layers[*from] + 1..layers[*to] {
            chain.push(spots.len());
            spots.push(Spot { layer, h: PASS_HEIGHT, y: 0.0 });
        }
        chain.push(*to);
        chains.push(chain);
    }
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); layers.iter().max().map_or(1, |last| last + 1)];
    (0..spots.len()).for_each(|spot| rows[spots[spot].layer].push(spot));
    place(&mut spots, &mut rows, &chains);
    let widths: Vec<f64> = rows
        .iter()
        .map(|row| row.iter().filter_map(|spot| sizes.get(*spot)).map(|size| size.w).fold(0.0, f64::max))
        .collect();
    let mut lefts = vec![MARGIN];
    for width in &widths {
        lefts.push(lefts[lefts.len() - 1] + width + LAYER_GAP);
    }
    let bottom = spots.iter().map(|spot| spot.y + spot.h / 2.0).fold(0.0, f64::max);
    let places = sizes
        .iter()
        .zip(&spots)
        .map(|(size, spot)| (Point { x: lefts[spot.layer], y: spot.y - size.h / 2.0 }, widths[spot.layer]))
        .collect();
    let paths = chains
        .iter()
        .enumerate()
        .map(|(edge, chain)| path(edge, chain, &spots, &chains, (&lefts, &widths), forward[edge] != edges[edge]))
        .collect();
    Drawing { places, paths, width: lefts[widths.len()] - LAYER_GAP + MARGIN, height: bottom + MARGIN }
}

/// The edges, those turned round that would close a circle.
fn turned(nodes: usize, edges: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    edges.iter().enumerate().for_each(|(edge, (from, _))| out[*from].push(edge));
    let mut forward = edges.to_vec();
    // 0: not seen, 1: on the way, 2: done.
    let mut seen = vec![0_u8; nodes];
    let has_source = |node: usize| edges.iter().any(|(_, to)| *to == node);
    let mut starts: Vec<usize> = (0..nodes).collect();
    starts.sort_by_key(|node| has_source(*node));
    for start in starts {
        let mut stack = vec![(start, 0)];
        if seen[start] != 0 {
            continue;
        }
        seen[start] = 1;
        while let Some((node, next)) = stack.pop() {
            let Some(edge) = out[node].get(next) else {
                seen[node] = 2;
                continue;
            };
            stack.push((node, next + 1));
            let to = edges[*edge].1;
            match seen[to] {
                0 => {
                    seen[to] = 1;
                    stack.push((to, 0));
                }
                1 => forward[*edge] = (to, node),
                _ => {}
            }
        }
    }
    forward
}

/// Each node right of all that feed it, and what nothing feeds just left of what it feeds.
fn layered(nodes: usize, forward: &[(usize, usize)]) -> Vec<usize> {
    let mut layers = vec![0; nodes];
    // Without circles the longest way has fewer edges than there are nodes.
    for _ in 0..nodes {
        let mut moved = false;
        for (from, to) in forward {
            if layers[*to] <= layers[*from] {
                layers[*to] = layers[*from] + 1;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    for node in 0..nodes {
        if forward.iter().all(|(_, to)| *to != node) {
            let near = forward.iter().filter(|(from, _)| *from == node).map(|(_, to)| layers[*to]).min();
            layers[node] = near.map_or(layers[node], |near| near - 1);
        }
    }
    layers
}

fn place(spots: &mut [Spot], rows: &mut [Vec<usize>], chains: &[Vec<usize>]) {
    let mut left: Vec<Vec<usize>> = vec![Vec::new(); spots.len()];
    let mut right: Vec<Vec<usize>> = vec![Vec::new(); spots.len()];
    for pair in chains.iter().flat_map(|chain| chain.windows(2)) {
        right[pair[0]].push(pair[1]);
        left[pair[1]].push(pair[0]);
    }
    rows.iter().for_each(|row| stack(spots, row, None));
    for sweep in 0..SWEEPS {
        let ltr = sweep % 2 == 0;
        let order: Vec<usize> = if ltr { (0..rows.len()).collect() } else { (0..rows.len()).rev().collect() };
        for layer in order {
            let near = if ltr { &left } else { &right };
            let wished = |spot: usize| {
                // The last sweeps look both ways, so that a node stands amid its neighbours.
                let mut of: Vec<f64> = near[spot].iter().map(|other| spots[*other].y).collect();
                if sweep + 2 >= SWEEPS || of.is_empty() {
                    of = left[spot].iter().chain(&right[spot]).map(|other| spots[*other].y).collect();
                }
                if of.is_empty() { spots[spot].y } else { of.iter().sum::<f64>() / of.len() as f64 }
            };
            let mut row: Vec<(f64, usize)> = rows[layer].iter().map(|spot| (wished(*spot), *spot)).collect();
            row.sort_by(|a, b| a.0.total_cmp(&b.0));
            rows[layer] = row.iter().map(|(_, spot)| *spot).collect();
            stack(spots, &rows[layer], Some(&row.iter().map(|(y, _)| *y).collect::<Vec<_>>()));
        }
    }
    let top = spots.iter().map(|spot| spot.y - spot.h / 2.0).fold(f64::INFINITY, f64::min);
    spots.iter_mut().for_each(|spot| spot.y += MARGIN - top);
}

/// One below the other, each as near as may be to where it wishes to be.
fn stack(spots: &mut [Spot], row: &[usize], wishes: Option<&[f64]>) {
    let mut next = f64::NEG_INFINITY;
    let mut off = 0.0;
    for (at, spot) in row.iter().enumerate() {
        let half = spots[*spot].h / 2.0;
        let wish = wishes.map_or(half, |wishes| wishes[at]);
        let y = wish.max(next + half);
        off += y - wish;
        spots[*spot].y = y;
        next = y + half + ROW_GAP;
    }
    // Pushed down alone, a crowd would sink: half of it goes up.
    let mean = if row.is_empty() || wishes.is_none() { 0.0 } else { off / row.len() as f64 };
    row.iter().for_each(|spot| spots[*spot].y -= mean);
}

fn path(
    edge: usize,
    chain: &[usize],
    spots: &[Spot],
    chains: &[Vec<usize>],
    (lefts, widths): (&[f64], &[f64]),
    is_turned: bool,
) -> Vec<Point> {
    let mut points = Vec::new();
    for (step, spot) in chain.iter().enumerate() {
        let Spot { layer, y, .. } = spots[*spot];
        let (from, to) = (lefts[layer], lefts[layer] + widths[layer]);
        if step > 0 {
            points.push(Point { x: from, y: y + port(edge, *spot, spots, chains, false) });
        }
        if step + 1 < chain.len() {
            points.push(Point { x: to, y: y + port(edge, *spot, spots, chains, true) });
        }
    }
    if is_turned {
        points.reverse();
    }
    points
}

/// How far from a node's middle an edge leaves or comes in: ordered by where it leads, within the node's height.
fn port(edge: usize, spot: usize, spots: &[Spot], chains: &[Vec<usize>], leaves: bool) -> f64 {
    let far = |chain: &Vec<usize>| match leaves {
        true => (chain[0] == spot).then(|| spots[chain[1]].y),
        false => (chain[chain.len() - 1] == spot).then(|| spots[chain[chain.len() - 2]].y),
    };
    let mut all: Vec<(f64, usize)> =
        chains.iter().enumerate().filter_map(|(other, chain)| Some((far(chain)?, other))).collect();
    let Some(_) = all.iter().find(|(_, other)| *other == edge) else { return 0.0 };
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let at = all.iter().position(|(_, other)| *other == edge).unwrap_or(0) as f64;
    let gap = PORT_GAP.min((spots[spot].h - 16.0).max(0.0) / all.len() as f64);
    (at - (all.len() as f64 - 1.0) / 2.0) * gap
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drawn(nodes: usize, edges: &[(usize, usize)]) -> Drawing {
        layout(&vec![Size { w: 120.0, h: 40.0 }; nodes], edges)
    }

    #[test]
    fn what_feeds_stands_left_of_what_it_feeds_and_a_lone_source_beside_it() {
        // 0 -> 1 -> 2 -> 3, and 4 -> 3
        let drawing = drawn(5, &[(0, 1), (1, 2), (2, 3), (4, 3)]);
        let x: Vec<f64> = drawing.places.iter().map(|(point, _)| point.x).collect();
        assert!(x[0] < x[1] && x[1] < x[2] && x[2] < x[3], "{x:?}");
        assert_eq!(x[4], x[2], "just left of what it feeds");
    }

    #[test]
    fn a_circle_is_drawn_and_its_edge_goes_back() {
        let drawing = drawn(2, &[(0, 1), (1, 0)]);
        let back = &drawing.paths[1];
        assert!(back[0].x > back[back.len() - 1].x, "{back:?}");
    }

    proptest! {
        #[test]
        fn no_node_stands_on_another_and_all_is_within_the_picture(
            edges in proptest::collection::vec((0_usize..12, 0_usize..12), 0..30)
        ) {
            let edges: Vec<_> = edges.into_iter().filter(|(from, to)| from != to).collect();
            let drawing = drawn(12, &edges);
            for (at, (a, w)) in drawing.places.iter().enumerate() {
                prop_assert!(a.x >= 0.0 && a.y >= 0.0 && a.x + w <= drawing.width && a.y + 40.0 <= drawing.height + 1.0);
                for (b, v) in &drawing.places[at + 1..] {
                    let apart = a.x + w <= b.x || b.x + v <= a.x || a.y + 40.0 <= b.y + 0.01 || b.y + 40.0 <= a.y + 0.01;
                    prop_assert!(apart, "{a:?} and {b:?}");
                }
            }
            for (path, (from, to)) in drawing.paths.iter().zip(&edges) {
                prop_assert!(path.len() >= 2);
                let (a, b) = (path[0], path[path.len() - 1]);
                let touches = |point: Point, node: usize| {
                    let (place, w) = drawing.places[node];
                    (point.x == place.x || point.x == place.x + w) && point.y >= place.y && point.y <= place.y + 40.0
                };
                prop_assert!(touches(a, *from) && touches(b, *to), "{path:?}");
            }
        }
    }
}
