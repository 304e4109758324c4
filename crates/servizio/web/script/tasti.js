// Keys: Ctrl K commands, / search, ? help, n new, g then s or r; 1 2 3 choose the direction, Ctrl Enter registers.
import { $, base } from './comune.js'
import { apri } from './comandi.js'
import { scelto } from './aspetto.js'

export function tasti() {
  let g = false
  document.addEventListener('keydown', (e) => {
    const ctrl = e.ctrlKey || e.metaKey
    const modulo = $('#registra')
    if (ctrl && !e.shiftKey && e.key.toLowerCase() === 'k') {
      e.preventDefault()
      return apri()
    }
    if (ctrl && e.key === 'Enter' && modulo) {
      e.preventDefault()
      return modulo.requestSubmit($('#premi'))
    }
    const scrive = /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) && e.target.type !== 'radio'
    // Single keys can be switched off: who dictates, or has a trembling hand, presses them without wanting to.
    if (ctrl || e.altKey || scrive || $('dialog[open]') || scelto('tasti') === 'spenti') return
    const vai = (p) => {
      if (!base) return
      e.preventDefault()
      location.assign(base + p)
    }
    if (g) {
      g = false
      if (e.key === 's') return vai('/scrivania')
      if (e.key === 'r') return vai('/registro')
    }
    if (e.key === 'g') g = true
    else if (e.key === '/') {
      e.preventDefault()
      $('#cerca')?.focus()
    } else if (e.key === '?') vai('/aiuto')
    else if (e.key === 'n') vai('/registra')
    else if (modulo && /^[123]$/.test(e.key)) {
      const r = $(`[data-tasto="${e.key}"]`, modulo)
      if (!r) return
      r.checked = true
      r.focus()
      r.dispatchEvent(new Event('change', { bubbles: true }))
    }
  })
}
