// Drives the page of `osimage report -o html` in headless Chromium, as a person would.
//
// node page.mjs PAGE CLUSTERS OUTPUT-FOLDER AXE-SCRIPT
//
// Prints one line for each thing that was looked at; exit code 1 where one is not as it should be.
// Speaks the DevTools protocol over a pipe, so that nothing is installed besides Chromium.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [page, clusters, output, axe] = process.argv.slice(2);
const expected = Number(clusters);
const profile = mkdtempSync(join(tmpdir(), "osimage-browser-"));
const browser = spawn(process.env.CHROMIUM ?? "chromium", [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--disable-dev-shm-usage", "--remote-debugging-pipe", `--user-data-dir=${profile}`, "about:blank",
], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });

let failures = 0;
const check = (what, holds, seen = "") => {
  console.log(`${holds ? "ok" : "FAILED"}: ${what}${seen === "" ? "" : ` (${seen})`}`);
  failures += holds ? 0 : 1;
};

const waiting = new Map();
const heard = [];
let last = 0;
let unread = Buffer.alloc(0);
browser.stdio[4].on("data", (chunk) => {
  unread = Buffer.concat([unread, chunk]);
  for (let end = unread.indexOf(0); end >= 0; end = unread.indexOf(0)) {
    const message = JSON.parse(unread.subarray(0, end).toString());
    unread = unread.subarray(end + 1);
    if (message.id === undefined) heard.push(message);
    else waiting.get(message.id)(message);
  }
});
const send = (method, params = {}, sessionId = undefined) => new Promise((resolve, reject) => {
  last += 1;
  waiting.set(last, (message) => {
    if (message.error) reject(new Error(`${method}: ${message.error.message}`));
    else resolve(message.result);
  });
  browser.stdio[3].write(`${JSON.stringify({ id: last, method, params, sessionId })}\0`);
});
const sleep = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

const run = async () => {
  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
  const ask = (method, params) => send(method, params, sessionId);
  const evaluate = async (expression) => {
    const { result, exceptionDetails } = await ask("Runtime.evaluate", {
      expression, awaitPromise: true, returnByValue: true,
    });
    if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return result.value;
  };
  const picture = async (name) => {
    const { data } = await ask("Page.captureScreenshot", { format: "png" });
    writeFileSync(join(output, name), Buffer.from(data, "base64"));
  };
  const shown = () => evaluate("Array.from(document.querySelectorAll('#fleet > tbody > tr[data-number]')).filter((row) => !row.hidden).length");

  for (const domain of ["Page", "Runtime", "Network", "Log"]) await ask(`${domain}.enable`);
  await ask("Emulation.setDeviceMetricsOverride", { width: 1280, height: 900, deviceScaleFactor: 1, mobile: false });
  const url = pathToFileURL(page).href;
  await ask("Page.navigate", { url });
  const loaded = () => heard.some((message) => message.method === "Page.loadEventFired");
  for (let tries = 0; tries < 600 && !loaded(); tries += 1) await sleep(50);
  // For people to read: how slow a machine may be is nothing that a test knows.
  const usable = await evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd");
  console.log(`the page was usable after ${Math.round(usable)} ms`);
  check("every cluster is a line", await shown() === expected, await shown());
  await picture("report.png");

  await evaluate("const s = document.getElementById('verdict'); s.value = 'risk'; s.dispatchEvent(new Event('input'))");
  const risky = await shown();
  check("a verdict filters", risky > 0 && risky < expected, risky);
  await evaluate("document.getElementById('reset').click(); const f = document.getElementById('search'); f.value = 'fleet-0007'; f.dispatchEvent(new Event('input'))");
  check("a search finds one cluster", await shown() === 1, await shown());
  await evaluate("document.getElementById('reset').click()");
  check("all are shown again", await shown() === expected);
  const first = () => evaluate("document.querySelector('#fleet > tbody > tr .more').textContent");
  const sortBy = (column) => evaluate(`document.querySelectorAll('#fleet > thead button')[${column}].click()`);
  const before = await first();
  await sortBy(1);
  await sortBy(1);
  check("a second click turns the order", await first() !== before, await first());
  await sortBy(0);
  check("the order is told to screen readers", await evaluate("document.querySelector('#fleet > thead th').getAttribute('aria-sort')") === "descending");
  await evaluate("document.querySelector('#fleet .more').focus()");
  for (const type of ["keyDown", "keyUp"]) {
    await ask("Input.dispatchKeyEvent", { type, key: "Enter", code: "Enter", windowsVirtualKeyCode: 13, text: type === "keyDown" ? "\r" : undefined });
  }
  check("Enter opens a line", await evaluate("document.querySelectorAll('.detail table').length") === 1);
  await evaluate("document.querySelector('.detail').scrollIntoView({ block: 'center' })");
  await picture("report-detail.png");

  check("no element came from data", await evaluate("document.querySelectorAll('#fleet script, #fleet img, #fleet a, #fleet [onload], #fleet [onerror]').length") === 0);
  check("no data ran", await evaluate("window.fromData === undefined && document.title.startsWith('Boot images')"));

  // The page's own policy would not let the checker in, which is as it should be.
  const { frameTree } = await ask("Page.getFrameTree");
  const { executionContextId } = await ask("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
  const isolated = async (expression) => {
    const { result, exceptionDetails } = await ask("Runtime.evaluate", { expression, contextId: executionContextId, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return result.value;
  };
  await isolated(readFileSync(axe, "utf8"));
  // A thousand equal lines say no more than twenty.
  await evaluate("for (const row of Array.from(document.querySelectorAll('#fleet > tbody > tr')).slice(20)) row.remove()");
  for (const scheme of ["light", "dark"]) {
    await ask("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    const violations = await isolated("axe.run(document, { resultTypes: ['violations'] }).then((found) => found.violations.map((v) => `${v.id}: ${v.nodes[0].html.slice(0, 120)}`))");
    check(`axe-core finds nothing in ${scheme}`, violations.length === 0, violations.join("; "));
  }
  await picture("report-dark.png");
  await ask("Emulation.setEmulatedMedia", { features: [] });
  const { data } = await ask("Page.printToPDF", { printBackground: false });
  const pdf = Buffer.from(data, "base64");
  writeFileSync(join(output, "report.pdf"), pdf);
  check("it prints", pdf.subarray(0, 5).toString() === "%PDF-", `${pdf.length} bytes`);

  const requests = heard.filter((m) => m.method === "Network.requestWillBeSent").map((m) => m.params.request.url);
  check("nothing but the page was asked for", requests.every((asked) => asked === url), requests.filter((asked) => asked !== url).join(" "));
  const complaints = heard.filter((m) => m.method === "Runtime.exceptionThrown" || (m.method === "Log.entryAdded" && m.params.entry.level === "error")
    || (m.method === "Runtime.consoleAPICalled" && m.params.type === "error"));
  check("the console has no error", complaints.length === 0, complaints.map((m) => JSON.stringify(m.params)).join(" ").slice(0, 500));
};

try {
  await run();
} catch (error) {
  check("the browser did what it was told", false, error.message);
} finally {
  await Promise.race([send("Browser.close").catch(() => {}), sleep(3000)]);
  browser.kill();
  await sleep(200);
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(failures === 0 ? 0 : 1);
