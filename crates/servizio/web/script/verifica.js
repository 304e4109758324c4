// The public page that checks a receipt and a file in the browser: WebCrypto, no server of ours, no WebAssembly.
// What is checked is written in docs/registro-operazioni.md; the same in sixty lines of Python is docs/verifica/ricevuta.py.
const $ = (id) => document.getElementById(id)
const testo = new TextEncoder()
const sha = async (...pezzi) => new Uint8Array(await crypto.subtle.digest('SHA-256', unisci(pezzi)))
const esadecimale = (b) => [...b].map((x) => x.toString(16).padStart(2, '0')).join('')
const daEsadecimale = (t) => Uint8Array.from(t.match(/../g) ?? [], (x) => parseInt(x, 16))
const uguali = (a, b) => a.length === b.length && a.every((x, i) => x === b[i])
/** What does not hold, in words for who reads; anything else that goes wrong is ours, or the browser's. */
class NonVale extends Error {}
const esigi = (vero, motivo) => {
  if (!vero) throw new NonVale(motivo)
}
const testuale = (t, che) => {
  esigi(typeof t === 'string', `${che}: non è un testo`)
  return t
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
  esigi(typeof t === 'string' && (indirizzi ? /^[A-Za-z0-9_-]*$/ : /^[A-Za-z0-9+/]*={0,2}$/).test(t), 'base64 non valido')
  const norma = indirizzi ? t.replaceAll('-', '+').replaceAll('_', '/') + '='.repeat((4 - (t.length % 4)) % 4) : t
  let byte
  try {
    byte = Uint8Array.from(atob(norma), (c) => c.charCodeAt(0))
  } catch {
    throw new NonVale('base64 non valido')
  }
  let binario = ''
  for (let i = 0; i < byte.length; i += 8192) binario += String.fromCharCode(...byte.subarray(i, i + 8192))
  esigi(btoa(binario) === norma, 'base64 non canonico')
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
  esigi(testuale(nota, 'checkpoint').length <= 65536 && !/[\u0000-\u0009\u000b-\u001f]/.test(nota), 'checkpoint malformato')
  const fine = nota.lastIndexOf('\n\n')
  esigi(fine > 0 && nota.endsWith('\n'), 'checkpoint malformato')
  const corpo = nota.slice(0, fine + 1)
  const [origine, dimensione, radice] = corpo.split('\n')
  esigi(/^(0|[1-9][0-9]*)$/.test(dimensione) && Number.isSafeInteger(Number(dimensione)), 'checkpoint malformato')
  const firme = []
  const righe = nota.slice(fine + 2, -1).split('\n')
  esigi(righe.length <= 100, 'troppe firme')
  for (const riga of righe) {
    const parti = riga.split(' ')
    const [segno, nome, firma] = parti
    esigi(parti.length === 3 && segno === '—' && nome, 'firma malformata')
    const byte = b64(firma)
    for (const k of chiavi.filter((k) => k.nome === nome && uguali(byte.slice(0, 4), k.id))) {
      const pubblica = await crypto.subtle.importKey('raw', k.byte, { name: 'Ed25519' }, false, ['verify'])
      esigi(await crypto.subtle.verify('Ed25519', pubblica, byte.slice(4), testo.encode(corpo)), 'la firma del registro non è valida')
      // The key of one register never vouches for another.
      if (nome === origine) firme.push(k)
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

const MEMBRI = ['versione', 'origine', 'indice', 'rivelazioni', 'impronte', 'prova', 'checkpoint', 'chiave']
const scalare = (v) => typeof v === 'string' || typeof v === 'boolean' || (Number.isSafeInteger(v) && !Object.is(v, -0))

/** Each name once at the top: what a parser keeps of two is not what another keeps. Values hold no quoted names. */
function nomiUnici(json, nomi) {
  return nomi.every((n) => json.split(`"${n}"`).filter((dopo, i) => i > 0 && /^\s*:/.test(dopo)).length === 1)
}

/** Keys as written, one a line. */
async function leggiChiavi(righe) {
  const out = []
  for (const r of righe) out.push(await chiave(r))
  return out
}

/** Everything a receipt says, recomputed. Throws with the reason when it does not hold. */
export async function esamina(json, chiavi) {
  esigi(json.length <= 16 * 1024 * 1024, 'la ricevuta è troppo grande')
  let r
  try {
    r = JSON.parse(json)
  } catch {
    throw new NonVale('non è il file di una ricevuta (JSON)')
  }
  esigi(r && typeof r === 'object' && !Array.isArray(r) && r.versione === 'protocollo/ricevuta/v1', 'non è una ricevuta di Protocollo, o è di una versione che questa pagina non conosce')
  esigi(Object.keys(r).every((k) => MEMBRI.includes(k)) && nomiUnici(json, Object.keys(r)), 'ricevuta con membri ripetuti o sconosciuti')
  // A number before it becomes a pattern: whatever else stands there is not one.
  esigi(Number.isSafeInteger(r.indice) && new RegExp(`"indice"\\s*:\\s*${r.indice}\\s*[,}]`).test(json), 'indice errato')
  esigi(Array.isArray(r.rivelazioni) && Array.isArray(r.impronte) && Array.isArray(r.prova), 'ricevuta malformata')
  const campi = new Map()
  const impronte = []
  for (const t of r.rivelazioni) {
    let terna
    let scritta
    try {
      scritta = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(b64(t, true))
      terna = JSON.parse(scritta)
    } catch {
      throw new NonVale('un dato non si legge')
    }
    esigi(Array.isArray(terna) && terna.length === 3 && typeof terna[0] === 'string' && scalare(terna[2]), 'un dato non si legge')
    // Written in the one canonical way: nothing is shown that was not what was digested.
    esigi(JSON.stringify(terna) === scritta, 'un dato non è scritto in forma canonica')
    const [, nome, valore] = terna
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
  esigi(r.prova.length <= 64, 'prova troppo lunga')
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
  const chiavi = await leggiChiavi(righeChiavi)
  const chiedi = async (resto) => {
    const r = await fetch(`${base}/log/${resto}`)
    esigi(r.ok, 'il registro pubblico non risponde: riprova più tardi')
    return r
  }
  const cp = await checkpoint(await (await chiedi('checkpoint')).text(), chiavi)
  esigi(cp.firme.length > 0, 'il registro pubblico non è firmato dalla sua chiave')
  esigi(indice < cp.dimensione, 'questa operazione non è ancora in un checkpoint firmato: riprova tra un minuto')
  // Each tile is asked for once: what is compared with the leaf is what gives the root.
  const prese = new Map()
  const tessera = (livello, n) => {
    const k = `${livello}/${n}`
    if (!prese.has(k)) prese.set(k, scarica(livello, n))
    return prese.get(k)
  }
  const scarica = async (livello, n) => {
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
let documenti = []

/** The keys we trust: those typed, else those the page was loaded with. */
function fidate() {
  const scritte = righeDi($('chiavi').value)
  return scritte.length > 0 ? scritte : righeDi($('chiavi').dataset.note ?? '')
}

let giro = 0

async function mostra() {
  giro += 1
  const mio = giro
  $('dettagli').hidden = true
  if (!ricevuta) {
    if (documenti.length > 0) esito('attesa', 'Impronte dei documenti', [...documenti.map((d) => `${d.nome}: ${d.impronta}`), 'Scegli anche la ricevuta per sapere se sono quelli registrati.'])
    return
  }
  let chiavi
  try {
    chiavi = await leggiChiavi(fidate())
  } catch {
    if (mio === giro) esito('forse', 'La chiave scritta non si legge', ['Una riga di «Chiavi di cui fidarsi» non è una chiave pubblica di registro: la ricevuta non è stata controllata.'])
    return
  }
  let x
  try {
    x = await esamina(ricevuta, chiavi)
  } catch (e) {
    if (mio !== giro) return
    if (e instanceof NonVale) {
      esito('no', 'La ricevuta NON è valida', [`${e.message}.`, 'Non fidarti di ciò che c’è scritto nella ricevuta.'])
    } else {
      esito('forse', 'Non è stato possibile controllare', ['Questo browser non sa controllare la firma: ne serve uno aggiornato (Chrome o Edge 137, Firefox 129, Safari 17).'])
    }
    return
  }
  if (mio !== giro) return
  const c = (nome) => x.campi.get(nome)
  const intera = c('operazione') === 'registrazione' && c('numero') && c('anno') && c('registro')
  const che = intera ? `la registrazione ${String(c('numero')).padStart(7, '0')} del ${c('anno')} (registro ${c('registro')})` : c('operazione') ? `un’operazione di tipo «${c('operazione')}»` : `l’operazione ${x.indice}`
  const righe = []
  const autentica = x.cp.firme.length > 0
  righe.push(autentica
    ? `È provato: ${che} sta al posto ${x.indice} del registro delle operazioni ${x.cp.origine}, firmato con la sua chiave, e i dati qui sotto sono proprio quelli.`
    : `La ricevuta è coerente, ma non autenticata: questa pagina non ha una chiave di cui fidarsi per ${x.cp.origine}. Scrivila sotto, in «Chiavi».`)
  const rivelate = [...x.campi].filter(([k]) => /^documenti\.\d+\.impronta$/.test(k)).map(([, v]) => v)
  let falso = false
  let dubbio = false
  for (const d of documenti) {
    if (rivelate.includes(d.impronta)) {
      righe.push(autentica ? `Il file «${d.nome}» è quello registrato, byte per byte.` : `Il file «${d.nome}» ha l’impronta scritta nella ricevuta, che però non è autenticata.`)
    } else if (x.nascosti > 0) {
      dubbio = true
      righe.push(`Il file «${d.nome}» non è tra quelli che la ricevuta mostra; ma altri potrebbero non essere mostrati.`)
    } else {
      falso = true
      righe.push(`Il file «${d.nome}» non è quello registrato: l’impronta è diversa.`)
    }
  }
  if (documenti.length === 0) righe.push('Non è stato controllato alcun documento: scegli anche il file per sapere se è quello registrato.')
  righe.push(x.nascosti > 0 ? `Non è mostrato: altri ${x.nascosti} dati, che chi ha dato la ricevuta non ha voluto rivelare. Ciò che è successo dopo (annullamenti compresi) non risulta da questa ricevuta.` : 'Ciò che è successo dopo (annullamenti compresi) non risulta da questa ricevuta.')
  esito(falso ? 'no' : autentica && !dubbio ? 'si' : 'forse', falso ? 'Il documento non è quello registrato' : autentica ? 'La ricevuta è autentica' : 'Coerente, non autenticata', righe)
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
  const nuovi = []
  for (const f of file) {
    const byte = new Uint8Array(await f.arrayBuffer())
    const inizio = new TextDecoder().decode(byte.slice(0, 4096))
    if (inizio.trimStart().startsWith('{') && (inizio.includes('"rivelazioni"') || inizio.includes('protocollo/ricevuta'))) {
      ricevuta = new TextDecoder().decode(byte)
    } else {
      nuovi.push({ nome: f.name, impronta: esadecimale(await sha(byte)) })
    }
  }
  if (nuovi.length > 0) documenti = nuovi
  await mostra()
}

/** The address of a QR code: `#PG/2026/12&i=633&e=…`. */
async function daIndirizzo() {
  let scritto = ''
  try {
    scritto = decodeURIComponent(location.hash.slice(1))
  } catch {
    return
  }
  const [quale, ...resto] = scritto.split('&')
  const p = new URLSearchParams(resto.join('&'))
  const base = $('verifica').dataset.base
  if (!quale || !base || !/^[0-9a-f]{64}$/.test(p.get('e') ?? '') || !/^\d{1,15}$/.test(p.get('i') ?? '')) return
  giro += 1
  const mio = giro
  esito('attesa', 'Cerco l’impronta nel registro pubblico…', [])
  try {
    const cp = await cerca(base, Number(p.get('i')), daEsadecimale(p.get('e')), righeDi($('chiavi').dataset.note ?? ''))
    if (mio !== giro) return
    // Entries are public: whoever prints a code can print a true one beside false data.
    esito('forse', 'Questa impronta è nel registro', [
      `È provato solo questo: al posto ${p.get('i')} del registro delle operazioni ${cp.origine}, firmato con la sua chiave, c’è un’operazione con l’impronta stampata.`,
      `Non è provato che sia la registrazione «${quale}», né che i dati stampati siano i suoi: il registro pubblico contiene solo impronte. Per questo serve il file della ricevuta: chiedilo a chi te l’ha data e trascinalo qui.`,
    ])
  } catch (e) {
    if (mio === giro) esito('no', 'Non è stato possibile provarlo', [e instanceof NonVale ? `${e.message}.` : 'Il registro pubblico non risponde, o questo browser non sa controllare la firma.'])
  }
}

if ($('verifica') && !globalThis.crypto?.subtle) {
  esito('forse', 'Qui il controllo non può avvenire', ['Il browser controlla firme e impronte solo in una pagina aperta con https.'])
} else if ($('verifica')) {
  addEventListener('hashchange', daIndirizzo)
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
