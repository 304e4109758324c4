// Asking for a seal and placing the stamp, in a real browser: key, request, the certificate that comes back, the form (R-C11, R-C16).

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { browser, demo, fino, pagina, vista } from "./banco.mjs";

let d;
let b;

before(async () => {
  d = await demo();
  b = await browser();
});

after(async () => {
  await b?.close();
  await d?.ferma();
});

/** Somebody who issues a certificate for a request. */
function emetti(csr) {
  const [ca, chiave, certificato] = ["ca.pem", "ca.key", "certificato.pem"].map((n) => path.join(d.cartella, n));
  const openssl = (...args) => execFileSync("openssl", args, { stdio: "ignore" });
  openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", chiave, "-out", ca, "-days", "2", "-subj", "/C=IT/O=Prestatore di prova/CN=CA di prova");
  openssl("x509", "-req", "-in", csr, "-CA", ca, "-CAkey", chiave, "-days", "1", "-copy_extensions", "copy", "-out", certificato);
  return certificato;
}

test("without JavaScript: a key is made, its request is handed out, its certificate sets the seal", async () => {
  const p = await pagina(b, d, { chi: "amministratore", javaScriptEnabled: false });
  await p.goto(`${d.base}/sigillo`);
  await p.getByRole("link", { name: /Chiave e richiesta di certificato/ }).click();
  await p.waitForURL("**/sigillo/richiesta");
  await p.locator("#c-identificativo").selectOption("partita-iva");
  await p.getByRole("button", { name: "Crea la chiave e la richiesta" }).click();
  await p.locator("#sommario").waitFor();
  assert.match(await p.locator("#c-partitaIva-e").textContent(), /va indicata/);
  assert.equal(await p.locator("#c-identificativo").inputValue(), "partita-iva");
  await p.locator("#c-partitaIva").fill("00123450561");
  await p.getByRole("button", { name: "Crea la chiave e la richiesta" }).click();
  await p.waitForURL("**/sigillo/richiesta?fatto=creata");
  assert.match(await p.locator("main").textContent(), /VATIT-00123450561/);
  const [scaricata] = await Promise.all([p.waitForEvent("download"), p.getByRole("link", { name: "Scarica la richiesta (PKCS#10)" }).click()]);
  assert.equal(scaricata.suggestedFilename(), "sigillo-c_z999-AOO1.csr");
  const csr = path.join(d.cartella, "richiesta.csr");
  await writeFile(csr, await readFile(await scaricata.path()));
  // What is not its certificate is said beside the field.
  await p.locator("#c-certificato").setInputFiles(csr);
  await p.getByRole("button", { name: "Prova e imposta" }).click();
  await p.locator("#c-certificato-e").waitFor();
  await p.locator("#c-certificato").setInputFiles(emetti(csr));
  await p.getByRole("button", { name: "Prova e imposta" }).click();
  await p.waitForURL("**/sigillo?fatto=impostato");
  assert.match(await p.locator("main").textContent(), /Prestatore di prova/);
});

test("the pages of the request are accessible and fit, empty, wrong and waiting", async () => {
  const p = await pagina(b, d, { chi: "amministratore" });
  await p.goto(`${d.base}/sigillo`);
  await vista(p, "sigillo-chiedi");
  await p.goto(`${d.base}/sigillo/richiesta`);
  await vista(p, "richiesta-vuota");
  await p.locator("#c-identificativo").selectOption("partita-iva");
  await p.locator("#c-partitaIva").fill("123");
  await p.locator("#c-partitaIva").press("Enter");
  await p.locator("#sommario").waitFor();
  await vista(p, "richiesta-errore");
  await p.locator("#c-identificativo").selectOption("ipa");
  await p.locator("#c-partitaIva").fill("");
  await p.locator("#c-nomeSigillo").press("Enter");
  await p.waitForURL("**/sigillo/richiesta?fatto=creata");
  await vista(p, "richiesta-attesa");
  assert.deepEqual(p.lamentele, []);
});

test("the form for a provider is filled by keyboard and comes out as a PDF", async () => {
  const p = await pagina(b, d, { chi: "amministratore" });
  await p.goto(`${d.base}/sigillo/modulo`);
  await vista(p, "modulo-vuoto");
  await fino(p, "c-sede");
  for (const t of ["Piazza Roma 1, 01027 Prova (VT)", "Maria", "Rossi", "RSSMRA80A01H501X", "Sindaca", "Ada", "Bianchi", "ada@comune.example"]) {
    await p.keyboard.type(t);
    await p.keyboard.press("Tab");
  }
  await p.keyboard.press("Enter");
  await p.locator("#sommario").waitFor();
  assert.match(await p.locator("#c-rappresentante-codiceFiscale-e").textContent(), /controllo/);
  await vista(p, "modulo-errore");
  await p.locator("#c-rappresentante-codiceFiscale").fill("RSSMRA80A01H501U");
  const [pdf] = await Promise.all([p.waitForEvent("download"), p.getByRole("button", { name: "Scarica il modulo (PDF)" }).click()]);
  assert.equal(pdf.suggestedFilename(), "richiesta-sigillo-c_z999-AOO1.pdf");
  assert.match((await readFile(await pdf.path())).subarray(0, 5).toString(), /%PDF-/);
  assert.deepEqual(p.lamentele, []);
});

test("the place of the stamp is chosen by keyboard", async () => {
  const p = await pagina(b, d, { chi: "amministratore" });
  await p.getByRole("navigation", { name: "Principale" }).getByRole("link", { name: "Timbro" }).click();
  await p.waitForURL("**/timbro");
  await vista(p, "timbro");
  await p.locator("input[name=angolo]:checked").focus();
  await p.keyboard.press("ArrowDown");
  await fino(p, "c-margineMm");
  await p.locator("#c-margineMm").fill("12");
  await p.keyboard.press("Enter");
  await p.waitForURL("**/timbro?fatto=1");
  assert.equal(await p.locator("input[name=angolo]:checked").inputValue(), "basso-sinistra");
  await vista(p, "timbro-scelto");
  assert.deepEqual(p.lamentele, []);
});
