// What makes the pages quicker. Everything works without it.
const corpo = document.body;
const base = corpo.dataset.base || "";
const $ = (s, da = document) => da.querySelector(s);
const $$ = (s, da = document) => [...da.querySelectorAll(s)];

// A summary of errors is read first.
$("#sommario")?.focus();

// Copy buttons exist only where they can work.
if (navigator.clipboard) {
  for (const b of $$("[data-copia]")) {
    b.hidden = false;
    b.addEventListener("click", async () => {
      await navigator.clipboard.writeText(b.dataset.copia);
      b.textContent = "Copiato";
    });
  }
}

// Keys: / search, ? help, n new, g then s or r; 1 2 3 choose the direction.
let g = false;
document.addEventListener("keydown", (e) => {
  const form = $("#registra");
  if (e.key === "Enter" && (e.ctrlKey || e.metaKey) && form) {
    e.preventDefault();
    form.requestSubmit($("#premi"));
    return;
  }
  if (e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) && e.target.type !== "radio") return;
  const vai = (p) => { if (base) { e.preventDefault(); location.assign(base + p); } };
  if (g) { g = false; if (e.key === "s") return vai("/scrivania"); if (e.key === "r") return vai("/registro"); }
  if (e.key === "g") g = true;
  else if (e.key === "/") { e.preventDefault(); $("#cerca")?.focus(); }
  else if (e.key === "?") vai("/aiuto");
  else if (e.key === "n") vai("/registra");
  else if (form && /^[123]$/.test(e.key)) {
    const r = $(`[data-tasto="${e.key}"]`, form);
    if (r) { r.checked = true; r.focus(); r.dispatchEvent(new Event("change", { bubbles: true })); }
  }
});

