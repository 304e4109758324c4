// A field with a list of choices under it, by keyboard and by mouse (WAI-ARIA combobox with a listbox).
import { $$ } from './comune.js'

export class Lista {
  #scelta = -1

  /** `scegli` is given the option taken. */
  constructor(campo, lista, scegli) {
    Object.assign(this, { campo, lista, scegli })
    campo.addEventListener('keydown', (e) => this.#tasto(e))
    campo.addEventListener('blur', () => this.chiudi())
    lista.addEventListener('mousedown', (e) => {
      e.preventDefault()
      const voce = e.target.closest('[role="option"]')
      if (voce) this.#prendi(voce)
    })
  }

  get voci() {
    return $$('[role="option"]', this.lista)
  }

  get aperta() {
    return !this.lista.hidden
  }

  /** Shows what is in the list; `prima` marks the first at once. */
  apri(prima = false) {
    this.#scelta = -1
    this.lista.hidden = this.lista.children.length === 0
    this.campo.setAttribute('aria-expanded', String(this.aperta))
    this.campo.removeAttribute('aria-activedescendant')
    if (prima && this.voci.length) this.#segna(0)
  }

  chiudi() {
    this.lista.hidden = true
    this.#scelta = -1
    this.campo.setAttribute('aria-expanded', 'false')
    this.campo.removeAttribute('aria-activedescendant')
  }

  #segna(n) {
    const tutte = this.voci
    if (!tutte.length) return
    this.#scelta = (n + tutte.length) % tutte.length
    tutte.forEach((v, i) => {
      v.id = `${this.lista.id}-${i}`
      v.setAttribute('aria-selected', String(i === this.#scelta))
    })
    this.campo.setAttribute('aria-activedescendant', `${this.lista.id}-${this.#scelta}`)
    tutte[this.#scelta].scrollIntoView({ block: 'nearest' })
  }

  #prendi(voce) {
    this.chiudi()
    this.scegli(voce)
  }

  #tasto(e) {
    if (!this.aperta || e.ctrlKey || e.metaKey) return
    if (e.key === 'ArrowDown') this.#segna(this.#scelta + 1)
    else if (e.key === 'ArrowUp') this.#segna(this.#scelta - 1)
    else if (e.key === 'Escape') this.chiudi()
    else if (e.key === 'Enter' && this.#scelta >= 0) this.#prendi(this.voci[this.#scelta])
    else return
    e.preventDefault()
    e.stopPropagation()
  }
}
