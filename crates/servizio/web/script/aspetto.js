// Theme, density and single keys, chosen in one's own menu and kept in this browser. `tema.js` applies them before the first paint.
import { $, $$ } from './comune.js'

const PRIMA = { tema: 'sistema', densita: 'comoda', tasti: 'attivi' }

/** What is chosen now. */
export const scelto = (cosa) => document.documentElement.dataset[cosa] ?? PRIMA[cosa]

/** Chooses, from now on. */
export function scegli(cosa, valore) {
  const radice = document.documentElement
  if (valore === PRIMA[cosa]) delete radice.dataset[cosa]
  else radice.dataset[cosa] = valore
  try {
    if (valore === PRIMA[cosa]) localStorage.removeItem(cosa)
    else localStorage.setItem(cosa, valore)
  } catch {
    // It holds for this page only.
  }
  mostra()
}

function mostra() {
  for (const r of $$('[data-scelte] input')) r.checked = r.value === scelto(r.name)
}

export function aspetto() {
  for (const f of $$('[data-scelte]')) f.addEventListener('change', (e) => scegli(f.dataset.scelte, e.target.value))
  mostra()
  // One's own menu closes like any other.
  const io = $('#io')
  if (!io) return
  document.addEventListener('click', (e) => {
    if (io.open && !io.contains(e.target)) io.open = false
  })
  io.addEventListener('keydown', (e) => {
    if (e.key !== 'Escape' || !io.open) return
    io.open = false
    $('summary', io).focus()
  })
}
