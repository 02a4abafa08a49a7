// What makes yargs cheap to load. Our programs use its parser only: help and messages are our own, so what it needs to
// lay out text is loaded when (never, today) it is called for. The figures are the share of one start, measured as in
// `npm run bench` on a machine where `node -e 0` takes 40 ms.

import { readFile } from 'node:fs/promises'
import type { Plugin } from 'esbuild'

const LAZY: Record<string, string> = {
  // Builds Intl.Segmenter and large regular expressions at import.
  'string-width': `module.exports = text => /^[ -~]*$/.test(text) ? text.length : require('string-width').default(text)`,
  // Brings wrap-ansi, strip-ansi and emoji-regex.
  cliui: `module.exports = options => require('cliui').default(options)`,
}

/** Only yargs gets these; another package of the same chunk would need the real thing. */
const fromYargs = /[\\/]node_modules[\\/]yargs[\\/]/

export const diet: Plugin = {
  name: 'diet',
  setup(build) {
    build.onResolve({ filter: new RegExp(`^(${Object.keys(LAZY).join('|')})$`) }, ({ path, importer, kind }) => {
      if (kind === 'require-call' || !fromYargs.test(importer)) return
      return { path, namespace: 'lazy', pluginData: { importer } }
    })
    build.onLoad({ filter: /.*/, namespace: 'lazy' }, ({ path, pluginData }) => {
      return { contents: LAZY[path], loader: 'js', resolveDir: pluginData.importer.replace(/[\\/][^\\/]*$/, '') }
    })
    build.onResolve({ filter: /^assert$/ }, ({ path, importer }) => (fromYargs.test(importer) ? { path, namespace: 'assert' } : undefined))
    build.onLoad({ filter: /.*/, namespace: 'assert' }, () => ({ contents: ASSERT, loader: 'js' }))
    build.onLoad({ filter: /[\\/]yargs[\\/]lib[\\/]platform-shims[\\/]esm\.mjs$/ }, async ({ path }) => ({
      contents: withoutSurroundings(await readFile(path, 'utf8')),
      loader: 'js',
    }))
  },
}

/** The two functions of node:assert that yargs uses. */
const ASSERT = `
const fail = message => { throw message instanceof Error ? message : new Error(message || 'assertion failed') }
export const strictEqual = (a, b, message) => { if (!Object.is(a, b)) fail(message) }
export const notStrictEqual = (a, b, message) => { if (Object.is(a, b)) fail(message) }
`

/**
 * What yargs asks at import and does not need: the width of the terminal, which builds the stream of stdout (2 ms); a
 * package.json at or above the working folder, which is not ours and may be gone; its own place as a URL (1 ms).
 */
const SURROUNDINGS: readonly (readonly [string | RegExp, string])[] = [
  [/stdColumns: (typeof process\.stdout\.columns[^\n]*)/, 'get stdColumns() { return $1 }'],
  ['mainFilename || process.cwd()', "'/'"],
  ['fileURLToPath(import.meta.url)', '__filename'],
  ['createRequire(import.meta.url)', 'require'],
]

function withoutSurroundings(source: string): string {
  return SURROUNDINGS.reduce((text, [asked, instead]) => {
    const changed = text.replace(asked, instead)
    if (changed === text) throw new Error(`yargs has no ${asked} any more: see scripts/build/diet.ts`)
    return changed
  }, source)
}
