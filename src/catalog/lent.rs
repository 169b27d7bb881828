//! What workers lend each other of the products that they own: the evidence behind a verdict and the last profile, so that any worker
//! shows it. It stands in `_steward.workers` under `evidence/{domain}/{name}`, packed, and is as masked as its owner shows it.

use crate::catalog::board::{Board, Judged};
use crate::catalog::evidence::Evidence;
use crate::engine::contract::name::ProductName;
use crate::flow::delta::{decode, encode};
use crate::flow::io::Ms;
use crate::kafka::compacted::Record;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::sync::Arc;

pub const PREFIX: &str = "evidence/";
/// A product's is told at most so often: of windows that follow each other faster the last one is.
pub const EVERY_MS: Ms = 5_000;
/// A message takes 1 MB. A profile has 512 KiB at most, and packed a tenth of it.
const PACKED_BYTES_MAX: usize = 900_000;
/// Packed as it is, what another hand wrote must not fill the memory.
const BYTES_MAX: u64 = 8 << 20;

/// A product's evidence, by the word of its owner.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lent {
    pub worker: String,
    pub at_ms: Ms,
    pub evidence: Arc<Evidence>,
    /// As JSON.
    pub profile: Option<Arc<[u8]>>,
}

/// What tells what was lent from what might be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mark {
    window_ms: Option<Ms>,
    profile: Option<usize>,
}

impl Mark {
    pub fn of(judged: &Judged) -> Mark {
        let profile = judged.profile.as_ref().map(|profile| Arc::as_ptr(profile).cast::<u8>() as usize);
        Mark { window_ms: judged.evidence.window_ms, profile }
    }
}

/// The record of a product that this worker owns; `None`: there is nothing to lend, or too much.
pub fn record(product: &ProductName, worker: &str, now: Ms, judged: &Judged) -> Option<Record> {
    if judged.evidence.window_ms.is_none() && judged.profile.is_none() {
        return None;
    }
    let (evidence, profile) = (judged.evidence.clone(), judged.profile.clone());
    let lent = Lent { worker: worker.to_owned(), at_ms: now, evidence, profile };
    let packed = packed(&encode(&lent)).filter(|packed| packed.len() <= PACKED_BYTES_MAX)?;
    Some((format!("{PREFIX}{product}"), Some(packed)))
}

/// The end of a product's record, once no contract names it.
pub fn gone(product: &ProductName) -> Record {
    (format!("{PREFIX}{product}"), None)
}

/// What is lent of a product that another worker owns. What cannot be read says nothing: its owner answers for itself.
pub fn of(board: &Board, product: &ProductName) -> Option<Lent> {
    let mut bytes = Vec::new();
    ZlibDecoder::new(&*board.lent(product)?).take(BYTES_MAX).read_to_end(&mut bytes).ok()?;
    decode("what is lent of a product", &bytes).ok()
}

fn packed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::board::Counters;
    use crate::catalog::evidence::{Measured, Point, Sample};
    use crate::catalog::fleet;
    use crate::engine::check::verdict::Status;
    use crate::flow::io::LogRecord;
    use crate::flow::state::ProductState;

    fn judged(product: &ProductName) -> Judged {
        let sample = Sample {
            rule: "amount.required".into(),
            topic: "shop.orders".into(),
            partition: 2,
            offset: 41,
            reason: "null".into(),
            value: "\"…\"".into(),
            window_ms: 60_000,
        };
        let measured = Measured {
            status: Status::Fail,
            value: Some(1.0),
            unit: "rows".into(),
            asked: 10,
            failed: 1,
            reason: None,
        };
        let point = Point { absent: 0.25, mean: 2.5, distinct: f32::NAN };
        let evidence = Evidence {
            window_ms: Some(60_000),
            measured: [("amount.required".to_owned(), measured)].into(),
            fields: [("amount".to_owned(), [point].into())].into(),
            samples: [sample].into(),
            ..Evidence::default()
        };
        Judged {
            task: "ledger-0".into(),
            changes: 1,
            state: ProductState::new(product.clone()).into(),
            counters: Counters::default(),
            violations: Default::default(),
            profile: Some(Arc::from(br#"{"fields": []}"#.as_slice())),
            evidence: Arc::new(evidence),
            budgets: Vec::new(),
        }
    }

    #[test]
    fn what_one_worker_lends_another_reads_until_no_contract_names_the_product() {
        let product = ProductName { domain: "shop".into(), name: "orders".into() };
        let (judged, board) = (judged(&product), Board::default());
        let hear = |(key, value): Record| {
            let record = LogRecord { offset: 0, timestamp_ms: 0, key: Some(key.into_bytes()), value };
            fleet::hear(&board, record, true, 0);
        };
        assert_eq!(of(&board, &product), None);
        hear(record(&product, "w2", 7, &judged).unwrap());
        let lent = of(&board, &product).unwrap();
        assert_eq!((lent.worker.as_str(), lent.at_ms, &lent.profile), ("w2", 7, &judged.profile));
        assert_eq!(lent.evidence.samples, judged.evidence.samples);
        assert!(lent.evidence.fields["amount"][0].distinct.is_nan(), "a number that is not known stays so");
        assert!(board.peers().is_empty() && board.owned(&product).is_none(), "it is no heartbeat");
        hear((format!("{PREFIX}{product}"), Some(b"another version's".to_vec())));
        assert_eq!(of(&board, &product), None, "what cannot be read");
        hear(record(&product, "w2", 8, &judged).unwrap());
        hear(gone(&product));
        assert_eq!(of(&board, &product), None);
    }

    #[test]
    fn what_did_not_change_is_not_lent_again() {
        let product = ProductName { domain: "shop".into(), name: "orders".into() };
        let mut one = judged(&product);
        let mark = Mark::of(&one);
        one.changes += 1;
        assert_eq!(Mark::of(&one), mark, "a flush that closed no window");
        Arc::make_mut(&mut one.evidence).window_ms = Some(120_000);
        assert_ne!(Mark::of(&one), mark);
        let nothing = Judged { evidence: Arc::default(), profile: None, ..one };
        assert_eq!(record(&product, "w2", 7, &nothing), None);
    }
}
