// Builds what the browser gets: one style sheet, one script, a sprite with only the icons in use, fonts, favicon.
//
//   node costruisci.mjs FOLDER
//
// Every file is written as `name.<hash>.ext`, beside its `.br` and `.gz` when they are smaller, and listed in
// `manifesto.tsv` (logical name, hashed name, MIME type), from which build.rs makes the table inside the binary.
// Nothing here asks the network: it reads node_modules, the sources beside this file and the templates.
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import * as esbuild from 'esbuild'
import postcss from 'postcss'
import { PurgeCSS } from 'purgecss'
import * as sass from 'sass'

/** What a first visit may weigh, compressed: style, script, fonts, icons and the heaviest page. */
const FIRST_LOAD_BYTES_MAX = 150 * 1024
/** Room kept in that sum for the HTML of a page. */
const HTML_BYTES_RESERVED = 12 * 1024

const here = dirname(fileURLToPath(import.meta.url))
const service = join(here, '..')
const italia = join(here, 'node_modules', 'bootstrap-italia')
const out = process.argv[2]
if (!out) {
  console.error('usage: node costruisci.mjs FOLDER')
  process.exit(2)
}
rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })

const MIME = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}
const manifest = []
let total = 0

/** Writes one asset under its hashed name and returns that name. */
function emit(name, bytes, primo = true) {
  const ext = extname(name)
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12)
  const hashed = `${name.slice(0, -ext.length)}.${hash}${ext}`
  writeFileSync(join(out, hashed), bytes)
  let sent = bytes.length
  if (ext !== '.woff2') {
    const br = brotliCompressSync(bytes, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
    })
    writeFileSync(join(out, `${hashed}.br`), br)
    writeFileSync(join(out, `${hashed}.gz`), gzipSync(bytes, { level: 9 }))
    sent = br.length
  }
  manifest.push([name, hashed, MIME[ext]].join('\t'))
  if (primo) total += sent
  console.log(`${String(sent).padStart(8)}  ${hashed}`)
  return hashed
}

/** All files under a folder with one of these endings. */
function sources(folder, endings) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((e) => e.isFile() && endings.includes(extname(e.name)))
    .map((e) => join(e.parentPath ?? e.path, e.name))
    .sort()
}

const templates = sources(join(service, 'templates'), ['.html'])
const views = sources(join(service, 'src', 'pagine'), ['.rs'])
const scripts = sources(join(here, 'script'), ['.js'])

// Fonts, as Bootstrap Italia ships them (SIL OFL and Apache 2.0). Only the weights the pages use.
const font = (path) => emit(path.split('/').at(-1).replace(/-v\d+-latin-ext_latin/, ''), readFileSync(join(italia, 'dist', 'fonts', path)))
const fonts = [
  ['Titillium Web', 400, font('Titillium_Web/titillium-web-v10-latin-ext_latin-regular.woff2')],
  ['Titillium Web', 600, font('Titillium_Web/titillium-web-v10-latin-ext_latin-600.woff2')],
  ['Titillium Web', 700, font('Titillium_Web/titillium-web-v10-latin-ext_latin-700.woff2')],
  ['Roboto Mono', 400, font('Roboto_Mono/roboto-mono-v13-latin-ext_latin-regular.woff2')],
]
// `optional`: the page never moves when a font comes late (layout shift 0); the next page has it.
const faces = fonts
  .map(
    ([family, weight, file]) =>
      `@font-face{font-family:"${family}";font-weight:${weight};font-style:normal;font-display:optional;src:url("/risorse/${file}") format("woff2")}`,
  )
  .join('\n')

