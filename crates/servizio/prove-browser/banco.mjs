// The bench: the real binary on a folder of its own, a real browser, one account each for the operator, the RGD and
// the administrator. Nothing is waited for by the clock: always by a condition.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { AxeBuilder } from "@axe-core/playwright";

const qui = path.dirname(fileURLToPath(import.meta.url));
const radice = path.resolve(qui, "../../..");
const binario = process.env.PROTOCOLLO_BIN || path.join(radice, "target/debug/protocollo");
const schermate = process.env.PROTOCOLLO_SCHERMATE || path.join(radice, "target/schermate");
const browserBin = process.env.CHROMIUM_BIN || "/usr/bin/chromium";

/** Starts the demo; resolves with its facts (`url`, `utente`, `password` …) and a function that stops it. */
export async function demo() {
  const cartella = await mkdtemp(path.join(tmpdir(), "protocollo-prove-"));
  const archivio = path.join(cartella, "archivio");
  const copie = path.join(cartella, "copie");
  const processo = spawn(binario, ["demo", "--archivio", archivio, "--listen", "127.0.0.1:0"], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, PROTOCOLLO_COPIE__CARTELLA: copie },
  });
  const fatti = {};
  const finito = new Promise((ok) => processo.once("exit", ok));
  for await (const riga of createInterface({ input: processo.stdout })) {
    if (riga === "pronto") break;
    const i = riga.indexOf("=");
    fatti[riga.slice(0, i)] = riga.slice(i + 1);
  }
  assert.ok(fatti.url, "the demo did not start");
  const base = `${fatti.url}/c_z999/AOO1`;
  return {
    fatti,
    base,
    cartella,
    /** A copy of it, as who runs the service makes one. */
    async copia() {
      const c = spawn(binario, ["backup", "--archivio", archivio, "--out", copie], { stdio: "ignore" });
      assert.equal(await new Promise((ok) => c.once("exit", ok)), 0, "backup");
    },
    async ferma() {
      processo.kill("SIGTERM");
      await finito;
      await rm(cartella, { recursive: true, force: true });
    },
  };
}

/** The browser of the machine. */
export function browser() {
  return chromium.launch({ executablePath: browserBin, args: ["--no-sandbox", "--lang=it-IT", "--disable-dev-shm-usage", "--font-render-hinting=none"] });
}

/** Signs in by the form. */
export async function accedi(pagina, d, chi = "") {
  await pagina.goto(`${d.fatti.url}/accedi`);
  await pagina.getByLabel("Nome utente").fill(d.fatti[`utente${chi}`]);
  await pagina.getByLabel("Password").fill(d.fatti[`password${chi}`]);
  await pagina.getByRole("button", { name: "Accedi" }).click();
  await pagina.waitForURL("**/scrivania");
}

/** A page of this browser, already signed in; what the console complains of is a failure. */
export async function pagina(b, d, opzioni = {}) {
  const { chi, ...resto } = opzioni;
  const contesto = await b.newContext({ locale: "it-IT", timezoneId: "Europe/Rome", viewport: { width: 1366, height: 768 }, ...resto });
  const p = await contesto.newPage();
  p.lamentele = [];
  p.on("pageerror", (e) => p.lamentele.push(String(e)));
  p.on("console", (m) => { if (m.type() === "error" && !/status of 4(03|04|22|29)/.test(m.text())) p.lamentele.push(m.text()); });
  await accedi(p, d, chi ? `_${chi}` : "");
  return p;
}

/** A file to be registered. */
export async function file(d, nome, testo) {
  const f = path.join(d.cartella, nome);
  await writeFile(f, testo);
  return f;
}

/** axe-core finds nothing, in light and in dark. */
export async function accessibile(p, dove) {
  for (const colorScheme of ["light", "dark"]) {
    await p.emulateMedia({ colorScheme });
    const { violations } = await new AxeBuilder({ page: p }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]).analyze();
    const male = violations.map((v) => `${v.id}: ${v.help}\n    ${v.nodes.slice(0, 3).map((n) => n.html).join("\n    ")}`);
    assert.deepEqual(male, [], `${dove}, ${colorScheme}`);
  }
  await p.emulateMedia({ colorScheme: "light" });
}

/** A picture to be looked at. */
export async function fotografa(p, nome) {
  await mkdir(schermate, { recursive: true });
  await p.screenshot({ path: path.join(schermate, `${nome}.png`), fullPage: true });
}

/** No horizontal scrolling: everything fits the width of the screen. */
export async function staNellaLarghezza(p, dove) {
  const oltre = await p.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(oltre <= 0, `${dove}: ${oltre} px too wide`);
}

/** How much the layout moved since the page was loaded. */
export function spostamento(p) {
  return p.evaluate(
    () =>
      new Promise((ok) => {
        let somma = 0;
        const o = new PerformanceObserver((l) => { for (const e of l.getEntries()) if (!e.hadRecentInput) somma += e.value; });
        o.observe({ type: "layout-shift", buffered: true });
        requestAnimationFrame(() => requestAnimationFrame(() => { o.disconnect(); ok(somma); }));
      }),
  );
}

/** Presses Tab until the element with this id has the focus. */
export async function fino(p, id, tasto = "Tab") {
  for (let i = 0; i < 150; i += 1) {
    if ((await p.evaluate(() => document.activeElement?.id)) === id) return;
    await p.keyboard.press(tasto);
  }
  assert.fail(`#${id} is out of reach of the keyboard`);
}

/** The page, seen on a desk and on a phone. */
export async function vista(p, nome) {
  for (const [dove, misura] of [["", { width: 1366, height: 768 }], ["-telefono", { width: 390, height: 844 }]]) {
    await p.setViewportSize(misura);
    await accessibile(p, nome + dove);
    await staNellaLarghezza(p, nome + dove);
    await fotografa(p, nome + dove);
  }
  await p.setViewportSize({ width: 1366, height: 768 });
}
