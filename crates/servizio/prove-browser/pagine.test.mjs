// What a person does in a day, in a real browser: sign in, register, find, look at the history, annotate, compare.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { accedi, accessibile, browser, demo, file, fino, fotografa, pagina, spostamento, staNellaLarghezza } from "./banco.mjs";

const campione = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../protocollo/campione/documenti");
const pdf = readdirSync(campione).find((n) => n.endsWith(".pdf"));

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
  const [ricevuta] = await Promise.all([p.waitForEvent("download"), p.locator("#storia a[href$='/ricevuta']").click()]);
  assert.ok(JSON.parse(await readFile(await ricevuta.path(), "utf8")).checkpoint);
});

test("a correspondent is found while typing, by keyboard, and fills in its fields", async () => {
  const p = await pagina(b, d);
  await p.goto(`${d.base}/rubrica`);
  const riga = p.locator("table.elenco tbody tr", { hasText: "amministrazione" }).first();
  const nome = (await riga.locator("th").textContent()).trim();
  await p.goto(`${d.base}/registra`);
  await fino(p, "c-mittente-cerca");
  assert.equal(await p.getByLabel("Cerca in rubrica o scrivi").count(), 2, "one for the sender, one (hidden) for the recipient");
  await p.keyboard.type(nome.slice(0, 12));
  const opzioni = p.locator("#c-mittente-cerca-l [role=option]");
  await opzioni.first().waitFor();
  assert.equal(await p.locator("#c-mittente-cerca").getAttribute("aria-expanded"), "true");
  await accessibile(p, "registra con suggerimenti");
  await fotografa(p, "registra-suggerimenti");
  await p.keyboard.press("ArrowDown");
  const attiva = await p.locator("#c-mittente-cerca").getAttribute("aria-activedescendant");
  const scelta = (await p.locator(`#${attiva} strong`).textContent()).trim();
  await p.keyboard.press("Enter");
  await p.waitForFunction((n) => document.querySelector("#c-mittente-denominazione").value === n, scelta);
  assert.equal(await p.locator("#c-mittente-tipo").inputValue(), "amministrazione");
  assert.match(await p.locator("#c-mittente-cerca-s").textContent(), /dalla rubrica/);
  // Somebody who is not there yet: what was typed becomes the name, to be completed.
  await p.locator("#c-mittente-tipo").selectOption("persona-fisica");
  await p.locator("#c-mittente-cerca").focus();
  await p.keyboard.type("Zzyx Ornella");
  await opzioni.last().filter({ hasText: "Zzyx Ornella" }).waitFor();
  await p.keyboard.press("ArrowUp");
  await p.keyboard.press("Enter");
  assert.equal(await p.locator("#c-mittente-cognome").inputValue(), "Zzyx");
  assert.equal(await p.locator("#c-mittente-nome").inputValue(), "Ornella");
  assert.deepEqual(p.lamentele, []);
});

test("a class is found by its code and by its words, by keyboard", async () => {
  const p = await pagina(b, d);
  await p.goto(`${d.base}/titolario`);
  const voci = await p.locator("table.elenco tbody tr").evaluateAll((r) => r.map((x) => [x.cells[0].textContent.trim(), x.cells[1].textContent.trim()]));
  const [codice, nome] = voci.find(([c, n]) => c.includes(".") && n.length > 8);
  await p.goto(`${d.base}/registra`);
  const campo = p.locator("#c-classificazione");
  await fino(p, "c-classificazione");
  await p.keyboard.type(nome);
  await p.keyboard.press("Enter");
  assert.equal(await p.locator("#c-classificazione-scelta").inputValue(), codice);
  assert.match(await campo.inputValue(), new RegExp(`^${codice.replaceAll(".", "\\.")} · `));
  await campo.fill("nulladiquesto");
  await p.getByText("Nessuna voce per «nulladiquesto»").waitFor();
  await p.keyboard.press("Escape");
  await p.keyboard.press("Tab");
  assert.match(await campo.inputValue(), new RegExp(`^${codice.replaceAll(".", "\\.")} · `), "what was chosen stays");
  await campo.fill("");
  await p.keyboard.press("Tab");
  assert.equal(await p.locator("#c-classificazione-scelta").inputValue(), "");
  await campo.focus();
  await p.keyboard.press("ArrowDown");
  assert.match(await p.locator("#c-classificazione-l [role=option]").first().textContent(), /usata di recente/);
  // The filter of the register asks the server.
  await p.goto(`${d.base}/registro`);
  await p.locator("summary", { hasText: "Altri filtri" }).click();
  await campo.pressSequentially(codice);
  await p.waitForFunction((c) => document.querySelector("#c-classificazione-l [role=option] strong")?.textContent === c, codice);
  await p.keyboard.press("ArrowDown");
  await p.keyboard.press("Enter");
  await p.waitForURL((u) => u.searchParams.get("classificazione") === codice);
  await p.locator(".frase", { hasText: `classificate ${codice}` }).waitFor();
  assert.deepEqual(p.lamentele, []);
});

