// The public page that checks a receipt and a file in the browser: WebCrypto, no server of ours, no WebAssembly.
// What is checked is written in docs/registro-operazioni.md; the same in sixty lines of Python is docs/verifica/ricevuta.py.
const $ = (id) => document.getElementById(id)
const testo = new TextEncoder()
const sha = async (...pezzi) => new Uint8Array(await crypto.subtle.digest('SHA-256', unisci(pezzi)))
const esadecimale = (b) => [...b].map((x) => x.toString(16).padStart(2, '0')).join('')
const daEsadecimale = (t) => Uint8Array.from(t.match(/../g) ?? [], (x) => parseInt(x, 16))
const uguali = (a, b) => a.length === b.length && a.every((x, i) => x === b[i])
const esigi = (vero, motivo) => {
  if (!vero) throw new Error(motivo)
}

function unisci(pezzi) {
  const out = new Uint8Array(pezzi.reduce((n, p) => n + p.length, 0))
  let da = 0
  for (const p of pezzi) {
    out.set(p, da)
    da += p.length
  }
  return out
}

/** Base64, standard or for addresses; a second spelling of the same bytes is refused. */
function b64(t, indirizzi = false) {
  const norma = indirizzi ? t.replaceAll('-', '+').replaceAll('_', '/') + '='.repeat((4 - (t.length % 4)) % 4) : t
  let byte
  try {
    byte = Uint8Array.from(atob(norma), (c) => c.charCodeAt(0))
  } catch {
    throw new Error('base64 non valido')
  }
  esigi(btoa(String.fromCharCode(...byte)) === norma, 'base64 non canonico')
  return byte
}

/** A C2SP public key: name, short hash, key. */
async function chiave(riga) {
  const m = /^([^\s+]+)\+([0-9a-f]{8})\+(.+)$/.exec(riga.trim())
  esigi(m, 'chiave pubblica non riconosciuta')
  const byte = b64(m[3])
  esigi(byte.length === 33 && byte[0] === 1, 'chiave di un tipo non previsto')
  const id = (await sha(testo.encode(m[1]), testo.encode('\n'), byte)).slice(0, 4)
  esigi(esadecimale(id) === m[2], 'chiave pubblica alterata')
  return { nome: m[1], id, byte: byte.slice(1), riga: riga.trim() }
}

/** A signed checkpoint: what it says, and which of our keys signed it. */
async function checkpoint(nota, chiavi) {
  const fine = nota.lastIndexOf('\n\n')
  esigi(fine > 0 && nota.endsWith('\n'), 'checkpoint malformato')
  const corpo = nota.slice(0, fine + 1)
  const [origine, dimensione, radice] = corpo.split('\n')
  esigi(/^(0|[1-9][0-9]*)$/.test(dimensione), 'checkpoint malformato')
  const firme = []
  for (const riga of nota.slice(fine + 2, -1).split('\n')) {
    const [segno, nome, firma] = riga.split(' ')
    esigi(segno === '—' && firma, 'firma malformata')
    const byte = b64(firma)
    for (const k of chiavi.filter((k) => k.nome === nome && nome === origine && uguali(byte.slice(0, 4), k.id))) {
      const pubblica = await crypto.subtle.importKey('raw', k.byte, { name: 'Ed25519' }, false, ['verify'])
      esigi(await crypto.subtle.verify('Ed25519', pubblica, byte.slice(4), testo.encode(corpo)), 'la firma del registro non è valida')
      firme.push(k)
    }
  }
  return { origine, dimensione: Number(dimensione), radice: b64(radice), firme }
}

const foglia = (voce) => sha(Uint8Array.of(0), voce)
const nodo = (a, b) => sha(Uint8Array.of(1), a, b)

/** RFC 9162, 2.1.3.2. */
async function inclusa(foglia, indice, dimensione, prova, radice) {
  let [n, ultimo, r] = [indice, dimensione - 1, foglia]
  for (const passo of prova) {
    esigi(ultimo > 0, 'prova troppo lunga')
    if (n % 2 === 1 || n === ultimo) {
      r = await nodo(passo, r)
      while (n % 2 === 0 && n > 0) {
        n = Math.floor(n / 2)
        ultimo = Math.floor(ultimo / 2)
      }
    } else {
      r = await nodo(r, passo)
    }
    n = Math.floor(n / 2)
    ultimo = Math.floor(ultimo / 2)
  }
  esigi(ultimo === 0 && uguali(r, radice), 'la prova non porta alla radice firmata')
}

