// npm run build: one file per program in dist/bin, those that only zag starts in dist/lib, each a few lines that load their own CommonJS
// code from dist/chunk, where the heavy packages are too. That way V8 need not compile them anew at each start (load.ts): a
// program of 100 kB starts 4 ms earlier where `node -e 0` takes 44 ms.
//
// Everything lies two folders deep, where lib/base/paths expects it. Files are replaced by rename, so a program that
// runs during a build finds a whole file, and what no source makes any more is removed.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import { type Data, longName, takesValue } from '../../lib/command/data.js'
import { diet } from './diet.js'
import { licences } from './licences.js'
import { chunkOf, HEAVY, ON_CALL, onCallSource, packageSource, startSource, stubSource } from './packages.js'

const TOP = process.cwd()
const DIST = join(TOP, 'dist')
/** What zag starts itself, by the name it gets in dist/lib. */
const OWN = {
  'zag-runner': 'lib/run/main.ts',
  'zag-library': 'lib/library/zag.ts',
  'zag-native': 'lib/native/main.ts',
  'zag-ollama': 'lib/provider/ollama-agent.ts',
}
const BUILD = join(import.meta.dirname, '../../scripts/build')

/** What a chunk has in place of import.meta; load.ts says whether it is of the program that was started. */
const BANNER = `const __meta={dirname:__dirname,filename:__filename,main:module.main,get url(){return require("url").pathToFileURL(__filename).href}};`

const COMMON: BuildOptions = {
  absWorkingDir: TOP,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.19',
  write: false,
  metafile: true,
  logLevel: 'silent',
  // load.ts reads them so.
  charset: 'ascii',
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
      build.onResolve({ filter: new RegExp(`^(${Object.keys(ON_CALL).join('|')})$`) }, ({ path }) => ({ path, namespace: 'on-call' }))
      build.onLoad({ filter: /.*/, namespace: 'on-call' }, ({ path }) => ({
        contents: onCallSource(path, hashes.get(path) ?? ''),
        loader: 'js',
        resolveDir: BUILD,
      }))
      build.onLoad({ filter: /.*/, namespace: 'apart' }, ({ path }) => ({
        contents: stubSource(path, hashes.get(path) ?? ''),
        loader: 'js',
        resolveDir: BUILD,
      }))
    },
  }
}

const made = new Set<string>()
const bundled = new Set<string>()

/** Bundles to dist/chunk what load.ts runs, and gives the hash of it. */
async function bundleChunk(name: string, options: BuildOptions): Promise<string> {
  const outfile = join(DIST, `chunk/${name}.js`)
  const { outputFiles = [], metafile } = await build({ ...COMMON, ...options, outfile })
  for (const input of Object.keys(metafile?.inputs ?? {})) bundled.add(input)
  let hash = ''
  for (const { path, text } of outputFiles) {
    // Inside of the function that load.ts makes of it, a shebang is no comment.
    const body = text.replace(/^#!.*\n/, '')
    if (path === outfile) hash = createHash('sha256').update(body).digest('hex').slice(0, 32)
    put(relative(DIST, path), body)
  }
  return hash
}

/** What is started: a few lines that load a chunk. */
async function bundleStart(path: string, chunk: string, hash: string, banner?: string): Promise<void> {
  const stdin = { contents: startSource(chunk, hash), resolveDir: BUILD }
  const options: BuildOptions = { ...COMMON, stdin, banner: { js: banner ?? '' }, minify: true, outfile: join(DIST, path) }
  const { outputFiles = [] } = await build(options)
  for (const { contents } of outputFiles) put(path, contents, banner !== undefined)
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
  const heavy = [...HEAVY, ...Object.keys(ON_CALL)].map(async name => {
    const options = { stdin: { contents: packageSource(name), resolveDir: TOP }, plugins: [diet], minify: true }
    return [name, await bundleChunk(chunkOf(name), options)] as const
  })
  const plugins = [apart(new Map(await Promise.all(heavy)))]
  const program = async (name: string) => {
    await bundleStart(`bin/${name}`, name, await bundleChunk(name, { entryPoints: [`bin/${name}.ts`], plugins }), '#!/usr/bin/env node')
  }
  const own = async (name: string, source: string) => {
    await bundleStart(`lib/${name}.js`, name, await bundleChunk(name, { entryPoints: [source], plugins }))
  }
  await Promise.all([
    ...programs().map(name => attempt(name, program(name))),
    ...Object.entries(OWN)
      .filter(([, source]) => existsSync(join(TOP, source)))
      .map(([name, source]) => attempt(name, own(name, source))),
  ])
  put('LICENSES.txt', licences(bundled))
  put('package.json', '{"type":"commonjs"}\n')
  if (made.has('lib/zag-library.js')) putLibrary()
  const data = dataOfPrograms()
  put('lib/programs.json', `${JSON.stringify(data.map(describe), null, 2)}\n`)
  put('lib/data.json', `${JSON.stringify(data)}\n`)
  failed.push(...checkBin())
  for (const line of failed) console.error(`build: ${line}`)
  if (failed.length > 0) process.exitCode = 1
  else removeStale()
}

/** The library for import: the same code as for require, under its names. Where its types are, types.ts sees to. */
function putLibrary(): void {
  const names: string[] = JSON.parse(
    execFileSync(process.execPath, ['-p', 'JSON.stringify(Object.keys(require(process.argv[1])))', join(DIST, 'chunk/zag-library.js')], {
      encoding: 'utf8',
    }),
  )
  put('lib/zag-library.mjs', `import zag from './zag-library.js'\nexport const { ${names.join(', ')} } = zag\n`)
  for (const ending of ['d.ts', 'd.mts']) put(`lib/zag-library.${ending}`, "export * from '../types/lib/library/zag.js'\n")
}

/**
 * What every program that was built says of itself: for what speaks of all of them, as zag completion does. A process of its own
 * asks them: this one looked for dist/package.json before there was one, and remembers that. Their chunks are asked, not what is
 * started: that would keep compiled code of all of them.
 */
function dataOfPrograms(): Data[] {
  const names = programs().filter(name => made.has(`bin/${name}`))
  // The folder comes first: a file there would be taken for the program that was started.
  const script = 'const [, chunks, ...names] = process.argv; console.log(JSON.stringify(names.map(n => require(chunks + n).default.data)))'
  return JSON.parse(
    execFileSync(process.execPath, ['-e', script, join(DIST, 'chunk/'), ...names], { encoding: 'utf8', maxBuffer: 1 << 26 }),
  )
}

/** What `zag` lists of a program, and the flags that take a value, which may stand before its name. */
function describe(data: Data): { name: string; does: string; valued: string[] } {
  return { name: data.name, does: data.does, valued: valuedFlags(data) }
}

function valuedFlags(data: Data): string[] {
  const parts = 'commands' in data ? Object.values(data.commands) : [data]
  const flags = parts.flatMap(part => Object.entries(part.flags)).filter(([, flag]) => takesValue(flag))
  return [...new Set(flags.flatMap(([key, { short }]) => [`--${longName(key)}`, ...(short ? [`-${short}`] : [])]))]
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
    for (const file of readdirSync(join(DIST, folder))) {
      // What ends in .new may be of another build that runs now.
      if (!made.has(`${folder}/${file}`) && !file.endsWith('.new')) rmSync(join(DIST, folder, file), { recursive: true })
    }
  }
}

await main()