// Icons: every one that a template, a view or a script names. `it-` are Bootstrap Italia's, `pr-` ours.
const wanted = new Set()
for (const file of [...templates, ...views, ...scripts]) {
  const named = /\.(rs|js)$/.test(file) ? /["']((?:it|pr)-[a-z][a-z0-9-]*)["']/g : /icona\(["']((?:it|pr)-[a-z][a-z0-9-]*)["']/g
  for (const [, name] of readFileSync(file, 'utf8').matchAll(named)) wanted.add(name)
}
const sheet = readFileSync(join(italia, 'dist', 'svg', 'sprites.svg'), 'utf8')
const ours = readFileSync(join(here, 'icone', 'nostre.svg'), 'utf8')
const symbols = []
for (const [symbol, id] of (sheet + ours).matchAll(/<symbol id="([^"]+)".*?<\/symbol>/gs)) {
  if (wanted.delete(id)) symbols.push(symbol.replace(/\s*\n\s*/g, ''))
}
if (wanted.size > 0) throw new Error(`icons named but not found: ${[...wanted].join(', ')}`)
emit('icone.svg', Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg">${symbols.join('')}</svg>`))
emit('favicon.svg', readFileSync(join(here, 'icone', 'favicon.svg')))

// Style: the parts of Bootstrap Italia we stand on, cut to what is used, in a layer of their own; then ours.
const base = sass.compile(join(here, 'stili', 'italia.scss'), {
  loadPaths: [join(italia, 'src', 'scss')],
  quietDeps: true,
  logger: sass.Logger.silent,
}).css
const [purged] = await new PurgeCSS().purge({
  content: [...templates, ...views, ...scripts],
  css: [{ raw: base }],
  variables: true,
})
const own = sass.compile(join(here, 'stili', 'nostri.scss')).css
const css = await esbuild.transform([faces, '@layer italia{', themed(purged.css), '}', own].join('\n'), {
  loader: 'css',
  minify: true,
  target: ['chrome115', 'firefox121', 'safari16.4'],
})
emit('app.css', Buffer.from(css.code))

/**
 * Bootstrap Italia is written for a white page, with its colours as literals. Each colour takes here the name of what it
 * is for, with itself as the value when no theme says otherwise (`stili/_temi.scss`); one that is not listed stays.
 */
function themed(css) {
  const names = {
    ink: {
      'hsl(0, 0%, 10%)': 'testo', '#1a1a1a': 'testo', 'hsl(0, 0%, 15%)': 'testo', 'hsl(0, 0%, 25%)': 'testo',
      'hsl(210, 33%, 28%)': 'lieve', 'hsl(210, 17%, 44%)': 'lieve', 'hsl(0, 0%, 32%)': 'lieve', 'hsl(0, 0%, 45%)': 'lieve',
      'hsl(210, 54%, 20%)': 'testo', 'hsl(210, 100%, 40%)': 'primario', 'hsl(210, 100%, 30%)': 'primario-2',
      'rgb(0%, 32%, 64%)': 'primario-2', 'hsl(350, 60%, 50%)': 'rosso', 'hsl(160, 100%, 25%)': 'verde',
      'hsl(36, 100%, 30%)': 'ambra',
    },
    paper: {
      'hsl(0, 0%, 100%)': 'fondo', '#fff': 'fondo', white: 'fondo', 'hsl(0, 0%, 96%)': 'fondo-2', 'hsl(0, 0%, 90%)': 'fondo-2',
      'hsl(210, 62%, 97%)': 'fondo-2', 'hsl(210, 100%, 40%)': 'primario-fondo', 'hsl(210, 3%, 85%)': 'fondo-2',
    },
    line: {
      'hsl(210, 4%, 78%)': 'bordo', 'hsl(0, 0%, 83%)': 'bordo', 'hsl(0, 0%, 90%)': 'bordo', 'hsl(210, 3%, 85%)': 'bordo',
      'hsl(210, 17%, 44%)': 'bordo-2', 'hsl(0, 0%, 64%)': 'bordo-2', 'hsl(210, 100%, 40%)': 'primario',
      'hsl(350, 60%, 50%)': 'rosso', 'hsl(160, 100%, 25%)': 'verde', 'hsl(36, 100%, 30%)': 'ambra',
    },
  }
  const kind = (property) =>
    /background|-bg$/.test(property) ? 'paper' : /border|shadow|outline/.test(property) ? 'line' : /color|fill|stroke/.test(property) ? 'ink' : null
  const root = postcss.parse(css)
  root.walkDecls((d) => {
    const known = names[kind(d.prop)]
    if (!known || d.value.includes('url(')) return
    d.value = d.value.replace(/#[0-9a-f]{3,6}\b|(?:hsl|rgb)\([^)]*\)|\bwhite\b/gi, (c) => (known[c] ? `var(--${known[c]},${c})` : c))
  })
  return root.toString()
}

// Script: htmx and our own modules in one file; the theme, small and first, so that a page is never of the wrong colour.
const bundle = async (entry, external) =>
  (
    await esbuild.build({
      entryPoints: [join(here, 'script', entry)],
      bundle: true,
      minify: true,
      format: 'esm',
      target: 'es2022',
      legalComments: 'none',
      write: false,
      external,
    })
  ).outputFiles[0].contents
emit('tema.js', Buffer.from((await esbuild.transform(readFileSync(join(here, 'script', 'tema.js'), 'utf8'), { minify: true, target: 'es2022' })).code))
emit('app.js', Buffer.from(await bundle('app.js', [])))
// The public page loads this instead of the rest: it is no part of a first load.
emit('verifica.js', Buffer.from(await bundle('verifica.js', [])), false)
const mine = (await bundle("app.js", ["htmx.org"])).length

writeFileSync(join(out, 'manifesto.tsv'), manifest.map((l) => `${l}\n`).join(''))
const sum = total + HTML_BYTES_RESERVED
console.log(`${String(sum).padStart(8)}  first load with ${HTML_BYTES_RESERVED} of HTML (limit ${FIRST_LOAD_BYTES_MAX}); own script ${mine} before compression`)
if (sum > FIRST_LOAD_BYTES_MAX) throw new Error(`first load ${sum} bytes is over ${FIRST_LOAD_BYTES_MAX}`)