/** Everything a receipt says, recomputed. Throws with the reason when it does not hold. */
export async function esamina(json, righeChiavi) {
  let r
  try {
    r = JSON.parse(json)
  } catch {
    throw new Error('non è il file di una ricevuta (JSON)')
  }
  esigi(r && r.versione === 'protocollo/ricevuta/v1', 'non è una ricevuta di Protocollo, o è di una versione che questa pagina non conosce')
  esigi(Array.isArray(r.rivelazioni) && Array.isArray(r.impronte) && Array.isArray(r.prova), 'ricevuta malformata')
  const campi = new Map()
  const impronte = []
  for (const t of r.rivelazioni) {
    const [, nome, valore] = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(b64(t, true)))
    esigi(typeof nome === 'string' && !campi.has(nome), 'un dato compare due volte')
    campi.set(nome, valore)
    impronte.push(await sha(testo.encode(t)))
  }
  for (const t of r.impronte) impronte.push(b64(t, true))
  impronte.sort((a, b) => {
    for (let i = 0; i < 32; i++) if (a[i] !== b[i]) return a[i] - b[i]
    return 0
  })
  esigi(impronte.length > 0 && impronte.every((x, i) => x.length === 32 && (i === 0 || !uguali(x, impronte[i - 1]))), 'impronte errate')
  const voce = await sha(testo.encode('protocollo/op/v1\n'), ...impronte)
  const chiavi = []
  for (const riga of righeChiavi) chiavi.push(await chiave(riga))
  const cp = await checkpoint(r.checkpoint, chiavi)
  esigi(cp.origine === r.origine, 'il checkpoint è di un altro registro')
  esigi(Number.isSafeInteger(r.indice) && r.indice >= 0 && r.indice < cp.dimensione, 'indice errato')
  esigi(!campi.has('indice') || campi.get('indice') === r.indice, 'indice errato')
  await inclusa(await foglia(voce), r.indice, cp.dimensione, r.prova.map((p) => b64(p)), cp.radice)
  return { campi, indice: r.indice, voce, nascosti: r.impronte.length, cp }
}

/** Path of a tile (C2SP tlog-tiles). */
function percorso(livello, n, larghezza) {
  let t = String(n % 1000).padStart(3, '0')
  for (let x = Math.floor(n / 1000); x > 0; x = Math.floor(x / 1000)) t = `x${String(x % 1000).padStart(3, '0')}/${t}`
  return `tile/${livello}/${t}${larghezza < 256 ? `.p/${larghezza}` : ''}`
}

async function radiceDi(nodi) {
  if (nodi.length === 1) return nodi[0]
  let k = 1
  while (k * 2 < nodi.length) k *= 2
  return nodo(await radiceDi(nodi.slice(0, k)), await radiceDi(nodi.slice(k)))
}

/** An entry looked up in the public log: its leaf in the tile, the tile in the one above, up to the signed root. */
export async function cerca(base, indice, voce, righeChiavi) {
  const chiavi = []
  for (const riga of righeChiavi) chiavi.push(await chiave(riga))
  const chiedi = async (resto) => {
    const r = await fetch(`${base}/log/${resto}`)
    esigi(r.ok, 'il registro pubblico non risponde: riprova più tardi')
    return r
  }
  const cp = await checkpoint(await (await chiedi('checkpoint')).text(), chiavi)
  esigi(cp.firme.length > 0, 'il registro pubblico non è firmato dalla sua chiave')
  esigi(indice < cp.dimensione, 'questa operazione non è ancora in un checkpoint firmato: riprova tra un minuto')
  const tessera = async (livello, n) => {
    const piene = Math.floor(cp.dimensione / 256 ** livello)
    const larghezza = Math.min(256, piene - n * 256)
    const byte = new Uint8Array(await (await chiedi(percorso(livello, n, larghezza))).arrayBuffer())
    esigi(byte.length === larghezza * 32, 'tessera di lunghezza errata')
    return Array.from({ length: larghezza }, (_, i) => byte.slice(i * 32, i * 32 + 32))
  }
  // From the leaf up: each full tile must be the hash that the tile above has in its place.
  let [n, atteso] = [indice, await foglia(voce)]
  let livello = 0
  for (;;) {
    const nodi = await tessera(livello, Math.floor(n / 256))
    esigi(uguali(nodi[n % 256], atteso), 'in quel posto del registro c’è un’altra operazione')
    if (nodi.length < 256) break
    atteso = await radiceDi(nodi)
    n = Math.floor(n / 256)
    livello += 1
    if (Math.floor(cp.dimensione / 256 ** livello) <= n) break
  }
  // The right edge, from the lowest partial tile up, gives the signed root.
  let resto = null
  for (let l = 0; 256 ** l <= cp.dimensione; l++) {
    const piene = Math.floor(cp.dimensione / 256 ** l)
    if (piene % 256 === 0) continue
    const nodi = await tessera(l, Math.floor(piene / 256))
    resto = await radiceDi(resto ? [...nodi, resto] : nodi)
  }
  esigi(resto && uguali(resto, cp.radice), 'le tessere del registro non danno la radice firmata')
  return cp
}

