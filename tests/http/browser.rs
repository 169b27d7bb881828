//! A headless Chromium, driven by its DevTools protocol (<https://chromedevtools.github.io/devtools-protocol>), and axe-core to ask
//! of a page what a screen reader would miss. Where either cannot be had, the tests are skipped and say why.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tungstenite::{Message, WebSocket, client::client};

/// Generous: a page is there within a tenth of it on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const AXE: &str = "axe-core@4.11.0";

pub struct Browser {
    child: Child,
    socket: WebSocket<std::net::TcpStream>,
    next: u64,
    /// What the page said since the last `visit`: addresses asked for, and errors.
    pub asked: Vec<String>,
    pub errors: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// The error says why there is none.
    pub fn start() -> Result<Browser, String> {
        let profile = tempfile::tempdir().map_err(|why| why.to_string())?;
        let child = ["chromium", "chromium-browser", "google-chrome"].iter().find_map(|program| {
            let mut command = Command::new(program);
            command.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions"]);
            command.args([
                "--disable-background-networking",
                "--disable-component-update",
                "--remote-debugging-port=0",
            ]);
            command.arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
        });
        let child = child.ok_or("no Chromium is installed")?;
        let said = profile.path().join("DevToolsActivePort");
        let began = Instant::now();
        let port = loop {
            let text = std::fs::read_to_string(&said).unwrap_or_default();
            if let (Some(port), true) = (text.lines().next(), text.lines().count() > 1) {
                break port.to_owned();
            }
            if began.elapsed() > PATIENCE {
                return Err("Chromium did not open its port".into());
            }
            std::thread::park_timeout(Duration::from_millis(50));
        };
        let pages = ureq::get(format!("http://127.0.0.1:{port}/json/list")).call().map_err(|why| why.to_string())?;
        let pages: Value = pages.into_body().read_json().map_err(|why| why.to_string())?;
        let page = pages.as_array().into_iter().flatten().find(|page| page["type"] == "page");
        let place = page.and_then(|page| page["webSocketDebuggerUrl"].as_str()).ok_or("Chromium has no page")?;
        let stream = std::net::TcpStream::connect(format!("127.0.0.1:{port}")).map_err(|why| why.to_string())?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(|why| why.to_string())?;
        let (socket, _) = client(place, stream).map_err(|why| why.to_string())?;
        let mut browser = Browser { child, socket, next: 0, asked: Vec::new(), errors: Vec::new(), _profile: profile };
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Ok(browser)
    }

    /// A command's result. What happens meanwhile is noted.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        let text = json!({"id": id, "method": method, "params": params}).to_string();
        self.socket.send(Message::text(text)).unwrap();
        loop {
            let message = self.hear();
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
        }
    }

    fn hear(&mut self) -> Value {
        let message = match self.socket.read().unwrap() {
            Message::Text(text) => serde_json::from_str::<Value>(&text).unwrap(),
            _ => Value::Null,
        };
        let params = &message["params"];
        match message["method"].as_str() {
            Some("Network.requestWillBeSent") => {
                self.asked.extend(params["request"]["url"].as_str().map(str::to_owned))
            }
            Some("Runtime.exceptionThrown") => self.errors.push(params["exceptionDetails"].to_string()),
            Some("Log.entryAdded") if params["entry"]["level"] == "error" => {
                self.errors.push(params["entry"].to_string())
            }
            _ => {}
        }
        message
    }

    /// Opens a page and waits until it is there.
    pub fn visit(&mut self, url: &str) {
        (self.asked, self.errors) = (Vec::new(), Vec::new());
        self.call("Page.navigate", json!({"url": url}));
        self.until(&format!("location.href === {} && document.readyState === 'complete'", json!(url)));
    }

    /// What an expression comes to.
    pub fn ask(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", params);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub fn until(&mut self, expression: &str) {
        let began = Instant::now();
        let guarded = format!("(() => {{ try {{ return !!({expression}) }} catch {{ return false }} }})()");
        // Between two pages there is nothing that could be asked.
        while self.try_ask(&guarded) != Some(Value::Bool(true)) {
            if began.elapsed() > PATIENCE {
                let text = self.ask("location.href + '\\n' + document.body.innerText");
                panic!("{expression} did not come true on {}", text.as_str().unwrap_or_default());
            }
            std::thread::park_timeout(Duration::from_millis(30));
        }
    }

    fn try_ask(&mut self, expression: &str) -> Option<Value> {
        self.next += 1;
        let id = self.next;
        let params = json!({"expression": expression, "returnByValue": true});
        let text = json!({"id": id, "method": "Runtime.evaluate", "params": params}).to_string();
        self.socket.send(Message::text(text)).unwrap();
        loop {
            let message = self.hear();
            if message["id"] == id {
                return message.pointer("/result/result/value").cloned();
            }
        }
    }

    pub fn look(&mut self, width: u32, dark: bool) {
        let device = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", device);
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", media);
    }

    pub fn scripts(&mut self, run: bool) {
        self.call("Emulation.setScriptExecutionDisabled", json!({"value": !run}));
    }

    /// What axe finds: `rule: the elements`.
    /// `rules`: only these, as `['color-contrast']`, or `null` for all.
    pub fn axe(&mut self, axe: &str, rules: &str) -> Vec<String> {
        self.ask(&format!("{axe}; void 0"));
        let found = self.ask(&format!(
            "axe.run(document, {{resultTypes: ['violations'], ...({rules} && {{runOnly: {rules}}})}}).then(r => r.violations.map(v => v.id + ': ' + \
             v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + ' ' + n.failureSummary).join(' | ')))"
        ));
        found.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The text of axe-core, by npm's own client; kept below `target` for the next time.
pub fn axe() -> Result<String, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("axe");
    let script: PathBuf = folder.join("package/axe.min.js");
    if !script.exists() {
        std::fs::create_dir_all(&folder).map_err(|why| why.to_string())?;
        let run = |command: &mut Command| match command.current_dir(&folder).output() {
            Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
            Err(why) => Err(why.to_string()),
        };
        let archive = run(Command::new("npm").args(["pack", "--silent", AXE]))
            .map_err(|why| format!("npm does not give {AXE}: {why}"))?;
        run(Command::new("tar").args(["-xzf", archive.lines().last().unwrap_or_default()]))?;
    }
    std::fs::read_to_string(script).map_err(|why| why.to_string())
}
