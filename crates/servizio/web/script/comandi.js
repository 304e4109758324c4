// The command palette (Ctrl K): pages, actions, a protocol by its number, a search by its words.
import { $, $$, base, crea, icona, piano } from './comune.js'
import { scegli } from './aspetto.js'

let dialogo

export function comandi() {
  $('#apri-comandi')?.addEventListener('click', apri)
}

/** Everything that can be done from here; what a person may not do is not in his menu, nor here. */
function tutti() {
  const vai = (href) => () => location.assign(href)
  const pagine = $$('.menu a').map((a) => ({ nome: a.textContent.trim(), icona: a.querySelector('use').getAttribute('href').split('#')[1], fai: vai(a.href) }))
  const puo = pagine.some((p) => p.nome === 'Registra')
  const registra = ['entrata', 'uscita', 'interna'].map((t) => ({ nome: `Registra: ${t}`, icona: `pr-${t}`, fai: vai(`${base}/registra?tipo=${t}`) }))
  const mie = $$('#io a').map((a) => ({ nome: a.textContent.trim(), icona: a.querySelector('use').getAttribute('href').split('#')[1], fai: vai(a.href) }))
  const temi = [['sistema', 'come il computer'], ['chiaro', 'chiaro'], ['scuro', 'scuro'], ['contrasto', 'alto contrasto']]
  const righe = [['comoda', 'comode'], ['compatta', 'fitte']]
  const cambia = (cosa, titolo) => ([k, nome]) => ({ nome: `${titolo} ${nome}`, icona: 'pr-tema', fai: () => scegli(cosa, k) })
  return [
    ...pagine,
    ...(puo ? registra : []),
    ...mie,
    ...temi.map(cambia('tema', 'Aspetto:')),
    ...righe.map(cambia('densita', 'Righe:')),
    ...[['attivi', 'attivi'], ['spenti', 'spenti']].map(cambia('tasti', 'Tasti singoli:')),
    { nome: 'Esci', icona: 'it-logout', fai: () => $('#io form').requestSubmit() },
  ]
}

function cerca(testo) {
  const t = testo.trim()
  const legge = $('.menu a[href$="/registro"]')
  const fuori = []
  const numero = /^0*([1-9]\d{0,9})(?:\s*\/\s*(\d{4}))?$/.exec(t)
  if (legge && numero) {
    const anno = numero[2] ?? document.body.dataset.anno
    fuori.push({
      nome: `Vai al protocollo ${numero[1].padStart(7, '0')} del ${anno}`,
      icona: 'pr-impronta',
      fai: () => location.assign(`${base}/registrazioni/PG/${anno}/${numero[1]}`),
    })
  }
  const parole = piano(t).split(/\s+/).filter(Boolean)
  fuori.push(...tutti().filter((c) => parole.every((p) => piano(c.nome).split(/[\s:]+/).some((x) => x.startsWith(p)))))
  if (legge && t) fuori.push({ nome: `Cerca «${t}» nel registro`, icona: 'it-search', fai: () => location.assign(`${base}/registro?q=${encodeURIComponent(t)}`) })
  return fuori
}

export function apri() {
  if (!base) return
  dialogo ??= costruisci()
  if (dialogo.open) return
  $('#io')?.removeAttribute('open')
  dialogo.showModal()
  const campo = $('input', dialogo)
  campo.value = ''
  campo.dispatchEvent(new Event('input'))
  campo.focus()
}

function costruisci() {
  const campo = crea('input', {
    id: 'comando',
    type: 'text',
    class: 'form-control',
    role: 'combobox',
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-label': 'Comando, pagina o numero di protocollo',
    placeholder: 'Una pagina, un comando, un numero di protocollo…',
    'aria-autocomplete': 'list',
    'aria-expanded': 'true',
    'aria-controls': 'comandi-l',
  })
  const lista = crea('ul', { id: 'comandi-l', role: 'listbox', 'aria-label': 'Comandi' })
  const piede = crea('p', { class: 'piccolo piede' }, '↑ ↓ per scegliere, Invio per fare, Esc per chiudere')
  const d = crea('dialog', { class: 'comandi', 'aria-label': 'Comandi' }, crea('div', { class: 'con-icona' }, icona('it-search'), campo), lista, piede)
  document.body.append(d)
  let trovati = []
  let scelta = 0
  const segna = (n) => {
    scelta = trovati.length ? (n + trovati.length) % trovati.length : 0
    ;[...lista.children].forEach((li, i) => li.setAttribute('aria-selected', String(i === scelta)))
    if (!trovati.length) return campo.removeAttribute('aria-activedescendant')
    campo.setAttribute('aria-activedescendant', `comandi-${scelta}`)
    lista.children[scelta].scrollIntoView({ block: 'nearest' })
  }
  const fai = (n) => {
    const c = trovati[n]
    if (!c) return
    d.close()
    c.fai()
  }
  campo.addEventListener('input', () => {
    trovati = cerca(campo.value)
    lista.replaceChildren(...trovati.map((c, i) => crea('li', { id: `comandi-${i}`, role: 'option', 'aria-selected': 'false' }, icona(c.icona), c.nome)))
    if (!trovati.length) lista.append(crea('li', { class: 'nulla', role: 'presentation' }, 'Nessun comando'))
    segna(0)
  })
  campo.addEventListener('keydown', (e) => {
    if (e.key === 'ArrowDown') segna(scelta + 1)
    else if (e.key === 'ArrowUp') segna(scelta - 1)
    else if (e.key === 'Enter') fai(scelta)
    else return
    e.preventDefault()
  })
  lista.addEventListener('click', (e) => fai([...lista.children].indexOf(e.target.closest('li'))))
  d.addEventListener('click', (e) => {
    if (e.target === d) d.close()
  })
  return d
}
