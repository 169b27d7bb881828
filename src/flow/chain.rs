//! Intervals end to end: each partition of a product has a chain, and every report is its next link, or behind it,
//! or overlaps it, or leaves a gap.

use crate::engine::record::Interval;
use crate::flow::delta::Report;
use crate::flow::io::Ms;
use crate::flow::state::Chain;

/// How a report fits the chain of its partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// There is no chain yet.
    Begins,
    /// It goes on where the chain ends; an idle `[n, n)` too.
    Next,
    /// Wholly behind the chain: this was counted before.
    Behind,
    /// It begins behind the chain and ends beyond it: some was counted before.
    Overlap,
    /// The offsets between the chain's end and its beginning were read by nobody.
    Gap(Interval),
    /// The topic was deleted and created again; this is the old one's chain.
    Recreated(Chain),
}

/// Fits the report to the chain, without changing it.
pub fn link(chains: &[Chain], report: &Report) -> Link {
    let Some(chain) = find(chains, report) else { return Link::Begins };
    let Interval { from, to } = report.interval;
    if chain.id != report.id {
        Link::Recreated(chain.clone())
    } else if report.begins && from > chain.to {
        // Its product was taken up again: what lies between was nobody's to read.
        Link::Begins
    } else if from == chain.to {
        Link::Next
    } else if from > chain.to {
        Link::Gap(Interval { from: chain.to, to: from })
    } else if to <= chain.to {
        Link::Behind
    } else {
        Link::Overlap
    }
}

/// Extends the chain by the report; a report behind it changes nothing. Watermarks never fall.
///
/// `append_ms`: when the broker took the delta. A caught-up partition's time follows the worker's clock, but never
/// beyond this one clock in the log.
pub fn extend(chains: &mut Vec<Chain>, report: &Report, append_ms: Ms) {
    let time = report.watermark_ms.max(report.caught_up_ms.map(|at| at.min(append_ms)));
    let known = chains.iter_mut().find(|c| c.topic == report.topic && c.partition == report.partition);
    match known {
        Some(chain) if chain.id == report.id => {
            if report.interval.to < chain.to {
                return;
            }
            chain.to = report.interval.to;
            chain.watermark_ms = chain.watermark_ms.max(time);
            chain.caught_up = report.caught_up_ms.is_some();
        }
        known => {
            let fresh = Chain {
                topic: report.topic.clone(),
                id: report.id,
                partition: report.partition,
                from: report.interval.from,
                to: report.interval.to,
                watermark_ms: time,
                caught_up: report.caught_up_ms.is_some(),
            };
            match known {
                Some(chain) => *chain = fresh,
                None => chains.push(fresh),
            }
        }
    }
}

fn find<'c>(chains: &'c [Chain], report: &Report) -> Option<&'c Chain> {
    chains.iter().find(|c| c.topic == report.topic && c.partition == report.partition)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::record::TopicId;

    fn report(id: u128, from: i64, to: i64) -> Report {
        Report {
            topic: "orders".into(),
            id: TopicId(id),
            partition: 0,
            interval: Interval { from, to },
            watermark_ms: Some(to * 10),
            caught_up_ms: None,
            begins: false,
        }
    }

    fn check(reports: &[(u128, i64, i64)], expected: &str) {
        let mut chains = Vec::new();
        let mut last = String::new();
        for &(id, from, to) in reports {
            let report = report(id, from, to);
            last = match link(&chains, &report) {
                Link::Gap(i) => format!("gap {}..{}", i.from, i.to),
                Link::Recreated(old) => format!("recreated, old ended at {}", old.to),
                link => format!("{link:?}").to_lowercase(),
            };
            extend(&mut chains, &report, i64::MAX);
        }
        assert_eq!(last, expected, "{reports:?}");
    }

    #[test]
    fn every_report_has_one_relation_to_its_chain() {
        check(&[(1, 5, 9)], "begins");
        check(&[(1, 0, 9), (1, 9, 12)], "next");
        check(&[(1, 0, 9), (1, 9, 9)], "next");
        check(&[(1, 0, 9), (1, 12, 12)], "gap 9..12");
        check(&[(1, 0, 9), (1, 11, 15)], "gap 9..11");
        check(&[(1, 0, 9), (1, 3, 9)], "behind");
        check(&[(1, 0, 9), (1, 4, 4)], "behind");
        check(&[(1, 0, 9), (1, 3, 10)], "overlap");
        check(&[(1, 0, 9), (2, 0, 20)], "recreated, old ended at 9");
        check(&[(1, 0, 9), (1, 3, 9), (1, 9, 10)], "next");
    }

    #[test]
    fn a_caught_up_partition_follows_the_clock_but_not_beyond_the_append_time() {
        let mut chains = Vec::new();
        let idle = Report { watermark_ms: None, caught_up_ms: Some(900), ..report(1, 0, 0) };
        extend(&mut chains, &idle, 700);
        assert_eq!(chains[0].watermark_ms, Some(700));
        extend(&mut chains, &Report { caught_up_ms: Some(650), ..idle }, 720);
        assert_eq!(chains[0].watermark_ms, Some(700), "time never goes back");
    }
}
