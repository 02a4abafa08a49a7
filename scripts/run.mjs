// Runs a TypeScript script of this folder: node scripts/run.mjs scripts/man.ts [words...]
//
// Node 20 reads no TypeScript. The script is bundled to dist/scripts, which lies as deep as its source does from the top,
// so what the modules say of their own place (lib/base/paths) holds there too.

import { rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const [script, ...words] = process.argv.slice(2)
const outfile = join(import.meta.dirname, '../dist/scripts', `${basename(script, '.ts')}-${process.pid}.mjs`)
// Here, as it runs when the script calls process.exit, too.
process.on('exit', () => rmSync(outfile, { force: true }))
await build({
  entryPoints: [script],
  outfile,
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  sourcemap: 'inline',
  logLevel: 'warning',
})
process.argv = [process.argv[0], script, ...words]
await import(pathToFileURL(outfile).href)