test("the register is filtered in place, and the address says how", async () => {
  const p = await pagina(b, d);
  await p.goto(`${d.base}/registro`);
  await p.evaluate(() => { window.stessaPagina = true; });
  await p.locator("#c-tipo").selectOption("uscita");
  await p.waitForURL((u) => u.searchParams.get("tipo") === "uscita" && [...u.searchParams.keys()].every((k) => u.searchParams.get(k)));
  await p.locator(".frase", { hasText: "in uscita" }).waitFor();
  const segni = await p.locator("table.elenco tbody .segno .chip-label").allTextContents();
  assert.ok(segni.length > 0 && segni.every((t) => t !== "Entrata"));
  await p.locator("#c-q").pressSequentially("nulladiquesto");
  await p.getByText("Nessuna registrazione corrisponde.").waitFor();
  await p.locator("#c-q").fill("");
  await p.locator("#c-tipo").selectOption("");
  await p.waitForURL(`${d.base}/registro`);
  const prima = await p.locator("table.elenco tbody th").first().textContent();
  await p.getByRole("link", { name: "Precedenti nel tempo" }).click();
  await p.waitForURL(/cursore=/);
  await p.waitForFunction((t) => document.querySelector("table.elenco tbody th").textContent !== t, prima);
  assert.ok(await p.evaluate(() => window.stessaPagina), "the page was never loaded again");
  await p.goBack();
  await p.waitForFunction((t) => document.querySelector("table.elenco tbody th")?.textContent === t, prima);
  assert.deepEqual(p.lamentele, []);
});

test("commands: a page, a protocol by its number, a search, all by keyboard", async () => {
  const p = await pagina(b, d);
  await p.keyboard.press("Control+k");
  const campo = p.getByLabel("Comando, pagina o numero di protocollo");
  await campo.waitFor();
  assert.equal(await p.evaluate(() => document.activeElement.id), "comando");
  await accessibile(p, "comandi");
  await fotografa(p, "comandi");
  await p.keyboard.press("Escape");
  assert.equal(await p.locator("dialog[open]").count(), 0);
  await p.keyboard.press("Control+k");
  await p.keyboard.type("fasc");
  await p.keyboard.press("Enter");
  await p.waitForURL("**/fascicoli");
  await p.keyboard.press("Control+k");
  await p.keyboard.type("3");
  assert.match(await p.locator("dialog [role=option]").first().textContent(), /protocollo 0000003/);
  await p.keyboard.press("Enter");
  await p.waitForURL(/\/registrazioni\/PG\/\d+\/3$/);
  await p.keyboard.press("Control+k");
  await p.keyboard.type("parole qualsiasi");
  await p.keyboard.press("Enter");
  await p.waitForURL(/\/registro\?q=parole%20qualsiasi$/);
  await p.keyboard.press("?");
  await p.waitForURL("**/aiuto");
  assert.deepEqual(p.lamentele, []);
});

test("theme and density are chosen, stay, and are accessible", async () => {
  const p = await pagina(b, d);
  const colore = () => p.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const chiaro = await colore();
  const apri = () => p.locator("#io summary").click();
  await apri();
  await accessibile(p, "menu di chi lavora");
  await fotografa(p, "menu");
  await p.getByLabel("Scuro").check();
  const scuro = await colore();
  assert.notEqual(scuro, chiaro);
  await p.goto(`${d.base}/registro`);
  assert.equal(await colore(), scuro, "kept on the next page, whatever the computer says");
  const alta = (await p.locator("table.elenco tbody tr").nth(1).boundingBox()).height;
  await apri();
  await p.getByLabel("Fitte").check();
  assert.ok((await p.locator("table.elenco tbody tr").nth(1).boundingBox()).height < alta);
  await p.getByLabel("Alto contrasto").check();
  await accessibile(p, "alto contrasto");
  for (const dove of ["scrivania", "registra", "registro"]) {
    await p.goto(`${d.base}/${dove}`);
    await accessibile(p, `${dove}, alto contrasto`);
    await fotografa(p, `contrasto-${dove}`);
  }
  await p.keyboard.press("Control+k");
  await p.keyboard.type("aspetto come");
  await p.keyboard.press("Enter");
  assert.equal(await colore(), chiaro);
  assert.equal(await p.evaluate(() => localStorage.getItem("tema")), null);
  // A phone reaches the same menu.
  await p.setViewportSize({ width: 390, height: 844 });
  await apri();
  await p.getByRole("link", { name: "La tua password" }).waitFor();
  await staNellaLarghezza(p, "menu (phone)");
  await fotografa(p, "menu-telefono");
  await p.keyboard.press("Escape");
  assert.equal(await p.locator("#io[open]").count(), 0);
  assert.deepEqual(p.lamentele, []);
});

