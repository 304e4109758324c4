// Proof, in a real browser: annulling with the effect shown first, and the public page that checks receipts by itself.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { accessibile, browser, demo, file, fotografa, pagina, staNellaLarghezza } from "./banco.mjs";

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

/** Registers by API as the operator; gives the registration. */
async function registra(oggetto, contenuto = "testo") {
  const corpo = new FormData();
  const dati = { tipo: "entrata", oggetto, mezzo: "pec", mittente: { tipo: "persona-fisica", cognome: "Rossi", nome: "Maria", codiceFiscale: "RSSMRA80A01H501U" } };
  corpo.append("dati", new Blob([JSON.stringify(dati)], { type: "application/json" }));
  corpo.append("documento", new Blob([contenuto]), "istanza.txt");
  const r = await fetch(`${d.fatti.url}/api/v1/enti/c_z999/aoo/AOO1/registrazioni`, { method: "POST", headers: { authorization: `Bearer ${d.fatti.token}` }, body: corpo });
  assert.equal(r.status, 201, await r.clone().text());
  return r.json();
}

async function ricevuta(r, campi = "") {
  const x = await fetch(`${d.fatti.url}${r.links.ricevuta}${campi}`, { headers: { authorization: `Bearer ${d.fatti.token}` } });
  assert.equal(x.status, 200);
  return x.text();
}