const NOMI = {
  numero: 'Numero', anno: 'Anno', registro: 'Registro', istante: 'Registrata il', tipo: 'Tipo', oggetto: 'Oggetto',
  operazione: 'Che cosa', ente: 'Ente', aoo: 'AOO', mezzo: 'Mezzo', 'operatore.nome': 'Operatore', classificazione: 'Classificazione',
}

const PRIMI = ['numero', 'anno', 'registro', 'istante', 'operazione', 'tipo', 'oggetto', 'operatore.nome']

function riga(elenco, nome, valore) {
  const d = document.createElement('div')
  const [dt, dd] = [document.createElement('dt'), document.createElement('dd')]
  dt.textContent = nome
  dd.textContent = valore
  d.append(dt, dd)
  elenco.append(d)
}

function esito(genere, titolo, righe) {
  const e = $('esito')
  e.className = `esito-verifica ${genere}`
  e.replaceChildren()
  const h = document.createElement('h2')
  h.textContent = titolo
  e.append(h)
  for (const t of righe) {
    const p = document.createElement('p')
    p.textContent = t
    e.append(p)
  }
  e.hidden = false
  e.focus()
}

const quando = (t) => {
  const d = new Date(t)
  return Number.isNaN(d.getTime()) ? String(t) : d.toLocaleString('it-IT', { timeZone: 'Europe/Rome', dateStyle: 'long', timeStyle: 'medium' })
}

const righeDi = (t) => t.split('\n').map((x) => x.trim()).filter(Boolean)
let ricevuta = null
let documento = null

/** The keys we trust: those typed, else those the page was loaded with. */
function fidate() {
  const scritte = righeDi($('chiavi').value)
  return scritte.length > 0 ? scritte : righeDi($('chiavi').dataset.note ?? '')
}