test("a document is shown beside its form before it is sent, and the hand keeps writing", async () => {
  const p = await pagina(b, d);
  await p.goto(`${d.base}/registra`);
  const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
  await p.locator("#c-documento").setInputFiles(await file(d, "foto.png", png));
  await p.waitForFunction(() => document.querySelector("#anteprima img")?.naturalWidth === 1);
  await p.locator("#c-documento").setInputFiles(path.join(campione, pdf));
  await p.locator("#c-oggetto").focus();
  const frase = "Una frase lunga che nessun visore deve interrompere";
  await p.keyboard.type(frase, { delay: 20 });
  assert.equal(await p.locator("#c-oggetto").inputValue(), frase);
  const cornice = p.locator("#anteprima iframe[src^='blob:']");
  await cornice.waitFor();
  await p.waitForFunction(() => document.activeElement.id === "c-oggetto");
  await fotografa(p, "registra-anteprima");
  // The same file twice: said at once, with a link to the one that is there.
  await p.locator("#doppioni a").first().waitFor();
  assert.match(await p.locator("#doppioni").textContent(), /Forse è già registrato/);
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
  // What is reserved is not left in the browser, nor is anything once one signs out.
  const bozze = () => p.evaluate(() => Object.keys(localStorage).filter((k) => k.startsWith("bozza:")).length);
  await p.locator("#c-oggetto").fill("Segnalazione");
  assert.equal(await bozze(), 1);
  await p.locator("#c-riservato").check();
  assert.equal(await bozze(), 0);
  await p.locator("#c-oggetto").fill("Segnalazione riservata");
  assert.equal(await bozze(), 0);
  await p.locator("#c-riservato").uncheck();
  assert.equal(await bozze(), 1);
  await p.locator("#io summary").click();
  await p.getByRole("button", { name: "Esci" }).click();
  await p.waitForURL("**/accedi");
  assert.equal(await bozze(), 0);
});

test("one more recipient keeps the file that was chosen", async () => {
  const p = await pagina(b, d);
  await p.goto(`${d.base}/registra?tipo=uscita`);
  await p.locator("#c-documento").setInputFiles(await file(d, "lettera.txt", "testo"));
  await p.locator("#c-destinatari-0-cognome").fill("Primo");
  await p.getByRole("button", { name: "Aggiungi un destinatario" }).click();
  await p.locator("#c-destinatari-1-cognome").waitFor();
  assert.equal(await p.locator("#c-destinatari-0-cognome").inputValue(), "Primo");
  assert.equal(await p.evaluate(() => document.querySelector("#c-documento").files[0]?.name), "lettera.txt");
  await p.waitForFunction(() => document.activeElement.id.startsWith("c-destinatari-1-"));
  // The new group finds correspondents as the first one does.
  await p.locator("#c-destinatari-1-cerca").fill("comune");
  await p.locator("#c-destinatari-1-cerca-l [role=option]").first().waitFor();
  await accessibile(p, "registra con due destinatari");
  assert.deepEqual(p.lamentele, []);
});

test("single keys can be switched off", async () => {
  const p = await pagina(b, d);
  await p.locator("#io summary").click();
  await p.getByLabel("Spenti").check();
  await p.goto(`${d.base}/registro`);
  await p.keyboard.press("n");
  await p.keyboard.press("?");
  await p.keyboard.press("Control+k");
  await p.locator("dialog[open] input").waitFor();
  assert.ok(p.url().endsWith("/registro"));
  await p.keyboard.type("tasti attivi");
  await p.keyboard.press("Enter");
  await p.waitForFunction(() => document.activeElement === document.body);
  await p.keyboard.press("n");
  await p.waitForURL("**/registra");
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
  await p.evaluate(() => { window.stessaPagina = true; });
  await sezioni.first().locator("form button").first().click();
  await p.waitForFunction((n) => document.querySelectorAll(".conto")[1]?.textContent === String(n), lavoro + 1);
  assert.ok((await conta(0)) <= prima);
  assert.ok(await p.evaluate(() => window.stessaPagina), "in place");
  // Somebody else was quicker: it is said, and nothing is lost from sight.
  const azione = await sezioni.nth(1).locator("form").first().getAttribute("action");
  await p.evaluate(async ([azione, csrf]) => fetch(azione, { method: "POST", body: new URLSearchParams({ csrf }) }), [azione, await p.evaluate(() => document.body.dataset.csrf)]);
  await sezioni.nth(1).locator("form button").first().click();
  await p.locator("#avvisi .alert").waitFor();
  assert.ok(await p.locator("#scrivania h1").isVisible());
});

test("every page is accessible and fits, on a desk and on a phone", async () => {
  const pagine = {
    "": ["scrivania", "registra", "registro", "registro?q=nulladiquesto", "rubrica", "titolario", "fascicoli", "aiuto", "password", "registro-pubblico", "nessuna"],
    responsabile: ["titolario", "registro", "orologio", "annullamenti", "accessi", "sigillo", "copie"],
    amministratore: ["scrivania", "uffici", "utenti", "sigillo", "registro"],
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
  await p.locator("#io summary").click();
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
