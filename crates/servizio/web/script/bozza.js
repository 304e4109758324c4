// A draft is kept while typing, for this person in this AOO, until it is registered or he signs out; what is reserved is
// never kept.
import { $, base, crea, memoria } from './comune.js'

export function bozza() {
  const chiave = `bozza:${base}:${document.body.dataset.chi}`
  if ($('.registrata')) memoria.togli(chiave)
  $('#esci')?.addEventListener('submit', () => memoria.togli_tutte((k) => k.startsWith('bozza:') && k.endsWith(`:${document.body.dataset.chi}`)))
  const modulo = $('form[data-bozza]')
  if (!modulo) return
  const campi = () => [...modulo.elements].filter((c) => c.name && !c.name.endsWith('.cerca') && !['hidden', 'file', 'submit', 'button'].includes(c.type))
  const spuntabile = (c) => c.type === 'checkbox' || c.type === 'radio'
  const salva = () => {
    if (modulo.elements.riservato?.checked) return memoria.togli(chiave)
    const v = {}
    for (const c of campi()) if (spuntabile(c) ? c.checked : c.value) v[c.name] = c.value
    memoria.scrivi(chiave, v)
  }
  const vecchia = memoria.leggi(chiave)
  const significativa = vecchia && (vecchia.oggetto || Object.keys(vecchia).some((k) => /(cognome|denominazione)$/.test(k)))
  if (significativa && !$('#sommario') && !$('#c-oggetto').value) {
    for (const c of campi()) {
      if (!(c.name in vecchia)) continue
      if (spuntabile(c)) c.checked = c.value === vecchia[c.name]
      else c.value = vecchia[c.name]
    }
    const butta = crea('button', { type: 'button', class: 'btn btn-sm btn-link' }, 'Ricomincia da capo')
    butta.addEventListener('click', () => {
      memoria.togli(chiave)
      modulo.reset()
      location.reload()
    })
    modulo.before(crea('p', { class: 'callout callout-highlight note nota', role: 'status' }, 'Ho ripreso ciò che stavi scrivendo. ', butta))
  }
  modulo.addEventListener('input', salva)
  modulo.addEventListener('change', salva)
  // Sent once: a second press finds the button asleep.
  modulo.addEventListener('submit', (e) => {
    if (modulo.dataset.inviato) e.preventDefault()
    else modulo.dataset.inviato = 'si'
  })
  addEventListener('pageshow', () => delete modulo.dataset.inviato)
}
