// Files of "Registra": drop them, see their impronta and the document, know whether they are already in the register.
import htmx from 'htmx.org'
import { $, $$, base, crea, icona } from './comune.js'

/** Larger files are hashed by the server only. */
const IMPRONTA_MAX = 200 * 1024 * 1024
/** Impronte of one question. */
const DOMANDA_MAX = 20
/** Longer ones are no segnatura. */
const SEGNATURA_MAX = 512 * 1024
/** A viewer of PDFs is opened after so long without keys: it takes the focus for an instant. */
const PAUSA_MS = 700

const peso = (n) => (n < 1024 ? `${n} byte` : n < 1 << 20 ? `${Math.ceil(n / 1024).toLocaleString('it')} KB` : `${(n / (1 << 20)).toLocaleString('it', { maximumFractionDigits: 1 })} MB`)

async function impronta(f) {
  const h = await crypto.subtle.digest('SHA-256', await f.arrayBuffer())
  return [...new Uint8Array(h)].map((b) => b.toString(16).padStart(2, '0')).join('')
}

export function documenti() {
  const deposito = $('[data-deposito]')
  if (!deposito) return
  const [primo, altri] = $$('input[type="file"]', deposito)
  const lista = $('.scelti', deposito)
  let giro = 0

  const guarda = async () => {
    const io = ++giro
    const file = [...primo.files, ...altri.files]
    const righe = file.map((f) => {
      const quale = crea('span', { class: 'piccolo' }, `${peso(f.size)}${primo.files[0] === f ? ' · documento' : ' · allegato'}`)
      return { f, quale, li: crea('li', {}, icona(f.type.startsWith('image/') ? 'it-file-image' : f.type === 'application/pdf' ? 'it-file-pdf' : 'it-file'), crea('div', {}, crea('strong', {}, f.name), quale)) }
    })
    lista.replaceChildren(...righe.map((r) => r.li))
    anteprima(file[0])
    dallaSegnatura(file, () => io === giro)
    const impronte = []
    for (const { f, quale } of righe) {
      if (!crypto.subtle || f.size > IMPRONTA_MAX) continue
      const h = await impronta(f)
      if (io !== giro) return
      quale.append(' · impronta ', crea('code', { title: h }, `${h.slice(0, 12)}…`))
      impronte.push(h)
    }
    if (impronte.length) htmx.ajax('GET', `${base}/suggerimenti/doppioni?${impronte.slice(0, DOMANDA_MAX).map((i) => `impronta=${i}`).join('&')}`, { target: '#doppioni', swap: 'innerHTML' })
    else $('#doppioni').replaceChildren()
  }
  primo.addEventListener('change', guarda)
  altri.addEventListener('change', guarda)
  for (const n of ['dragenter', 'dragover']) {
    deposito.addEventListener(n, (e) => {
      e.preventDefault()
      deposito.classList.add('sopra')
    })
  }
  for (const n of ['dragleave', 'drop']) deposito.addEventListener(n, () => deposito.classList.remove('sopra'))
  deposito.addEventListener('drop', (e) => {
    e.preventDefault()
    const file = [...e.dataTransfer.files]
    const metti = (campo, f) => {
      const d = new DataTransfer()
      for (const x of f) d.items.add(x)
      campo.files = d.files
    }
    if (!primo.files.length) metti(primo, file.splice(0, 1))
    metti(altri, [...altri.files, ...file])
    guarda()
  })
}

/** The segnatura among the files fills in what is still blank; who registers looks at it. */
async function dallaSegnatura(file, ancora) {
  const detto = $('#dalla-segnatura')
  if (!$('#tipo-entrata')?.checked) return
  for (const f of file) {
    if (!/\.xml$/i.test(f.name) || f.size > SEGNATURA_MAX) continue
    const r = await fetch(`${base}/suggerimenti/segnatura`, { method: 'POST', body: f, headers: { 'x-csrf-token': document.body.dataset.csrf } }).catch(() => null)
    if (!ancora()) return
    if (r?.status !== 200) continue
    const { campi, detto: parole } = await r.json()
    compila($('#registra'), campi)
    detto.textContent = parole
    detto.hidden = false
    return
  }
  detto.hidden = true
}

function compila(modulo, campi) {
  const vuoto = (nome) => !modulo.elements.namedItem(nome)?.value
  // Who is half written is left to who wrote it.
  const mittente = ['cognome', 'nome', 'denominazione', 'codiceFiscale', 'partitaIva', 'ipa', 'pec'].every((n) => vuoto(`mittente.${n}`))
  for (const [nome, valore] of Object.entries(campi)) {
    let c = modulo.elements.namedItem(nome)
    if (nome === 'riservato') {
      c.checked = true
    } else if (nome.startsWith('mittente.') ? mittente : vuoto(nome)) {
      if (!c) {
        c = crea('input', { type: 'hidden', name: nome })
        modulo.append(c)
      }
      c.value = valore
    } else continue
    for (const e of ['input', 'change']) c.dispatchEvent(new Event(e, { bubbles: true }))
  }
}

let aperto = null
let smetti = () => {}

/** Shows the document beside its form, from this computer: nothing has been sent yet. */
function anteprima(f) {
  const posto = $('#anteprima')
  smetti()
  if (aperto) URL.revokeObjectURL(aperto)
  aperto = null
  posto.classList.remove('piena')
  const detto = (t) => posto.replaceChildren(crea('p', { class: 'vuota' }, icona('it-file'), t))
  if (!f) return detto("L'anteprima del documento compare qui.")
  const mostra = (e) => {
    aperto = URL.createObjectURL(f)
    e.src = aperto
    posto.classList.add('piena')
    posto.replaceChildren(e, crea('a', { class: 'btn btn-sm btn-outline-primary', href: aperto, target: '_blank', rel: 'noopener' }, icona('it-external-link'), "Apri in un'altra scheda"))
  }
  if (f.type === 'application/pdf' && navigator.pdfViewerEnabled) {
    detto("L'anteprima arriva appena smetti di scrivere.")
    smetti = quando_la_mano_riposa(() => mostra(discreta(crea('iframe', { title: `Anteprima di ${f.name}` }), posto)))
  } else if (/^image\/(png|jpeg|gif|webp)$/.test(f.type)) mostra(crea('img', { alt: `Anteprima di ${f.name}` }))
  else detto('Di questo tipo di file non c’è anteprima.')
}

/** Does something at the first pause of the keyboard; gives what calls it off. */
function quando_la_mano_riposa(fai) {
  let attesa = 0
  const rimanda = () => {
    clearTimeout(attesa)
    attesa = setTimeout(() => {
      basta()
      fai()
    }, PAUSA_MS)
  }
  const basta = () => {
    clearTimeout(attesa)
    document.removeEventListener('keydown', rimanda, true)
  }
  document.addEventListener('keydown', rimanda, true)
  rimanda()
  return basta
}

/** A PDF viewer takes the focus when it is ready: it is given back, until a hand goes there. */
function discreta(e, posto) {
  e.inert = true
  posto.addEventListener('pointerenter', () => (e.inert = false), { once: true })
  let dove = document.activeElement
  const segue = (x) => {
    if (x.target !== e) dove = x.target
  }
  const torna = () => requestAnimationFrame(() => e.inert && document.activeElement === e && dove.focus())
  document.addEventListener('focusin', segue)
  addEventListener('blur', torna)
  smetti = () => {
    document.removeEventListener('focusin', segue)
    removeEventListener('blur', torna)
  }
  return e
}