// Suggestions while typing: a list of options under the field (WAI-ARIA combobox).
let quale = 0;
for (const campo of $$("[data-suggerisci]")) {
  const scatola = document.createElement("div");
  scatola.className = "combo";
  campo.before(scatola);
  scatola.append(campo);
  const lista = document.createElement("ul");
  lista.id = `combo-${++quale}`;
  lista.setAttribute("role", "listbox");
  lista.setAttribute("aria-label", "Suggerimenti");
  lista.hidden = true;
  scatola.append(lista);
  for (const [k, v] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": lista.id })) campo.setAttribute(k, v);
  let attesa, ultima = 0, scelta = -1;
  const voci = () => $$('[role="option"]', lista);
  const chiudi = () => { lista.hidden = true; scelta = -1; campo.setAttribute("aria-expanded", "false"); campo.removeAttribute("aria-activedescendant"); };
  const segna = (n) => {
    const tutte = voci();
    if (!tutte.length) return;
    scelta = (n + tutte.length) % tutte.length;
    tutte.forEach((v, i) => { v.id = `${lista.id}-${i}`; v.setAttribute("aria-selected", i === scelta); });
    campo.setAttribute("aria-activedescendant", `${lista.id}-${scelta}`);
    tutte[scelta].scrollIntoView({ block: "nearest" });
  };
  const prendi = (v) => {
    const valori = JSON.parse(v.dataset.valori);
    const prefisso = campo.name.includes(".") ? campo.name.slice(0, campo.name.lastIndexOf(".") + 1) : "";
    for (const [nome, valore] of Object.entries(valori)) {
      const c = campo.form.elements.namedItem(prefisso + nome) || campo.form.elements.namedItem(nome);
      if (c && "value" in c) { c.value = valore; c.dispatchEvent(new Event("change", { bubbles: true })); }
    }
    chiudi();
    const visto = campo.offsetParent ? campo : $$("input", campo.closest("fieldset") || campo.form).find((c) => c.offsetParent);
    visto?.focus();
  };
  campo.addEventListener("input", () => {
    clearTimeout(attesa);
    const q = campo.value.trim();
    if (q.length < 2) return chiudi();
    attesa = setTimeout(async () => {
      const io = ++ultima;
      const r = await fetch(`${base}/suggerimenti/${campo.dataset.suggerisci}?q=${encodeURIComponent(q)}`, { headers: { "HX-Request": "true" } });
      if (!r.ok || io !== ultima || document.activeElement !== campo) return;
      lista.innerHTML = await r.text();
      scelta = -1;
      lista.hidden = !voci().length;
      campo.setAttribute("aria-expanded", String(!lista.hidden));
    }, 150);
  });
  campo.addEventListener("keydown", (e) => {
    if (lista.hidden) return;
    if (e.key === "ArrowDown") { e.preventDefault(); segna(scelta + 1); }
    else if (e.key === "ArrowUp") { e.preventDefault(); segna(scelta - 1); }
    else if (e.key === "Escape") { e.preventDefault(); chiudi(); }
    else if (e.key === "Enter" && !e.ctrlKey && scelta >= 0) { e.preventDefault(); prendi(voci()[scelta]); }
  });
  lista.addEventListener("mousedown", (e) => { const v = e.target.closest('[role="option"]'); if (v) { e.preventDefault(); prendi(v); } });
  campo.addEventListener("blur", chiudi);
}

// The counter of a long text.
for (const t of $$("[data-contatore]")) {
  const c = document.createElement("p");
  c.className = "suggerimento";
  t.after(c);
  const conta = () => { c.textContent = `${t.value.length.toLocaleString("it")} caratteri su ${t.maxLength.toLocaleString("it")}`; };
  t.addEventListener("input", conta);
  conta();
}

// Files: drop them, see their impronta, know whether they are already in the register.
const deposito = $("[data-deposito]");
if (deposito) {
  const [primo, altri] = $$('input[type="file"]', deposito);
  const lista = $(".scelti", deposito);
  const guarda = async () => {
    lista.replaceChildren();
    const impronte = [];
    for (const f of [...primo.files, ...altri.files]) {
      const riga = document.createElement("li");
      riga.textContent = `${f.name} · ${Math.ceil(f.size / 1024).toLocaleString("it")} KB`;
      lista.append(riga);
      if (!crypto.subtle || f.size > 200 * 1024 * 1024) continue;
      const h = [...new Uint8Array(await crypto.subtle.digest("SHA-256", await f.arrayBuffer()))].map((b) => b.toString(16).padStart(2, "0")).join("");
      riga.textContent += ` · impronta ${h.slice(0, 12)}…`;
      impronte.push(h);
    }
    if (impronte.length) {
      const r = await fetch(`${base}/suggerimenti/doppioni?${impronte.slice(0, 20).map((i) => `impronta=${i}`).join("&")}`, { headers: { "HX-Request": "true" } });
      if (r.ok) $("#doppioni").innerHTML = await r.text();
    }
  };
  primo.addEventListener("change", guarda);
  altri.addEventListener("change", guarda);
  for (const n of ["dragenter", "dragover"]) deposito.addEventListener(n, (e) => { e.preventDefault(); deposito.classList.add("sopra"); });
  for (const n of ["dragleave", "drop"]) deposito.addEventListener(n, () => deposito.classList.remove("sopra"));
  deposito.addEventListener("drop", (e) => {
    e.preventDefault();
    const file = [...e.dataTransfer.files];
    const metti = (campo, f) => { const d = new DataTransfer(); f.forEach((x) => d.items.add(x)); campo.files = d.files; };
    if (!primo.files.length) metti(primo, file.splice(0, 1));
    metti(altri, [...altri.files, ...file]);
    guarda();
  });
}

// A draft is kept while typing, for this person in this AOO, until it is registered.
const bozza = $("form[data-bozza]");
const chiaveBozza = `bozza:${base}:${corpo.dataset.chi}`;
if ($(".registrata")) localStorage.removeItem(chiaveBozza);
if (bozza) {
  const campi = () => [...bozza.elements].filter((c) => c.name && !["hidden", "file", "submit", "button"].includes(c.type));
  const salva = () => {
    const v = {};
    for (const c of campi()) if (c.type === "checkbox" || c.type === "radio" ? c.checked : c.value) v[c.name] = c.value;
    try { localStorage.setItem(chiaveBozza, JSON.stringify(v)); } catch { /* full or forbidden: no draft */ }
  };
  let vecchia = null;
  try { vecchia = JSON.parse(localStorage.getItem(chiaveBozza)); } catch { /* unreadable: no draft */ }
  const significativa = vecchia && (vecchia.oggetto || Object.keys(vecchia).some((k) => /(cognome|denominazione)$/.test(k)));
  if (significativa && !$("#sommario") && !$("#c-oggetto").value) {
    for (const c of campi()) {
      if (!(c.name in vecchia)) continue;
      if (c.type === "checkbox" || c.type === "radio") c.checked = c.value === vecchia[c.name];
      else c.value = vecchia[c.name];
    }
    const avviso = document.createElement("p");
    avviso.className = "nota";
    avviso.setAttribute("role", "status");
    avviso.textContent = "Ho ripreso ciò che stavi scrivendo. ";
    const butta = document.createElement("button");
    butta.type = "button";
    butta.className = "leggero";
    butta.textContent = "Ricomincia da capo";
    butta.addEventListener("click", () => { localStorage.removeItem(chiaveBozza); location.reload(); });
    avviso.append(butta);
    bozza.before(avviso);
  }
  bozza.addEventListener("input", salva);
  bozza.addEventListener("change", salva);
  // Sent once: a second press finds the button asleep.
  bozza.addEventListener("submit", (e) => { if (bozza.dataset.inviato) e.preventDefault(); else bozza.dataset.inviato = "si"; });
  addEventListener("pageshow", () => { delete bozza.dataset.inviato; });
}
