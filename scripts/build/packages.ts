// The heavy packages and how each becomes a chunk that only the code path using it loads.
//
// Programs reach them by `await import('yargs')`; the build turns that into a call of load.ts for
// dist/chunk/yargs.js, which happens only when it is reached.

/** Each of them costs 5 to 30 ms at start-up, so none may be imported at the top of a module. */
export const HEAVY = [
  'yargs',
  'execa',
  'proper-lockfile',
  'ndjson',
  'toml-eslint-parser',
  'marked',
  'ajv',
  'ajv/dist/2019.js',
  'ajv/dist/2020.js',
  '@agentclientprotocol/sdk',
] as const

/** Of these a module may import at its top the functions that it calls: the chunk is loaded at the first call of one. */
export const ON_CALL: Readonly<Record<string, readonly string[]>> = {
  unbash: ['forEachChild', 'parse'],
  picomatch: ['makeRe'],
}

/** The name of the chunk that a package, or one file of it, becomes. */
export function chunkOf(name: string): string {
  return name.replace(/\.js$/, '').replaceAll('/', '-')
}

/** A chunk gives what Node gives for the package: the default export itself, with the named ones on it. */
export function packageSource(name: string): string {
  return `const all = require('${name}')\nmodule.exports = [undefined, all].includes(all.default) ? all : Object.assign(all.default, all)\n`
}

/** What a program has in the package's place: a call of the loader. */
export function stubSource(name: string, hash: string): string {
  return `const { load } = require('./load.ts')\nmodule.exports = load(__dirname + '/${chunkOf(name)}.js', '${hash}', require, false)\n`
}

/** The same for one that is loaded at the first call. */
export function onCallSource(name: string, hash: string): string {
  const functions = (ON_CALL[name] ?? []).map(each => `exports.${each} = (...args) => loaded().${each}(...args)\n`)
  return `const { load } = require('./load.ts')
let all
const loaded = () => (all ??= load(__dirname + '/${chunkOf(name)}.js', '${hash}', require, false))
${functions.join('')}`
}

/** What is started in place of a program's own code; `load` is told whether it was, or was required by the dispatcher. */
export function startSource(name: string, hash: string): string {
  const file = `__dirname + '/../chunk/${name}.js'`
  return `const { load } = require('./load.ts')\nmodule.exports = load(${file}, '${hash}', require, require.main === module)\n`
}
