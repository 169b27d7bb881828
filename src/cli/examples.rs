//! What `--help` and the manual show below the options: lines to copy, and how to read the answer. A test tries each line.

pub const STEWARD: &str = "\
Begin with:
  steward demo                                              # a mesh with planted faults, in this process
  steward contract infer --bootstrap HOST:9092 --topic T    # a contract drafted from a topic
  steward check --config steward.yaml --connect             # what a start would find
  steward run --config steward.yaml                         # the daemon
  steward top                                               # how its products stand

Exit codes: 0 the answer is good, 1 it is bad, 2 there is none (usage, unreadable input, no broker),
70 a running daemon met something fatal, 78 the configuration is wrong.

Data goes to standard output, logs and progress to standard error. Colours and progress are for terminals; NO_COLOR turns colours off.";

pub const RUN: &str = "\
Examples:
  steward run --config /etc/steward/steward.yaml
  STEWARD_LOG_LEVEL=debug steward run --config steward.yaml    # each key is a variable, too

SIGTERM flushes, commits and stops; SIGHUP reads the configuration and contracts again.
Exit codes: 0 it was stopped, 70 something fatal, 78 the configuration is wrong.";

pub const DEMO: &str = "\
Examples:
  steward demo                       # until Ctrl-C
  steward demo --for 60s --json      # planted and found, for a script

Exit codes: 0 all that was planted was found, 1 planted and found differ.";

pub const TOP: &str = "\
Examples:
  steward top
  steward top --url http://worker-1:8083 --sort lag
  steward top --json --filter sales/     # once, for a script

On a terminal: n o r v s x i l f order the rows (again: the other way), / filters, arrows and enter choose a product, q quits.
Verdict, score, rate and violations are those of the last closed window. What nobody tells any more stands in brackets.
Exit codes: 0 good, 2 no worker answers (where it is asked once).";

pub const PRODUCT_LIST: &str = "\
Examples:
  steward product list
  steward product list --url http://worker-1:8083 --domain sales --json

Exit codes: 0 good, 2 no worker answers.";

pub const PRODUCT_SHOW: &str = "\
Examples:
  steward product show sales/orders
  steward product show sales/orders --json

Exit codes: 0 it holds, 1 its verdict is fail or an incident is open, 2 there is none, or no worker answers.";

pub const PRODUCT_PUBLISH: &str = "\
Examples:
  steward product publish --dry-run orders.odcs.yaml
  steward product publish --reason 'the desk asked for it' orders.odcs.yaml
  steward product publish orders.odps.yaml orders.odcs.yaml

The product is the one that the ODPS document, or else the contracts, name; beside an ODPS document what is not sent stays.
Exit codes: 0 done, 1 refused (with --dry-run also: it breaks consumers), 2 no worker answers, or a file cannot be read.";

pub const PRODUCT_WITHDRAW: &str = "\
Examples:
  steward product withdraw sales/orders --reason 'replaced by sales/orders-v2'

Exit codes: 0 done, 1 refused, 2 no worker answers.";

pub const PRODUCT_EXPORT: &str = "\
Examples:
  steward product export sales/orders
  steward product export sales/orders --odps --contracts > orders.yaml

Exit codes: 0 good, 2 there is none, or no worker answers.";

pub const AUDIT: &str = "\
Examples:
  steward audit
  steward audit --since 2h --outcome refused
  steward audit --product sales/orders --json

The newest first; STEWARD_TOKEN holds a bearer token where the worker asks for a login.
Exit codes: 0 good, 2 no worker answers.";

pub const CHECK: &str = "\
Examples:
  steward check --config steward.yaml
  steward check --config steward.yaml --connect

Each line of the cluster is ok, warn or fail, what, and a remedy.
Exit codes: 0 a start succeeds, 1 contracts or the cluster stand in its way, 2 nobody answers, 78 the configuration is wrong.";

pub const TOKEN: &str = "\
Examples:
  steward token --name grafana --role viewer
  steward token --name sales-ci --role publisher:sales --expires 2027-06-30 --json
  steward token --name anna --role publisher:sales --role viewer --password < password.txt

The token is for whoever logs in (Authorization: Bearer TOKEN, or as password beside the name); the entry holds its hash only.
steward top and the commands that ask a worker send the one in STEWARD_TOKEN.
Exit codes: 0 good, 2 a password that is too short.";

pub const LINT: &str = "\
Examples:
  steward contract lint contracts/
  steward contract lint --format github orders.odcs.yaml
  steward contract lint --policies policies/ contracts/
  cat orders.odcs.yaml | steward contract lint -

Exit codes: 0 no error, 1 an error or a broken policy that is enforced, 2 a file cannot be read.";

pub const DIFF: &str = "\
Examples:
  steward contract diff orders-1.0.0.yaml orders-1.1.0.yaml
  steward contract diff --perspective producer --format json OLD.yaml NEW.yaml

Exit codes: 0 nothing breaks, 1 something does, 2 a file cannot be read.";

pub const TEST: &str = "\
Examples:
  steward contract test --contract orders.odcs.yaml --records orders.jsonl
  steward contract test --contract orders.odcs.yaml --topic orders --bootstrap HOST:9092 --from 2026-11-01T00:00:00Z
  steward contract test --contract orders.odcs.yaml --topic orders --config steward.yaml --strict

Exit codes: 0 no rule fails, 1 one does or a record cannot be decoded, 2 it cannot be tried. --strict: warn and unknown are 1, too.";

pub const INFER: &str = "\
Examples:
  steward contract infer --topic orders --bootstrap HOST:9092 > orders.odcs.yaml
  steward contract infer --records orders.jsonl

Exit codes: 0 a draft was written, 2 there is nothing to draft from.";

pub const IMPORT: &str = "\
Examples:
  steward contract import order.avsc > orders.odcs.yaml
  steward contract import order.proto

What ODCS cannot say is a warning on standard error. Exit codes: 0 it was written, 2 the schema cannot be read.";

pub const EXPORT: &str = "\
Examples:
  steward contract export --format avro orders.odcs.yaml > order.avsc
  steward contract export --format html orders.odcs.yaml > orders.html

What the target cannot say is a warning on standard error. Exit codes: 0 it was written, 2 the contract cannot be read.";

pub const QUARANTINE_LIST: &str = "\
Examples:
  steward quarantine list --config steward.yaml
  steward quarantine list --bootstrap HOST:9092 --topic orders --format json

Exit codes: 0 good, 2 the cluster does not answer.";

pub const QUARANTINE_SHOW: &str = "\
Examples:
  steward quarantine show --config steward.yaml --topic orders
  steward quarantine show --config steward.yaml --topic orders --values --limit 1

Keys and values are masked without --values. Exit codes: 0 good, 2 there is no such quarantine, or the cluster does not answer.";

pub const QUARANTINE_REPLAY: &str = "\
Examples:
  steward quarantine replay --config steward.yaml --topic orders --dry-run
  steward quarantine replay --config steward.yaml --topic orders --rule orders.amount.minimum

Exit codes: 0 all was replayed, 1 records stay that came back too often, 2 it cannot be done.";

pub const COMPLETIONS: &str = "\
Examples:
  steward completions bash > /etc/bash_completion.d/steward
  steward completions zsh > ~/.zfunc/_steward
  steward completions fish > ~/.config/fish/completions/steward.fish";
