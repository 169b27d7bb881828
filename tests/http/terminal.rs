//! `steward product` and `steward audit` against a worker's REST: what they print, and their exit codes.

use crate::odps::PRODUCT;
use crate::publish::{contract, decided, prepare};
use crate::served::Served;
use serde_json::Value;
use std::process::Command;

/// Exit code, standard output, standard error.
fn steward(served: &Served, words: &[&str]) -> (i32, String, String) {
    let url = format!("http://{}", served.address);
    let said = Command::new(env!("CARGO_BIN_EXE_steward")).args(words).args(["--url", &url]).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (said.status.code().unwrap(), text(&said.stdout), text(&said.stderr))
}

#[test]
fn a_product_is_published_shown_exported_and_withdrawn_from_the_terminal() {
    let served = Served::start(prepare);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (first, strict) = (contract("1.0.0", ""), contract("1.1.0", "").replace("name: id", "name: sku"));
    let (first_file, strict_file) = (file("first.yaml", &first), file("strict.yaml", &strict));
    let bad = file("bad.yaml", &contract("1.0.0", "        logicalTypo: string\n"));
    decided(&served, || {
        let check = |words: &[&str], code: i32, said: &[&str]| -> String {
            let (found, out, err) = steward(&served, words);
            assert_eq!(found, code, "{words:?}: {out}{err}");
            for word in said {
                assert!(out.contains(word) || err.contains(word), "{words:?} without {word:?}: {out}{err}");
            }
            out
        };
        check(&["product", "publish", &bad], 2, &["steward contract lint"]);
        let would = check(&["product", "publish", "--dry-run", &first_file, "--json"], 0, &[]);
        assert_eq!(serde_json::from_str::<Value>(&would).unwrap()["dry_run"], true, "{would}");
        check(
            &["product", "publish", &first_file, "--reason", "a first try"],
            0,
            &["shop/carts is published, revision 1"],
        );
        check(&["product", "publish", "--dry-run", &strict_file], 1, &["would be changed", "breaks consumers"]);
        check(&["product", "publish", &strict_file, "--if-match", "9-0"], 1, &["changed meanwhile"]);
        let text = check(&["product", "export", "shop/carts"], 0, &[]);
        assert_eq!(text.trim_end(), first.trim_end());
        let listed = check(&["product", "list", "--json"], 0, &[]);
        let listed: Value = serde_json::from_str(&listed).unwrap();
        assert_eq!(listed[0]["product"], "sales/orders", "{listed:#}");
        check(&["product", "list"], 0, &["product", "lifecycle", "sales/orders"]);
        check(&["product", "list", "--domain", "none"], 0, &["no product"]);
        check(&["product", "show", "sales/orders"], 0, &["sales/orders:", "owner"]);
        check(&["product", "show", "shop/none"], 2, &["shop/none"]);
        check(&["product", "show", "orders"], 2, &["write domain/name"]);
        check(&["product", "withdraw", "sales/orders"], 1, &["lives in the file"]);
        // The product as ODPS: beside its contracts, alone, and out again.
        let odps = file("carts.odps.yaml", PRODUCT);
        let changed = file("changed.odps.yaml", &PRODUCT.replace("# ours", "# ours now"));
        check(&["product", "publish", &odps, &strict_file, "--dry-run"], 1, &["would be changed", "breaks consumers"]);
        check(&["product", "publish", &odps, &first_file], 0, &["shop/carts is published, revision 2"]);
        assert_eq!(check(&["product", "export", "shop/carts", "--odps"], 0, &[]), PRODUCT);
        let both = check(&["product", "export", "shop/carts", "--odps", "--contracts"], 0, &["kind: DataContract"]);
        let both = file("both.yaml", &both);
        // Lines at their ends are not kept; what was written out comes back the same.
        check(&["product", "publish", &both], 0, &["shop/carts"]);
        check(&["product", "publish", &both], 0, &["shop/carts is the same, revision 3"]);
        check(&["product", "publish", &changed], 0, &["shop/carts is published, revision 4"]);
        assert_eq!(check(&["product", "export", "shop/carts"], 0, &[]).trim_end(), first.trim_end(), "it stays");
        let told = check(&["product", "export", "shop/carts", "--odps", "--json"], 0, &[]);
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!((&told["odps"]["kind"], &told["contracts"]), (&"DataProduct".into(), &Value::Null), "{told:#}");
        check(&["product", "export", "shop/carts", "--contracts"], 2, &["--odps"]);
        check(&["product", "publish", &odps, &changed], 2, &["2 data products"]);
        let nothing = file("nothing.yaml", "# nothing\n");
        check(&["product", "publish", &nothing], 2, &["holds no contract"]);
        let unnamed = file("unnamed.yaml", &PRODUCT.replace("id: 7c2\n", ""));
        check(&["product", "publish", &unnamed], 2, &["1 errors in the data product", "steward contract lint"]);
        check(&["product", "withdraw", "shop/carts"], 0, &["shop/carts is withdrawn"]);

        let mut noted = Vec::new();
        while let Ok(line) = served.lines.lock().unwrap().try_recv() {
            noted.push(line);
        }
        served.trail.add((0..).zip(noted));
        check(&["audit"], 0, &["product.withdraw", "DELETE /products/sales/orders", "refused 409", "anonymous"]);
        check(&["audit", "--outcome", "done", "--since", "2h"], 0, &["product.publish"]);
        check(&["audit", "--product", "no/such"], 0, &["no such line"]);
        check(&["audit", "--since", "soon"], 2, &["how long ago"]);
    });
    let nowhere = Command::new(env!("CARGO_BIN_EXE_steward")).args(["audit", "--url", "http://127.0.0.1:9"]).output();
    assert_eq!(nowhere.unwrap().status.code(), Some(2));
    served.stop();
}