async function mostra() {
  $('dettagli').hidden = true
  if (!ricevuta) {
    if (documento) esito('attesa', `Impronta di «${documento.nome}»`, [documento.impronta, 'Scegli anche la ricevuta per sapere se il documento è quello registrato.'])
    return
  }
  let x
  try {
    x = await esamina(ricevuta, fidate())
  } catch (e) {
    const ed25519 = e.name === 'NotSupportedError'
    esito('no', ed25519 ? 'Questo browser non sa controllare la firma' : 'La ricevuta NON è valida', [
      ed25519 ? 'Serve un browser aggiornato (Chrome o Edge 137, Firefox 129, Safari 17).' : `${e.message}.`,
      'Non fidarti di ciò che c’è scritto nella ricevuta.',
    ])
    return
  }
  const c = (nome) => x.campi.get(nome)
  const che = c('numero') ? `la registrazione ${String(c('numero')).padStart(7, '0')} del ${c('anno')} (registro ${c('registro')})` : `l’operazione ${x.indice}`
  const righe = []
  const autentica = x.cp.firme.length > 0
  righe.push(autentica
    ? `È provato: ${che} sta al posto ${x.indice} del registro delle operazioni ${x.cp.origine}, firmato con la sua chiave, e i dati qui sotto sono proprio quelli.`
    : `La ricevuta è coerente, ma non autenticata: questa pagina non ha una chiave di cui fidarsi per ${x.cp.origine}. Scrivila sotto, in «Chiavi».`)
  let doc = ''
  if (documento) {
    const trovato = [...x.campi].find(([k, v]) => /^documenti\.\d+\.impronta$/.test(k) && v === documento.impronta)
    const rivelate = [...x.campi.keys()].some((k) => /^documenti\.\d+\.impronta$/.test(k))
    doc = trovato
      ? `Il file «${documento.nome}» è quello registrato, byte per byte.`
      : rivelate ? `Il file «${documento.nome}» NON è quello registrato: l’impronta è diversa.` : 'La ricevuta non dice quali file furono registrati: del file non si può dire nulla.'
    righe.push(doc)
  } else {
    righe.push('Non è stato controllato alcun documento: scegli anche il file per sapere se è quello registrato.')
  }
  righe.push(x.nascosti > 0 ? `Non è mostrato: altri ${x.nascosti} dati, che chi ha dato la ricevuta non ha voluto rivelare. Ciò che è successo dopo (annullamenti compresi) non risulta da questa ricevuta.` : 'Ciò che è successo dopo (annullamenti compresi) non risulta da questa ricevuta.')
  const falso = doc.includes('NON')
  esito(falso ? 'no' : autentica ? 'si' : 'forse', falso ? 'Il documento non è quello registrato' : autentica ? 'La ricevuta è autentica' : 'Coerente, non autenticata', righe)
  const elenco = $('campi')
  elenco.replaceChildren()
  const tecnici = $('tecnici')
  tecnici.replaceChildren()
  const nome = (k) => NOMI[k] ?? k.replace(/\.(\d+)\./g, (_, n) => ` ${Number(n) + 1}, `).replaceAll('.', ', ').replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase().replace(/^./, (c) => c.toUpperCase())
  // What people look for first, in this order; people and files next; the rest among the details.
  const ordine = (k) => { const i = PRIMI.indexOf(k); return i >= 0 ? i : PRIMI.length }
  const tutti = [...x.campi].sort((a, b) => ordine(a[0]) - ordine(b[0]))
  for (const [k, v] of tutti) {
    const davanti = PRIMI.includes(k) || /^(mittente|altriMittenti|destinatari)\.|^documenti\.\d+\.(nome|impronta)$|^provvedimento\.|^motivo$/.test(k)
    riga(davanti ? elenco : tecnici, nome(k), k === 'istante' ? quando(v) : String(v))
  }
  riga(tecnici, 'Entrata', esadecimale(x.voce))
  riga(tecnici, 'Operazioni nel registro al momento della firma', String(x.cp.dimensione))
  riga(tecnici, 'Radice firmata', esadecimale(x.cp.radice))
  for (const k of x.cp.firme) riga(tecnici, 'Chiave che ha firmato', k.riga)
  $('dettagli').hidden = false
}

async function prendi(file) {
  for (const f of file) {
    const byte = new Uint8Array(await f.arrayBuffer())
    const inizio = new TextDecoder().decode(byte.slice(0, 4096))
    if (inizio.trimStart().startsWith('{') && (inizio.includes('"rivelazioni"') || inizio.includes('protocollo/ricevuta'))) {
      ricevuta = new TextDecoder().decode(byte)
    } else {
      documento = { nome: f.name, impronta: esadecimale(await sha(byte)) }
    }
  }
  await mostra()
}

/** The address of a QR code: `#PG/2026/12&i=633&e=…`. */
async function daIndirizzo() {
  const [quale, ...resto] = decodeURIComponent(location.hash.slice(1)).split('&')
  const p = new URLSearchParams(resto.join('&'))
  const base = $('verifica').dataset.base
  if (!quale || !base || !/^[0-9a-f]{64}$/.test(p.get('e') ?? '') || !/^\d{1,15}$/.test(p.get('i') ?? '')) return
  esito('attesa', `Cerco ${quale} nel registro pubblico…`, [])
  try {
    const cp = await cerca(base, Number(p.get('i')), daEsadecimale(p.get('e')), righeDi($('chiavi').dataset.note ?? ''))
    esito('si', 'La registrazione è nel registro', [
      `È provato: al posto ${p.get('i')} del registro delle operazioni ${cp.origine}, firmato con la sua chiave, c’è proprio l’operazione stampata su questa ricevuta (${quale}).`,
      'Non è provato che i dati stampati siano quelli: il registro pubblico contiene solo impronte. Per questo serve il file della ricevuta: trascinalo qui.',
    ])
  } catch (e) {
    esito('no', 'Non è stato possibile provarlo', [`${e.message}.`])
  }
}

if ($('verifica')) {
  const zona = $('verifica')
  $('file').addEventListener('change', (e) => prendi(e.target.files))
  $('chiavi').addEventListener('change', mostra)
  zona.addEventListener('dragover', (e) => e.preventDefault())
  zona.addEventListener('drop', (e) => {
    e.preventDefault()
    prendi(e.dataTransfer.files)
  })
  daIndirizzo()
}
