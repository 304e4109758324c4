// Around htmx: addresses without blanks, errors said where they are read, the focus left where the hand was.
import { $, $$, crea } from './comune.js'

export function frammenti() {
  const corpo = document.body
  // One more recipient: the hand goes on in it.
  corpo.addEventListener('htmx:afterSettle', (e) => {
    if (!e.detail.requestConfig?.elt.matches('.aggiungi')) return
    const gruppi = $$('fieldset, .due', e.detail.elt).filter((x) => $('input, select', x))
    $$('input, select', gruppi.at(-1) ?? e.detail.elt).find((c) => c.offsetParent)?.focus()
  })
  corpo.addEventListener('htmx:configRequest', (e) => {
    const { verb, parameters } = e.detail
    if (verb === 'get') for (const [nome, valore] of [...parameters.entries()]) if (valore === '') parameters.delete(nome)
  })
  // A refusal comes as a page of its own, without the piece that was asked: its words are shown, nothing is replaced.
  corpo.addEventListener('htmx:beforeSwap', (e) => {
    const { xhr, target, requestConfig } = e.detail
    $('#avvisi')?.replaceChildren()
    const scelto = requestConfig.elt.closest('[hx-select]')?.getAttribute('hx-select')
    if (!scelto?.startsWith('#') || target.id !== scelto.slice(1) || xhr.response.includes(`id="${scelto.slice(1)}"`)) return
    e.detail.shouldSwap = false
    const pagina = new DOMParser().parseFromString(xhr.response, 'text/html')
    const parole = $$('#sommario li, main > div > p', pagina).map((x) => x.textContent.trim())
    avvisa(parole[0] ?? 'Non è andata: ricarica la pagina e riprova.')
  })
  corpo.addEventListener('htmx:responseError', () => avvisa('Il servizio ha risposto con un errore: ricarica la pagina e riprova.'))
  corpo.addEventListener('htmx:sendError', () => avvisa('Il servizio non risponde: controlla la rete e riprova.'))
  // The next item of a desk is under the same finger.
  let posto = -1
  corpo.addEventListener('htmx:beforeRequest', (e) => {
    posto = $$('#scrivania form button').findIndex((b) => e.detail.elt.contains(b))
  })
  corpo.addEventListener('htmx:afterSettle', () => {
    if (posto < 0) return
    const tutti = $$('#scrivania form button')
    ;(tutti[Math.min(posto, tutti.length - 1)] ?? $('#contenuto')).focus()
    posto = -1
  })
}

function avvisa(testo) {
  $('#avvisi')?.replaceChildren(crea('div', { class: 'alert alert-danger' }, crea('p', {}, testo)))
}
