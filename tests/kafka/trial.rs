//! `steward contract test --topic`: the topic's history comes to what the daemon said of it, window by window.

use crate::mesh::Mesh;
use crate::verdicts::Verdicts;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// Failed rows and rows asked, by rule; records, tombstones and undecodable ones under their own names.
type Counts = BTreeMap<String, (u64, u64)>;

impl Mesh<'_> {
    /// Holds a dry run over the whole topic against the verdicts, which must be of all its records. `worker`: whose
    /// configuration names the cluster and the registry.
    pub fn tried(&self, worker: &str, verdicts: &Verdicts) {
        let product = format!("shop/{}", self.name);
        let mut said = Counts::new();
        for window in verdicts.windows.iter().filter(|window| window["product"] == product.as_str()) {
            for what in ["records", "tombstones", "undecodable"] {
                said.entry(what.to_owned()).or_default().0 += number(&window["counts"][what]);
            }
            for result in list(&window["results"]).iter().filter(|result| result["id"] != "steward.decodable") {
                let (failed, asked) = said.entry(text(&result["id"])).or_default();
                *failed += number(&result["measure"]["failedRowCount"]);
                *asked += number(&result["measure"]["rowCount"]);
            }
        }
        let report = self.try_contract(worker, &["--threads", "3"]);
        assert_eq!(report, self.try_contract(worker, &["--threads", "1"]), "three threads beside one");
        let records = &report["records"];
        let mut found: Counts = [("records", "read"), ("tombstones", "tombstones"), ("undecodable", "undecodable")]
            .map(|(what, key)| (what.to_owned(), (number(&records[key]), 0)))
            .into();
        for check in list(&report["checks"]) {
            let derived =
                || format!("{}.{}.{}", text(&check["schema"]), text(&check["property"]), text(&check["rule"]));
            let id = check["id"].as_str().map_or_else(derived, str::to_owned);
            found.insert(id, (number(&check["failed"]), number(&check["total"])));
        }
        assert_eq!(found, said, "a dry run beside the daemon");
        let fails =
            verdicts.windows.iter().any(|window| window["product"] == product.as_str() && window["status"] == "fail");
        assert_eq!(report["verdict"] == "fail", fails);
        let part = self.try_contract(worker, &["--from", "100", "--to", "105"]);
        let read = number(&part["records"]["read"]);
        assert!(
            read > 0 && read <= 5 * self.broker.partitions(&self.topic) as u64,
            "{read} records of five offsets each"
        );
    }

    fn try_contract(&self, worker: &str, more: &[&str]) -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_steward"));
        command.args(["contract", "test", "--format", "json", "--topic", &self.topic]).args(more);
        command.arg("--config").arg(self.folder().join(format!("{}-{worker}.yaml", self.name)));
        command.arg("--contract").arg(self.folder().join("contracts/orders.odcs.yaml"));
        let ended = command.output().expect("steward starts");
        let said = String::from_utf8_lossy(&ended.stderr);
        serde_json::from_slice(&ended.stdout).unwrap_or_else(|e| panic!("{e}, {:?}: {said}", ended.status))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
