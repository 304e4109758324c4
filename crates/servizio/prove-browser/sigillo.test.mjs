// The seal, in a real browser: set from its file by keyboard and without JavaScript, then seen on what is registered.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { accessibile, browser, demo, file, fino, fotografa, pagina, vista } from "./banco.mjs";

const PASSWORD = "una parola d'ordine";

let d;
let b;
let p12;

before(async () => {
  d = await demo();
  b = await browser();
  // A seal of nobody, made on the spot: what an administration gets from its provider has the same form.
  const [chiave, certificato] = [path.join(d.cartella, "chiave.pem"), path.join(d.cartella, "certificato.pem")];
  p12 = path.join(d.cartella, "sigillo.p12");
  const openssl = (...args) => execFileSync("openssl", args, { stdio: "ignore" });
  openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", chiave, "-out", certificato, "-days", "45", "-subj", "/C=IT/O=Comune di Prova dell'Àncora/CN=Sigillo di prova", "-utf8", "-addext", "keyUsage=critical,digitalSignature,nonRepudiation");
  openssl("pkcs12", "-export", "-inkey", chiave, "-in", certificato, "-out", p12, "-passout", `pass:${PASSWORD}`);
});

after(async () => {
  await b?.close();
  await d?.ferma();
});

/** Registers an uscita by its page, with its file; the page of its number. */
async function uscita(p, oggetto) {
  await p.goto(`${d.base}/registra?tipo=uscita`);
  await p.locator("#c-documento").setInputFiles(await file(d, "lettera.txt", oggetto));
  await p.locator("#c-destinatari-0-cognome").fill("Rossi");
  await p.locator("#c-destinatari-0-nome").fill("Maria");
  await p.locator("#c-oggetto").fill(oggetto);
  await p.locator("#c-mezzo").selectOption("cartaceo");
  await p.locator("#c-classificazione").focus();
  await p.keyboard.press("ArrowDown");
  await p.locator("#c-classificazione-l [role=option]").first().waitFor();
  await p.locator("#c-classificazione-l [role=option]").first().click();
  await p.locator("#premi").click();
  await p.waitForURL(/nuova=1/);
}

test("without JavaScript: a wrong password is said beside its field, the right one sets the seal", async () => {
  // R-C11
  const p = await pagina(b, d, { chi: "amministratore", javaScriptEnabled: false });
  await p.getByRole("navigation", { name: "Principale" }).getByRole("link", { name: "Sigillo" }).click();
  await p.waitForURL("**/sigillo");
  await p.locator("#c-pkcs12").setInputFiles(p12);
  await p.locator("#c-password").fill("sbagliata");
  await p.locator("#imposta form").first().getByLabel("Sigilla anche le entrate").check();
  await p.getByRole("button", { name: "Prova e imposta" }).first().click();
  await p.locator("#sommario").waitFor();
  assert.match(await p.locator("#c-password-e").textContent(), /non apre/);
  assert.equal(await p.locator("#c-password").inputValue(), "");
  assert.ok(await p.locator("#c-entrate-file").isChecked());
  await p.locator("#c-entrate-file").uncheck();
  await p.locator("#c-pkcs12").setInputFiles(p12);
  await p.locator("#c-password").fill(PASSWORD);
  await p.getByRole("button", { name: "Prova e imposta" }).first().click();
  await p.waitForURL("**/sigillo?fatto=impostato");
  const main = await p.locator("main").textContent();
  assert.match(main, /Comune di Prova dell'Àncora/);
  assert.match(main, /Non qualificato/);
  assert.match(main, /scade tra 44 giorni: è tempo/);
});

test("the page of the seal is accessible and fits, with what is wrong and with every form open", async () => {
  const p = await pagina(b, d, { chi: "responsabile" });
  await p.goto(`${d.base}/sigillo`);
  await vista(p, "sigillo-in-uso");
  for (const s of await p.locator("main summary").all()) await s.click();
  await vista(p, "sigillo-aperto");
  // By keyboard: the file, then its password, then the button.
  await p.goto(`${d.base}/sigillo`);
  await p.locator("#c-pkcs12").setInputFiles(await file(d, "foto.p12", "non un sigillo"));
  await fino(p, "c-password");
  await p.keyboard.type("x");
  await p.keyboard.press("Enter");
  await p.locator("#sommario").waitFor();
  assert.equal(await p.evaluate(() => document.activeElement.id), "sommario");
  await vista(p, "sigillo-errore");
  // The deferral, by keyboard too.
  await p.goto(`${d.base}/sigillo`);
  await p.locator("#differisci summary").focus();
  await p.keyboard.press("Enter");
  await fino(p, "c-motivo");
  await p.keyboard.type("Il fornitore fa manutenzione");
  await p.keyboard.press("Enter");
  await p.waitForURL("**/sigillo?fatto=differito");
  await p.getByText(/I sigilli sono differiti fino a/).waitFor();
  assert.deepEqual(p.lamentele, []);
});

test("an uscita shows its seal by itself, and gives its Segnatura.xml", async () => {
  // R-A13, R-C10
  const p = await pagina(b, d);
  await uscita(p, "Risposta all'istanza sull'àncora");
  // It is sealed while one looks, or it was already.
  await p.locator("#sigillo").getByText(/Segnatura sigillata da Comune di Prova dell'Àncora/).waitFor();
  await accessibile(p, "registrata con sigillo");
  await fotografa(p, "registrata-sigillo");
  const qui = p.url().replace("?nuova=1", "");
  const [scaricato] = await Promise.all([p.waitForEvent("download"), p.getByRole("link", { name: "Segnatura.xml" }).click()]);
  assert.equal(scaricato.suggestedFilename(), "Segnatura.xml");
  const xml = await readFile(await scaricato.path(), "utf8");
  assert.match(xml, /Risposta all'istanza sull'àncora/);
  assert.match(xml, /SignatureValue/);
  await p.goto(qui);
  assert.match(await p.locator("#storia").textContent(), /Segnatura sigillata[\s\S]*Sigillo non qualificato di Comune di Prova/);
  await vista(p, "registrazione-sigillo");
  assert.deepEqual(p.lamentele, []);
});

test("the seal is removed by keyboard, with its reason", async () => {
  const p = await pagina(b, d, { chi: "amministratore" });
  await p.goto(`${d.base}/sigillo`);
  await p.locator("#togli summary").focus();
  await p.keyboard.press("Enter");
  await fino(p, "c-motivoRimozione");
  await p.keyboard.type("Fine della prova");
  await p.keyboard.press("Enter");
  await p.waitForURL("**/sigillo?fatto=tolto");
  await p.getByText("Nessun sigillo").waitFor();
  await vista(p, "sigillo-nessuno");
  const altra = await pagina(b, d);
  await uscita(altra, "Senza sigillo");
  assert.equal((await altra.locator("#sigillo").textContent()).trim(), "");
  assert.deepEqual(p.lamentele, []);
});