test("an operator asks for an annulment, the RGD sees the effect and decides", async () => {
  const r = await registra("Oggetto scambiato con un altro");
  const qui = `${d.base}/registrazioni/PG/${r.anno}/${r.numero}`;
  const p = await pagina(b, d);
  await p.goto(qui);
  await p.getByRole("link", { name: "Chiedi l'annullamento…" }).click();
  // What is not ticked is not shown; a tick opens its field, filled with what is in force.
  assert.equal(await p.locator("#c-oggetto").isVisible(), false);
  await p.getByLabel("Oggetto", { exact: true }).focus();
  await p.keyboard.press("Space");
  assert.equal(await p.locator("#c-oggetto").inputValue(), "Oggetto scambiato con un altro");
  await p.locator("#c-oggetto").fill("Oggetto giusto");
  await p.getByLabel("Motivo").fill("Oggetto scambiato");
  await accessibile(p, "chiedi l'annullamento");
  await fotografa(p, "annulla");
  await p.getByRole("button", { name: "Continua" }).click();
  await p.getByRole("heading", { name: "Ecco che cosa succederà" }).waitFor();
  await accessibile(p, "anteprima dell'annullamento");
  await p.getByRole("button", { name: "Chiedi l'annullamento" }).click();
  await p.getByRole("heading", { name: "Annullamento richiesto" }).waitFor();
  assert.deepEqual(p.lamentele, []);

  const rgd = await pagina(b, d, { chi: "responsabile" });
  await rgd.getByRole("link", { name: /annullament.* la tua decisione/ }).click();
  await accessibile(rgd, "annullamenti da decidere");
  await rgd.goto(qui);
  await rgd.getByLabel("Numero del provvedimento").fill("Det. 45");
  await rgd.getByLabel("Data del provvedimento").fill("2026-01-10");
  await rgd.getByRole("button", { name: "Autorizza e annulla" }).click();
  const fascia = rgd.locator(".fascia-annullata");
  await fascia.getByText("Annullata in parte: oggetto").waitFor();
  assert.match(await fascia.innerText(), /Oggetto scambiato con un altro[\s\S]*Oggetto giusto/);
  await accessibile(rgd, "annullata in parte");
  await fotografa(rgd, "annullata-in-parte");
  await rgd.getByRole("link", { name: /com'era allora/ }).last().click();
  await rgd.getByText("Stai guardando").waitFor();
  assert.equal(await rgd.locator(".fascia-annullata").count(), 0);
  await accessibile(rgd, "com'era");
  await rgd.goto(`${qui}/confronto`);
  await rgd.locator(".segno.annullata").first().waitFor();
  await accessibile(rgd, "confronto con annullamento");
  await rgd.setViewportSize({ width: 390, height: 844 });
  for (const u of [qui, `${qui}/annulla`, `${d.base}/annullamenti`]) {
    await rgd.goto(u);
    await staNellaLarghezza(rgd, u);
  }
  await fotografa(rgd, "annullamenti-telefono");
  assert.deepEqual(rgd.lamentele, []);
});

test("the public page proves a receipt and its file, offline, and says what is not proven", async () => {
  const r = await registra("Istanza da provare", "contenuto dell'istanza");
  const buona = await ricevuta(r);
  const contesto = await b.newContext({ locale: "it-IT", timezoneId: "Europe/Rome" });
  const p = await contesto.newPage();
  const lamentele = [];
  p.on("pageerror", (e) => lamentele.push(String(e)));
  await p.goto(`${d.fatti.url}/verifica?ente=c_z999&aoo=AOO1`);
  await accessibile(p, "verifica");
  // From here on without network: everything needed is in the page.
  await contesto.setOffline(true);
  const scrivi = async (nome, testo) => {
    const f = path.join(d.cartella, nome);
    await writeFile(f, testo);
    return f;
  };
  const esito = p.locator("#esito");
  await p.setInputFiles("#file", await scrivi("ricevuta.json", buona));
  await esito.getByText("La ricevuta è autentica").waitFor();
  assert.match(await esito.innerText(), new RegExp(`registrazione ${String(r.numero).padStart(7, "0")}`));
  assert.match(await esito.innerText(), /annullamenti compresi/);
  assert.match(await p.locator("#campi").innerText(), /Istanza da provare/);
  await accessibile(p, "verifica riuscita");
  await fotografa(p, "verifica");
  await p.setInputFiles("#file", await file(d, "istanza.txt", "contenuto dell'istanza"));
  await esito.getByText("è quello registrato, byte per byte").waitFor();
  await p.setInputFiles("#file", await file(d, "CANONE NON dovuto.txt", "contenuto dell'istanza"));
  await esito.getByText("«CANONE NON dovuto.txt» è quello registrato").waitFor();
  assert.match(await esito.innerText(), /La ricevuta è autentica/);
  await p.setInputFiles("#file", await file(d, "altro.txt", "contenuto dell'istanza."));
  await esito.getByText("Il documento non è quello registrato").waitFor();

  // Whatever is changed in the receipt, it is no longer one.
  const o = JSON.parse(buona);
  const altera = (f) => {
    const x = structuredClone(o);
    f(x);
    return JSON.stringify(x);
  };
  const dato = (nome, valore) => (x) => {
    const i = x.rivelazioni.findIndex((t) => JSON.parse(Buffer.from(t, "base64url"))[1] === nome);
    const [sale] = JSON.parse(Buffer.from(x.rivelazioni[i], "base64url"));
    x.rivelazioni[i] = Buffer.from(JSON.stringify([sale, nome, valore])).toString("base64url");
  };
  const falsi = {
    oggetto: altera(dato("oggetto", "Istanza altrui")),
    numero: altera(dato("numero", 999)),
    indice: altera((x) => { x.indice += 1; }),
    prova: altera((x) => { x.prova[0] = Buffer.alloc(32, 7).toString("base64"); }),
    checkpoint: altera((x) => { x.checkpoint = x.checkpoint.replace(/\n\d+\n/, (n) => `\n${Number(n) + 1}\n`); }),
    tolto: altera((x) => { x.rivelazioni.pop(); }),
    membro: altera((x) => { x.stato = "vigente"; }),
    ripetuto: buona.replace('"indice"', '"indice": 1, "indice"'),
    decimale: buona.replace(/("indice":\s*\d+)/, "$1.0"),
    imbottita: altera((x) => { x.rivelazioni[0] += "="; }),
    firma: altera((x) => { x.checkpoint = x.checkpoint.replace(/\n$/, " x\n"); }),
    testo: "{ non è JSON protocollo/ricevuta",
  };
  for (const [nome, testo] of Object.entries(falsi)) {
    await p.setInputFiles("#file", await scrivi(`falsa-${nome}.json`, testo));
    await esito.getByText("La ricevuta NON è valida").waitFor();
    await p.setInputFiles("#file", await scrivi("ricevuta.json", buona));
    await esito.getByText("Istanza").or(esito.getByText("È provato")).first().waitFor();
  }
  // Another's key: it holds together, and nobody we trust vouches for it.
  await p.getByText("Chiavi di cui fidarsi").click();
  const byte = Buffer.concat([Buffer.from([1]), Buffer.alloc(32, 9)]);
  const h = createHash("sha256").update("altro.example/x\n").update(byte).digest("hex").slice(0, 8);
  await p.locator("#chiavi").fill(`altro.example/x+${h}+${byte.toString("base64")}`);
  await p.locator("#chiavi").blur();
  await esito.getByText("coerente, ma non autenticata").waitFor();
  assert.deepEqual(lamentele, []);
});

test("the code printed on the receipt finds the registration in the public log", async () => {
  const r = await registra("Istanza col codice");
  await ricevuta(r); // signs a checkpoint that covers it
  const contesto = await b.newContext({ locale: "it-IT" });
  const p = await contesto.newPage();
  const dove = (e) => `${d.fatti.url}/verifica?ente=c_z999&aoo=AOO1#PG/${r.anno}/${r.numero}&i=${r.log.indice}&e=${e}`;
  await p.goto(dove(r.log.entrata));
  await p.getByText("Questa impronta è nel registro").waitFor();
  // A true print beside a false number: the page does not say that the number is proven.
  assert.match(await p.locator("#esito").innerText(), /Non è provato che sia la registrazione/);
  await accessibile(p, "verifica dal codice");
  const altra = `${r.log.entrata.slice(0, -1)}${r.log.entrata.endsWith("0") ? "1" : "0"}`;
  await p.goto("about:blank");
  await p.goto(dove(altra));
  await p.getByText("Non è stato possibile provarlo").waitFor();
});

test("the RGD tries to restore last night's copy with one button, and finds the report", async () => {
  await d.copia();
  const p = await pagina(b, d, { chi: "responsabile" });
  await p.getByRole("link", { name: "Copie", exact: true }).click();
  await p.getByRole("heading", { level: 1, name: "Copie e prove di ripristino" }).waitFor();
  await accessibile(p, "copie");
  await fotografa(p, "copie");
  await p.getByRole("button", { name: "Prova ora" }).press("Enter");
  await p.waitForURL("**/copie#prove");
  // It goes on by itself, whoever looks, and tells when it is over.
  await p.reload();
  const riuscita = p.locator("#prove tbody tr").filter({ hasText: "Riuscita" });
  await riuscita.waitFor({ timeout: 60_000 });
  await p.getByRole("button", { name: "Prova ora" }).waitFor();
  await accessibile(p, "copie con una prova");
  await staNellaLarghezza(p, "copie con una prova");
  await fotografa(p, "copie-provata");
  const [rapporto] = await Promise.all([p.waitForEvent("download"), riuscita.getByRole("link", { name: /^JSON/ }).click()]);
  const scritto = JSON.parse(await readFile(await rapporto.path(), "utf8"));
  assert.equal(scritto.riuscita, true);
  assert.ok(scritto.verifica.registrazioni >= 60);
  const pdf = await p.request.get(new URL(await riuscita.getByRole("link", { name: /^PDF/ }).getAttribute("href"), p.url()).href);
  assert.equal((await pdf.body()).subarray(0, 5).toString(), "%PDF-");
  await p.setViewportSize({ width: 390, height: 844 });
  await accessibile(p, "copie (phone)");
  await staNellaLarghezza(p, "copie (phone)");
  await fotografa(p, "copie-provata-telefono");
  await p.emulateMedia({ colorScheme: "dark" });
  await fotografa(p, "copie-provata-telefono-scuro");
  assert.deepEqual(p.lamentele, []);
  await p.context().close();
});
