// Runs inside every program: loads a chunk with the code that V8 compiled the first time.
//
// Whoever can write the cache can run code as this user, so it lies in a folder of the user's own with mode 0700 and is
// left alone when that does not hold. Its key has the version of Node and the hash of the chunk; V8 checks its own version and
// flags. A cache that cannot be read, is refused or cannot be written costs its gain and nothing else.
// Measured in CPU time where `node -e 0` takes 44 ms: a program with ten flags 74 ms without it, 54 ms with it.

import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { Script } from 'node:vm'

const OLD_MS = 30 * 86_400_000

/** The exports of the CommonJS module in `file`, which is ASCII; `hash` is of its content, `main` is for its import.meta. */
export function load(file: string, hash: string, require: NodeJS.Require, main: boolean): unknown {
  // One byte per character: half the memory of UTF-16, and V8 need not look at each.
  const source = readFileSync(file, 'latin1')
  // V8 refuses what was compiled under other flags, and runners have some of their own.
  const flags = process.execArgv.length > 0 ? '-flags' : ''
  const name = `${process.version}-${process.arch}-${hash}${flags}`
  const cachedData = recall(name)
  const script = new Script(`(function(exports,require,module,__filename,__dirname){${source}\n})`, { filename: file, cachedData })
  const module = { exports: {}, main }
  script.runInThisContext()(module.exports, require, module, file, join(file, '..'))
  // At the end, when the functions that were called are compiled too.
  if (!cachedData || script.cachedDataRejected) process.once('exit', () => remember(name, script.createCachedData()))
  return module.exports
}

/** Where the cache is; nothing where the user has no home. */
function folder(): string | undefined {
  const { XDG_CACHE_HOME, HOME } = process.env
  const base = XDG_CACHE_HOME?.startsWith('/') ? XDG_CACHE_HOME : HOME?.startsWith('/') ? join(HOME, '.cache') : undefined
  return base && join(base, 'zag')
}

function recall(name: string): Buffer | undefined {
  const at = folder()
  if (!at) return undefined
  let fd: number | undefined
  try {
    if (!isPrivate(at)) return undefined
    fd = openSync(join(at, name), constants.O_RDONLY | constants.O_NOFOLLOW)
    const { uid, mode } = fstatSync(fd)
    return uid === process.getuid?.() && (mode & 0o022) === 0 ? readFileSync(fd) : undefined
  } catch {
    // There is none yet, or it cannot be read: the source is compiled.
    return undefined
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

function isPrivate(path: string): boolean {
  const { uid, mode } = lstatSync(path)
  return (mode & constants.S_IFMT) === constants.S_IFDIR && uid === process.getuid?.() && (mode & 0o077) === 0
}

function remember(name: string, data: Buffer): void {
  const at = folder()
  if (!at) return
  const aside = join(at, `.${process.pid}`)
  try {
    create(at)
    if (!isPrivate(at)) return
    writeFileSync(aside, data, { mode: 0o600, flag: 'wx' })
    renameSync(aside, join(at, name))
    for (const old of readdirSync(at)) if (Date.now() - statSync(join(at, old)).mtimeMs > OLD_MS) rmSync(join(at, old))
  } catch {
    // No room or no permission: the next start compiles again.
    rmSync(aside, { force: true })
  }
}

/** Makes the folder, but not in the home of somebody else, as under sudo. */
function create(at: string): void {
  const base = join(at, '..')
  if (statSync(join(base, '..')).uid !== process.getuid?.()) return
  mkdirSync(base, { recursive: true })
  mkdirSync(at, { recursive: true, mode: 0o700 })
}
