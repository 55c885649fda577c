// Drives Chromium over the dashboard and prints what it saw as one line of JSON. The first argument is a JSON file: what to do.
//   walk: each page at each width and in each colour scheme: what the console said, what the policy stopped, what axe-core found.
//   act:  signs in, does what an operator does by its buttons, and tells what each page said then.
//   grow: renews a page many times, and weighs it before and after.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const task = JSON.parse(readFileSync(process.argv[2], "utf8"));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: task.chromium, args: ["--no-sandbox", "--disable-dev-shm-usage", "--enable-precise-memory-info"] });
const widths = { desktop: { width: 1280, height: 900 }, phone: { width: 360, height: 740 } };

async function open(viewport, cookies) {
  const context = await browser.newContext({ viewport, baseURL: task.base, colorScheme: "light", reducedMotion: "reduce" });
  context.setDefaultTimeout(60000);
  if (cookies) await context.addCookies(cookies);
  // Set by whatever text of a tenant's manages to run.
  await context.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
  });
  const page = await context.newPage();
  const said = [];
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) said.push(`console: ${message.text()}`); });
  page.on("pageerror", (error) => said.push(`error: ${error.message}`));
  page.on("dialog", async (dialog) => { said.push(`dialog: ${dialog.message()}`); await dialog.dismiss(); });
  return { context, page, said };
}

