// npm run build: one CommonJS file per program in dist/bin, the runner in dist/lib, heavy packages in dist/chunk.
//
// Everything lies two folders deep, where lib/base/paths expects it. Files are replaced by rename, so a program that
// runs during a build finds a whole file, and what no source makes any more is removed.

import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import { diet } from './diet.js'
import { chunkSource, HEAVY, stubSource } from './packages.js'

const TOP = process.cwd()
const DIST = join(TOP, 'dist')
const BUILD = join(import.meta.dirname, '../../scripts/build')

/** What a bundle says of itself in place of import.meta: a file that was required is not the program that was started. */
const BANNER = `const __meta={dirname:__dirname,filename:__filename,main:require.main===module,get url(){return require("url").pathToFileURL(__filename).href}};`

const COMMON: BuildOptions = {
  absWorkingDir: TOP,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.19',
  write: false,
  metafile: true,
  logLevel: 'silent',
  charset: 'utf8',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'external',
  banner: { js: BANNER },
  define: { 'import.meta': '__meta' },
  // import() of a built-in or a chunk becomes a lazy require: the loader of ES modules costs 3 ms to wake.
  supported: { 'dynamic-import': false },
}

/** Leaves the heavy packages out of a program: where it imports one, the chunk is loaded. */
function apart(hashes: ReadonlyMap<string, string>): Plugin {
  return {
    name: 'apart',
    setup(build) {
      build.onResolve({ filter: new RegExp(`^(${HEAVY.join('|')})$`) }, ({ path, kind, importer }) => {
        if (kind === 'dynamic-import') return { path, namespace: 'apart' }
        return {
          errors: [{ text: `${relative(TOP, importer)} imports ${path} at its top: write await import('${path}') where it is used` }],
        }
      })
      build.onLoad({ filter: /.*/, namespace: 'apart' }, ({ path }) => ({
        contents: stubSource(path, hashes.get(path) ?? ''),
        loader: 'js',
        resolveDir: BUILD,
      }))
    },
  }
}

const made = new Set<string>()

/** Bundles one entry to a file of dist, and gives its text. */
async function bundle(outfile: string, options: BuildOptions, executable = false): Promise<string> {
  const result = await build({ ...COMMON, ...options, outfile: join(DIST, outfile) })
  const files = result.outputFiles ?? []
  for (const file of files) put(relative(DIST, file.path), file.contents, executable)
  return files.find(file => file.path === join(DIST, outfile))?.text ?? ''
}

/** A heavy package as a chunk, with the hash of its text. */
async function bundleChunk(name: string): Promise<[string, string]> {
  const stdin = { contents: chunkSource(name), resolveDir: TOP }
  const text = await bundle(`chunk/${name}.js`, { stdin, plugins: [diet], charset: 'ascii', minify: true })
  return [name, createHash('sha256').update(text).digest('hex').slice(0, 32)]
}

function put(path: string, contents: string | Uint8Array, executable = false): void {
  const target = join(DIST, path)
  mkdirSync(dirname(target), { recursive: true })
  const aside = `${target}.${process.pid}.new`
  writeFileSync(aside, contents)
  if (executable) chmodSync(aside, 0o755)
  renameSync(aside, target)
  made.add(path)
}

function programs(): string[] {
  return readdirSync(join(TOP, 'bin'))
    .map(file => basename(file, '.ts'))
    .sort()
}

async function main(): Promise<void> {
  const failed: string[] = []
  const attempt = (what: string, work: Promise<unknown>) => work.catch(error => failed.push(`${what}: ${error.message}`))
  const plugins = [apart(new Map(await Promise.all(HEAVY.map(bundleChunk))))]
  const runner = 'lib/session/runner-main.ts'
  await Promise.all([
    ...programs().map(name => attempt(name, bundle(`bin/${name}`, { entryPoints: [`bin/${name}.ts`], plugins }, true))),
    ...(existsSync(runner) ? [attempt('zag-runner', bundle('lib/zag-runner.js', { entryPoints: [runner], plugins }))] : []),
  ])
  put('package.json', '{"type":"commonjs"}\n')
  put('lib/programs.json', `${JSON.stringify(describe(), null, 2)}\n`)
  failed.push(...checkBin())
  for (const line of failed) console.error(`build: ${line}`)
  if (failed.length > 0) process.exitCode = 1
  else removeStale()
}

/** Names and purposes of all programs, from their own data: what `zag` lists. */
function describe(): { name: string; does: string }[] {
  const require = createRequire(join(DIST, 'lib/'))
  return programs()
    .filter(name => made.has(`bin/${name}`))
    .map(name => {
      const { data } = require(join(DIST, 'bin', name)).default
      return { name: data.name, does: data.does }
    })
}

/** package.json is written by hand; this says where it differs from bin/. */
function checkBin(): string[] {
  const listed: Record<string, string> = JSON.parse(readFileSync('package.json', 'utf8')).bin ?? {}
  const wanted = new Map(programs().map(name => [name, `dist/bin/${name}`]))
  const missing = [...wanted]
    .filter(([name, path]) => listed[name] !== path)
    .map(([name, path]) => `package.json: bin lacks "${name}": "${path}"`)
  const extra = Object.keys(listed)
    .filter(name => !wanted.has(name))
    .map(name => `package.json: bin has "${name}", but there is no bin/${name}.ts`)
  return [...missing, ...extra]
}

function removeStale(): void {
  for (const folder of ['bin', 'lib', 'chunk']) {
    for (const file of readdirSync(join(DIST, folder)))
      if (!made.has(`${folder}/${file}`)) rmSync(join(DIST, folder, file), { recursive: true })
  }
}

await main()
