// What makes the pages quicker: htmx for what the server answers, and here only what it does not do. Everything works
// without scripts.
import 'htmx.org'
import { aspetto } from './aspetto.js'
import { bozza } from './bozza.js'
import { combo } from './combo.js'
import { comandi } from './comandi.js'
import { documenti } from './documenti.js'
import { frammenti } from './frammenti.js'
import { tasti } from './tasti.js'
import { $, $$ } from './comune.js'

// A summary of errors is read first.
$('#sommario')?.focus()

// Copy buttons exist only where they can work.
if (navigator.clipboard) {
  for (const b of $$('[data-copia]')) {
    b.hidden = false
    b.addEventListener('click', async () => {
      await navigator.clipboard.writeText(b.dataset.copia)
      ;(b.querySelector('span:not(.visually-hidden)') ?? b).textContent = 'Copiato'
    })
  }
}

// The counter of a long text.
for (const t of $$('[data-contatore]')) {
  const c = $('.contatore', t.parentElement)
  const conta = () => (c.textContent = `${t.value.length.toLocaleString('it')} caratteri su ${t.maxLength.toLocaleString('it')}`)
  t.addEventListener('input', conta)
  conta()
}

frammenti()
bozza()
combo()
documenti()
aspetto()
comandi()
tasti()
