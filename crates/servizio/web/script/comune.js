// The little that every module needs.
export const $ = (s, da = document) => da.querySelector(s)
export const $$ = (s, da = document) => [...da.querySelectorAll(s)]
export const base = document.body.dataset.base ?? ''

/** An icon of the sprite. */
export function icona(nome) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  svg.setAttribute('class', 'icon')
  svg.setAttribute('aria-hidden', 'true')
  const uso = document.createElementNS('http://www.w3.org/2000/svg', 'use')
  uso.setAttribute('href', `${document.body.dataset.icone}#${nome}`)
  svg.append(uso)
  return svg
}

/** An element with its attributes and children. */
export function crea(tag, attributi = {}, ...figli) {
  const e = document.createElement(tag)
  for (const [k, v] of Object.entries(attributi)) e.setAttribute(k, v)
  e.append(...figli)
  return e
}

/** Words without accents and capitals, to compare what people type. */
export const piano = (t) => t.normalize('NFD').replace(/\p{Mn}/gu, '').toLowerCase()

/** What this browser remembers; nothing when it may not. */
export const memoria = {
  leggi(chiave) {
    try {
      return JSON.parse(localStorage.getItem(chiave))
    } catch {
      return null
    }
  },
  scrivi(chiave, valore) {
    try {
      localStorage.setItem(chiave, JSON.stringify(valore))
    } catch {
      // Full or forbidden: nothing is remembered.
    }
  },
  togli_tutte(quali) {
    try {
      for (const k of Object.keys(localStorage)) if (quali(k)) localStorage.removeItem(k)
    } catch {
      // As above.
    }
  },
  togli(chiave) {
    try {
      localStorage.removeItem(chiave)
    } catch {
      // As above.
    }
  },
}
