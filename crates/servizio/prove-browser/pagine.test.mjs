// What a person does in a day, in a real browser: sign in, register, find, look at the history, annotate, compare.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { accedi, accessibile, browser, demo, file, fino, fotografa, pagina, spostamento, staNellaLarghezza } from "./banco.mjs";

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

test("by keyboard alone: register an entrata with a file, find it, annotate it, compare", async () => {
  const p = await pagina(b, d);
  await p.keyboard.press("n");
  await p.waitForURL("**/registra");
  await p.keyboard.press("1");
  await fino(p, "c-documento");
  const f = await file(d, "Istanza perché l'àncora.pdf", "%PDF-1.7\nprova\n%%EOF\n");
  await p.locator("#c-documento").setInputFiles(f);
  await p.getByText(/impronta [0-9a-f]{12}/).waitFor();
  await fino(p, "c-mittente-cognome");
  await p.keyboard.type("D'Àmico");
  await p.keyboard.press("Tab");
  await p.keyboard.type("Zoë");
  await fino(p, "c-oggetto");
  await p.keyboard.type("Istanza di rinnovo del passo carrabile crisantemo");
  await p.keyboard.press("Control+Enter");
  await p.waitForURL(/\/registrazioni\/PG\/\d+\/\d+\?nuova=1/);
  const numero = (await p.locator("#numero").textContent()).trim();
  assert.match(numero, /^\d{7}$/);
  await accessibile(p, "registrata");
  await fotografa(p, "registrata");

  await p.keyboard.press("/");
  assert.equal(await p.evaluate(() => document.activeElement.id), "cerca");
  await p.keyboard.type("crisantemo");
  await p.keyboard.press("Enter");
  await p.waitForURL("**/registro?q=crisantemo*");
  const righe = p.locator("table.elenco tbody tr");
  assert.equal(await righe.count(), 1);
  assert.match(await righe.first().textContent(), new RegExp(numero));
  await righe.first().locator("th a").focus();
  await p.keyboard.press("Enter");
  await p.waitForURL(/\/registrazioni\/PG\/\d+\/\d+$/);
  assert.match(await p.locator("#storia").textContent(), /Registrata in entrata/);
  await fino(p, "c-testo");
  await p.keyboard.type("Sentito l'ufficio tecnico");
  await p.keyboard.press("Tab");
  await p.keyboard.press("Enter");
  await p.waitForURL("**#annotazioni");
  await p.locator("#annotazioni blockquote", { hasText: "Sentito l'ufficio tecnico" }).waitFor();
  await accessibile(p, "registrazione");
  await fotografa(p, "registrazione");

  await p.getByRole("link", { name: "Confronta due momenti" }).press("Enter");
  await p.waitForURL("**/confronto");
  assert.match(await p.locator("table.confronto ins").first().textContent(), /\S/);
  assert.match(await p.locator("table.confronto").textContent(), /Sentito l'ufficio tecnico/);
  await accessibile(p, "confronto");
  await fotografa(p, "confronto");
  assert.deepEqual(p.lamentele, []);
});

test("the file comes back byte for byte and the receipt is there", async () => {
  const p = await pagina(b, d);
  await p.goto(`${d.base}/registro?q=crisantemo`);
  await p.locator("table.elenco tbody th a").first().click();
  const [scaricato] = await Promise.all([p.waitForEvent("download"), p.locator(".file a[download]").first().click()]);
  assert.equal(scaricato.suggestedFilename(), "Istanza perché l'àncora.pdf");
  assert.equal(await readFile(await scaricato.path(), "utf8"), "%PDF-1.7\nprova\n%%EOF\n");
  const [ricevuta] = await Promise.all([p.waitForEvent("download"), p.locator("#storia a[download]").click()]);
  assert.ok(JSON.parse(await readFile(await ricevuta.path(), "utf8")).checkpoint);
});

test("a correspondent is found while typing, a class by its words", async () => {
  const p = await pagina(b, d);
  await p.goto(`${d.base}/rubrica`);
  const nome = (await p.locator("table.elenco tbody tr", { hasText: "amministrazione" }).first().locator("th").textContent()).trim();
  await p.goto(`${d.base}/registra`);
  await p.locator("#c-mittente-tipo").selectOption("amministrazione");
  await p.locator("#c-mittente-denominazione").pressSequentially(nome.slice(0, 12));
  const opzione = p.locator('.combo [role="option"]').first();
  await opzione.waitFor();
  await p.keyboard.press("ArrowDown");
  await p.keyboard.press("Enter");
  assert.ok((await p.locator("#c-mittente-denominazione").inputValue()).length > 3);
  await p.goto(`${d.base}/registro`);
  await p.locator("summary", { hasText: "Altri filtri" }).click();
  await p.locator("#c-classificazione").pressSequentially("1");
  await p.locator("#c-classificazione").pressSequentially(".");
  await p.locator('.combo [role="option"]').first().waitFor();
  assert.deepEqual(p.lamentele, []);
});

test("what is wrong is said on top and on the field, and what was typed is kept", async () => {
  const p = await pagina(b, d);
  await p.goto(`${d.base}/registra`);
  await p.locator("#c-mittente-cognome").fill("Bianchi");
  await p.locator("#c-mittente-codiceFiscale").fill("RSSMRA80A01H501X");
  await p.locator("#c-oggetto").fill("Oggetto che resta");
  await p.locator("#premi").click();
  const sommario = p.locator("#sommario");
  await sommario.waitFor();
  assert.equal(await p.evaluate(() => document.activeElement.id), "sommario");
  assert.equal(await p.locator("#c-oggetto").inputValue(), "Oggetto che resta");
  assert.match(await p.locator("#c-mittente-codiceFiscale-e").textContent(), /controllo/);
  await sommario.getByRole("link").first().click();
  assert.match(await p.evaluate(() => document.activeElement.id), /^c-/);
  await accessibile(p, "registra con errori");
  await fotografa(p, "registra-errori");
});

test("a draft is kept across a lost page", async () => {
  const p = await pagina(b, d);
  await p.goto(`${d.base}/registra`);
  await p.locator("#c-oggetto").fill("Bozza da riprendere");
  await p.goto(`${d.base}/scrivania`);
  await p.goto(`${d.base}/registra`);
  assert.equal(await p.locator("#c-oggetto").inputValue(), "Bozza da riprendere");
  await p.getByRole("button", { name: "Ricomincia da capo" }).click();
  await p.waitForFunction(() => document.querySelector("#c-oggetto")?.value === "");
});

test("without JavaScript the whole flow works", async () => {
  const p = await pagina(b, d, { javaScriptEnabled: false });
  await p.goto(`${d.base}/registra`);
  await p.locator("label[for=tipo-uscita]").click();
  await p.locator("#c-destinatari-0-cognome").fill("Senzascript");
  await p.getByRole("button", { name: "Aggiungi un destinatario" }).click();
  await p.locator("#c-destinatari-1-cognome").fill("Secondo");
  await p.locator("#c-oggetto").fill("Risposta ornitorinco");
  await p.locator("#c-mezzo").selectOption("cartaceo");
  await p.locator("#c-classificazione").selectOption({ index: 1 });
  await p.locator("#premi").click();
  await p.waitForURL(/nuova=1/);
  assert.match(await p.locator("main").textContent(), /Registrato in uscita/);
  assert.match(await p.locator("main").textContent(), /Senzascript[\s\S]*Secondo/);
  await p.locator("#cerca").fill("ornitorinco");
  await p.getByRole("search").getByRole("button", { name: "Cerca" }).click();
  assert.equal(await p.locator("table.elenco tbody tr").count(), 1);
  await p.locator("table.elenco tbody th a").click();
  await p.locator("#c-testo").fill("Nota senza script");
  await p.getByRole("button", { name: "Annota" }).click();
  await p.locator("blockquote", { hasText: "Nota senza script" }).waitFor();
});

test("an assignment is taken in charge from the desk", async () => {
  const p = await pagina(b, d);
  await p.goto(`${d.base}/scrivania`);
  await fotografa(p, "scrivania");
  const sezioni = p.locator("section.pratiche");
  const conta = async (n) => Number(await sezioni.nth(n).locator(".conto").textContent());
  const [prima, lavoro] = [await conta(0), await conta(1)];
  assert.ok(prima > 0, "the demo leaves something to be taken in charge");
  await sezioni.first().locator("form button").first().click();
  await p.waitForFunction((n) => document.querySelectorAll(".conto")[1]?.textContent === String(n), lavoro + 1);
  assert.ok((await conta(0)) <= prima);
});

test("every page is accessible and fits, on a desk and on a phone", async () => {
  const pagine = {
    "": ["scrivania", "registra", "registro", "registro?q=nulladiquesto", "rubrica", "titolario", "fascicoli", "aiuto", "password", "nessuna"],
    responsabile: ["titolario", "registro"],
    amministratore: ["scrivania", "uffici", "utenti", "registro"],
  };
  for (const [chi, dove] of Object.entries(pagine)) {
    const p = await pagina(b, d, { chi });
    for (const pagina of dove) {
      await p.goto(`${d.base}/${pagina}`);
      const nome = `${chi || "operatore"}-${pagina.replace(/\W+/g, "-")}`;
      await p.setViewportSize({ width: 1366, height: 768 });
      await accessibile(p, nome);
      await staNellaLarghezza(p, nome);
      await fotografa(p, nome);
      await p.setViewportSize({ width: 390, height: 844 });
      await accessibile(p, `${nome} (phone)`);
      await staNellaLarghezza(p, `${nome} (phone)`);
      await fotografa(p, `${nome}-telefono`);
      await p.emulateMedia({ colorScheme: "dark" });
      await fotografa(p, `${nome}-telefono-scuro`);
      await p.emulateMedia({ colorScheme: "light" });
    }
    assert.deepEqual(p.lamentele, []);
    await p.context().close();
  }
});

test("the first load is light and nothing moves", async () => {
  const contesto = await b.newContext({ viewport: { width: 1366, height: 768 } });
  const p = await contesto.newPage();
  const cdp = await contesto.newCDPSession(p);
  await cdp.send("Network.enable");
  let byte = 0;
  cdp.on("Network.loadingFinished", (e) => { byte += e.encodedDataLength; });
  await p.goto(`${d.fatti.url}/accedi`, { waitUntil: "networkidle" });
  assert.ok(byte > 0 && byte < 150_000, `sign-in: ${byte} bytes`);
  assert.equal(await spostamento(p), 0, "sign-in moves while it loads");
  await accessibile(p, "accedi");
  await fotografa(p, "accedi");
  await accedi(p, d);
  await cdp.send("Network.clearBrowserCache");
  byte = 0;
  await p.goto(`${d.base}/registro`, { waitUntil: "networkidle" });
  assert.ok(byte > 0 && byte < 150_000, `registro: ${byte} bytes`);
  assert.equal(await spostamento(p), 0, "registro moves while it loads");
  await contesto.close();
});

test("signing out closes the door", async () => {
  const p = await pagina(b, d);
  await p.getByRole("button", { name: "Esci" }).click();
  await p.waitForURL("**/accedi");
  await p.goto(`${d.base}/registro?q=x`);
  await p.waitForURL(/\/accedi\?dopo=/);
  await p.getByLabel("Nome utente").fill(d.fatti.utente);
  await p.getByLabel("Password").fill("sbagliata davvero");
  await p.getByRole("button", { name: "Accedi" }).click();
  await p.getByText("Nome utente o password non sono giusti.").waitFor();
  await accessibile(p, "accedi con errore");
  await p.getByLabel("Password").fill(d.fatti.password);
  await p.getByRole("button", { name: "Accedi" }).click();
  await p.waitForURL("**/registro?q=x");
});
