// What makes yargs cheap to load. Our programs use its parser only, help and messages are our own, so what it needs to lay
// out text is left out, and what it does at import and nobody asked for is not done.
//
// Figures: CPU time of one start of a program with ten flags where `node -e 0` takes 44 ms; without any of this 187 ms.

import { readFile } from 'node:fs/promises'
import type { Plugin } from 'esbuild'

const INSTEAD: Record<string, string> = {
  // Builds Intl.Segmenter and large regular expressions at import: with cliui, which brings it again, 110 ms.
  'string-width': 'export default text => [...text].length',
  cliui: `export default () => { throw new Error('yargs is here without its help: see scripts/build/diet.ts') }`,
  // The two functions of it that yargs uses.
  assert: `
const fail = message => { throw message instanceof Error ? message : new Error(message || 'assertion failed') }
export const strictEqual = (a, b, message) => { if (!Object.is(a, b)) fail(message) }
export const notStrictEqual = (a, b, message) => { if (Object.is(a, b)) fail(message) }`,
}

/** Only yargs gets these; another package needs the real thing. */
const fromYargs = /[\\/]node_modules[\\/]yargs[\\/]/

export const diet: Plugin = {
  name: 'diet',
  setup(build) {
    build.onResolve({ filter: new RegExp(`^(${Object.keys(INSTEAD).join('|')})$`) }, ({ path, importer }) =>
      fromYargs.test(importer) ? { path, namespace: 'instead' } : undefined,
    )
    build.onLoad({ filter: /.*/, namespace: 'instead' }, ({ path }) => ({ contents: INSTEAD[path], loader: 'js' }))
    build.onLoad({ filter: new RegExp(`/(${Object.keys(UNASKED).join('|')})$`) }, async ({ path }) => {
      const changes = Object.entries(UNASKED).find(([file]) => path.endsWith(file))?.[1] ?? []
      return { contents: without(await readFile(path, 'utf8'), changes, path), loader: 'js' }
    })
  },
}

/** What yargs does unasked at import or for each parser, 7 ms in all, and what stands in its place. */
const UNASKED: Record<string, [string | RegExp, string][]> = {
  'yargs/lib/platform-shims/esm.mjs': [
    // Builds the stream of stdout.
    [/stdColumns: (typeof process\.stdout\.columns[^\n]*)/, 'get stdColumns() { return $1 }'],
    // Looks for a package.json in the working folder, which is not ours and may be gone.
    ['mainFilename || process.cwd()', "'/'"],
    ['fileURLToPath(import.meta.url)', '__filename'],
    // For configuration files, which no program of ours has yargs read.
    ['createRequire(import.meta.url)', 'undefined'],
  ],
  'yargs-parser/build/lib/index.js': [['createRequire(import.meta.url)', 'undefined']],
  // Both are ours.
  'yargs/build/lib/yargs-factory.js': [[/yargs\.help\(\);\s*yargs\.version\(\);/, '']],
}

function without(source: string, changes: readonly (readonly [string | RegExp, string])[], path: string): string {
  return changes.reduce((text, [unasked, instead]) => {
    const changed = text.replace(unasked, instead)
    if (changed === text) throw new Error(`${path} has no ${unasked} any more: see scripts/build/diet.ts`)
    return changed
  }, source)
}