async function signIn(page) {
  await page.goto("/dashboard/sign-in");
  await page.getByLabel("API key").fill(task.key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
}

async function judged(page, rules) {
  const found = await page.evaluate(async (only) => {
    const result = await window.axe.run(document, only ? { runOnly: { type: "rule", values: only }, resultTypes: ["violations"] } : { resultTypes: ["violations"] });
    return result.violations.filter((one) => ["serious", "critical"].includes(one.impact)).map((one) => `${one.id}: ${one.help} (${one.nodes.slice(0, 3).map((node) => `${node.target}: ${node.failureSummary?.split("\n").slice(1, 2)}`).join("; ")})`);
  }, rules);
  return found;
}

// No file's name may be longer than 255 bytes.
const pictureOf = (path, width) => `${task.pictures}/${path.replace(/[^a-z0-9]+/gi, "_").slice(0, 120)}-${width}.png`;

async function look({ page, said }, path, width) {
  said.length = 0;
  const began = performance.now();
  const response = await page.goto(path);
  const took = performance.now() - began;
  // Once round, so that what renews itself has done so.
  if (await page.locator("#live").count()) {
    const renewed = page.waitForResponse((answer) => answer.request().headers()["hx-request"] === "true");
    await page.evaluate(() => document.body.dispatchEvent(new Event("weir:shown")));
    await renewed;
    await page.waitForFunction(() => !document.querySelector(".htmx-request, .htmx-settling"));
  }
  await page.evaluate(axe);
  const problems = await judged(page, null);
  await page.emulateMedia({ colorScheme: "dark" });
  problems.push(...(await judged(page, ["color-contrast", "link-in-text-block"])).map((one) => `dark: ${one}`));
  if (task.pictures) await page.screenshot({ path: pictureOf(path, `${width}-dark`), fullPage: true, caret: "initial" });
  await page.emulateMedia({ colorScheme: "light" });
  if (task.pictures) await page.screenshot({ path: pictureOf(path, width), fullPage: true, caret: "initial" });
  const seen = await page.evaluate(() => ({
    title: document.title,
    text: document.querySelector("main").innerText,
    inputs: [...document.querySelectorAll("textarea, input:not([type=hidden])")].map((one) => one.value).join("\n"),
    pwned: window.pwned ?? null,
    violations: window.violations,
    wide: document.documentElement.scrollWidth > window.innerWidth + 1 ? `${document.documentElement.scrollWidth} px wide` : null,
    strangers: document.querySelectorAll("main script, main iframe, main object, main embed, main img, main [onclick], main [onerror], main [style], main a[href^='javascript']").length,
  }));
  return { path, width, status: response.status(), took, said: [...said], axe: problems, ...seen };
}

async function walk() {
  const first = await open(widths.desktop);
  await signIn(first.page);
  const cookies = await first.context.cookies();
  const visits = await Promise.all(Object.entries(widths).map(async ([width, viewport]) => {
    const one = await open(viewport, cookies);
    const seen = [];
    for (const path of task.pages) seen.push(await look(one, path, width));
    await one.context.close();
    return seen;
  }));
  const stranger = await open(widths.phone);
  visits.push([await look(stranger, "/dashboard/sign-in", "phone, signed out")]);
  return { visits: visits.flat(), cookies };
}

async function act() {
  const one = await open(widths.desktop);
  await signIn(one.page);
  const done = [];
  for (const step of task.steps) {
    one.said.length = 0;
    await one.page.goto(step.path);
    if (step.open) await one.page.locator("details.ask > summary", { hasText: step.open }).click();
    const form = step.open ? one.page.locator("details.ask[open]") : one.page.locator(step.form ?? "main");
    for (const [label, value] of Object.entries(step.fill ?? {})) {
      const field = form.getByLabel(label, { exact: true });
      if (await field.evaluate((element) => element.tagName === "SELECT")) await field.selectOption(value);
      else await field.fill(value);
    }
    await form.getByRole("button", { name: step.press ?? step.open, exact: true }).click();
    await one.page.waitForLoadState();
    for (const press of step.then ?? []) {
      await one.page.getByRole("button", { name: press, exact: true }).click();
      await one.page.waitForLoadState();
    }
    done.push({ step: step.name, url: one.page.url(), text: await one.page.locator("main").innerText(), said: [...one.said], pwned: await one.page.evaluate(() => window.pwned ?? null) });
  }
  // With the keyboard alone: the first stop is the skip link, and it leads to the content.
  await one.page.goto("/dashboard");
  await one.page.keyboard.press("Tab");
  const skip = await one.page.evaluate(() => document.activeElement.textContent);
  await one.page.keyboard.press("Enter");
  const after = await one.page.evaluate(() => document.activeElement.id);
  await one.page.getByRole("button", { name: "Sign out" }).click();
  await one.page.waitForLoadState();
  const out = one.page.url();
  await one.page.goto("/dashboard/jobs");
  return { done, skip, after, out, again: one.page.url() };
}

async function grow() {
  const weighed = async () => {
    const one = await open(widths.desktop);
    await signIn(one.page);
    const cdp = await one.context.newCDPSession(one.page);
    await cdp.send("Performance.enable");
    return { ...one, cdp };
  };
  const one = await weighed();
  const renew = async (times) => {
    for (let time = 0; time < times; time++) {
      await one.page.evaluate(() => new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error("The page was not renewed within 60 s.")), 60000);
        document.addEventListener("htmx:afterSettle", () => { clearTimeout(late); resolve(); }, { once: true });
        document.body.dispatchEvent(new Event("weir:shown"));
      }));
    }
  };
  // A renewal that is under way has a dozen listeners of its own: the lightest of three moments.
  const weigh = async (one) => {
    const seen = [];
    for (let time = 0; time < 3; time++) {
      await one.page.waitForTimeout(300);
      seen.push(await weighOnce(one));
    }
    return Object.fromEntries(Object.keys(seen[0]).map((what) => [what, Math.min(...seen.map((moment) => moment[what]))]));
  };
  const weighOnce = async ({ page, cdp }) => {
    await cdp.send("HeapProfiler.collectGarbage");
    const { metrics } = await cdp.send("Performance.getMetrics");
    const of = (name) => metrics.find((one) => one.name === name).value;
    return { nodes: of("Nodes"), listeners: of("JSEventListeners"), heap: of("JSHeapUsedSize"), elements: await page.evaluate(() => document.querySelectorAll("*").length) };
  };
  await renew(task.before);
  const before = await weigh(one);
  await renew(task.times);
  // What a page weighs that has been opened just now: there may be more to show than in the beginning, or since a moment ago; then it is looked again.
  let after, fresh;
  for (let time = 0; time < 6 && !(Math.abs(after?.elements - fresh?.elements) <= 30); time++) {
    if (time > 0) await one.page.waitForTimeout(4000);
    await renew(1);
    after = await weigh(one);
    const other = await weighed();
    fresh = await weigh(other);
    await other.context.close();
  }
  // While nobody looks, nothing is asked.
  let asked = 0;
  one.page.on("request", () => asked++);
  await one.page.evaluate(() => { Object.defineProperty(document, "hidden", { value: true, configurable: true }); document.body.dispatchEvent(new Event("weir:shown")); });
  await one.page.waitForTimeout(300);
  return { before, after, fresh, said: one.said, askedWhileHidden: asked };
}

try {
  console.log(JSON.stringify(await { walk, act, grow }[task.do]()));
} finally {
  await browser.close();
}
