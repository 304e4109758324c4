// Suggestions while typing: those the server finds (htmx brings them), and those of a long select, found by any word.
import { $, $$, base, crea, memoria, piano } from './comune.js'
import { Lista } from './lista.js'

/** Fewest letters worth a question to the server. */
const LETTERE = 2
/** Choices of before, offered first. */
const RECENTI = 5
/** Options shown at once. */
const MOSTRATE = 50

/** Words as they are compared; a code is one word. */
const pezzi = (t) => piano(t).split(/[^\p{L}\p{N}.]+/u).filter(Boolean)

export function combo() {
  prepara(document)
  // A piece of a page that came later: one more recipient.
  document.body.addEventListener('htmx:load', (e) => e.detail.elt !== document.body && prepara(e.detail.elt))
}

function prepara(dove) {
  for (const campo of $$('[data-suggerisci]', dove)) dal_server(campo)
  for (const scelta of $$('select[data-filtra]', dove)) da_una_scelta(scelta)
}

function dal_server(campo) {
  const lista = new Lista(campo, document.getElementById(campo.getAttribute('aria-controls')), (voce) => riempi(campo, voce))
  campo.addEventListener('htmx:beforeRequest', (e) => {
    if (e.detail.elt === campo && campo.value.trim().length < LETTERE) {
      e.preventDefault()
      lista.chiudi()
    }
  })
  lista.lista.addEventListener('htmx:afterSwap', () => {
    if (document.activeElement === campo) lista.apri()
  })
}

/** Fills in the fields of the group with those of the option. */
function riempi(campo, voce) {
  const gruppo = campo.name.includes('.') ? campo.name.slice(0, campo.name.lastIndexOf('.') + 1) : ''
  for (const [nome, valore] of Object.entries(JSON.parse(voce.dataset.valori))) {
    const c = campo.form.elements.namedItem(gruppo + nome)
    if (c && 'value' in c) {
      c.value = valore
      c.dispatchEvent(new Event('change', { bubbles: true }))
    }
  }
  if (!gruppo) return
  campo.value = ''
  const preso = [...voce.children].map((e) => e.textContent.trim()).join(' · ')
  document.getElementById(`${campo.id}-s`).textContent = preso
  // On to the first of its fields, to be looked at or completed.
  $$('input', campo.closest('fieldset')).find((c) => c !== campo && c.offsetParent)?.focus()
}

/** A select becomes a field that finds its options by code or by any of their words. */
function da_una_scelta(scelta) {
  const id = scelta.id
  const vuota = scelta.options[0].text
  const chiave = `recenti:${base}:${document.body.dataset.chi}:${scelta.dataset.filtra}`
  const lista = crea('ul', { id: `${id}-l`, role: 'listbox', class: 'combo-lista', 'aria-label': 'Voci', hidden: '' })
  const campo = crea('input', {
    id,
    type: 'text',
    class: 'form-control',
    role: 'combobox',
    autocomplete: 'off',
    spellcheck: 'false',
    placeholder: `${vuota}: codice o parole`,
    'aria-autocomplete': 'list',
    'aria-expanded': 'false',
    'aria-controls': lista.id,
  })
  for (const a of ['aria-invalid', 'aria-describedby']) if (scelta.hasAttribute(a)) campo.setAttribute(a, scelta.getAttribute(a))
  scelta.id = `${id}-scelta`
  scelta.hidden = true
  const scatola = crea('div', { class: 'combo' })
  scelta.before(scatola)
  scatola.append(scelta, campo, lista)

  const scritto = () => (scelta.value ? scelta.selectedOptions[0].text.trim() : '')
  const mostra = () => (campo.value = scritto())
  const metti = (valore) => {
    scelta.value = valore
    scelta.dispatchEvent(new Event('change', { bubbles: true }))
    if (valore) memoria.scrivi(chiave, [valore, ...(memoria.leggi(chiave) ?? []).filter((v) => v !== valore)].slice(0, RECENTI))
  }
  const menu = new Lista(campo, lista, (voce) => metti(voce.dataset.valore))
  const filtra = (prima) => {
    const parole = pezzi(campo.value === scritto() ? '' : campo.value)
    const tutte = [...scelta.options].filter((o) => o.value)
    const recenti = parole.length ? [] : (memoria.leggi(chiave) ?? []).map((v) => tutte.find((o) => o.value === v)).filter(Boolean)
    const trovate = tutte.filter((o) => {
      const sue = pezzi(o.text)
      return parole.every((p) => sue.some((x) => x.startsWith(p))) && !recenti.includes(o)
    })
    const riga = (o, nota) => {
      const [codice, ...nome] = o.text.trim().split(' · ')
      const li = crea('li', { role: 'option', 'aria-selected': 'false' }, crea('strong', { class: 'numero' }, codice), ` ${nome.join(' · ')}`)
      if (nota) li.append(crea('span', { class: 'piccolo' }, nota))
      li.dataset.valore = o.value
      return li
    }
    lista.replaceChildren(...recenti.map((o) => riga(o, 'usata di recente')), ...trovate.slice(0, MOSTRATE).map((o) => riga(o)))
    if (!lista.children.length) lista.append(crea('li', { class: 'nulla', role: 'presentation' }, `Nessuna voce per «${campo.value}»`))
    menu.apri(prima)
  }
  campo.addEventListener('focus', () => campo.select())
  campo.addEventListener('click', () => menu.aperta || filtra(false))
  campo.addEventListener('input', () => filtra(campo.value.trim() !== ''))
  campo.addEventListener('keydown', (e) => {
    if (e.key === 'ArrowDown' && !menu.aperta) {
      e.preventDefault()
      filtra(true)
    }
  })
  campo.addEventListener('blur', () => {
    const t = campo.value.trim()
    if (!t) metti('')
    else if ([...scelta.options].some((o) => o.value === t)) metti(t)
    mostra()
  })
  scelta.addEventListener('change', mostra)
  mostra()
}
