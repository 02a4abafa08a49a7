// Checks of this machine and this installation: Node, the programs, the configuration, the agents, what the system allows.

import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { quoted } from '../base/exit.js'
import { distribution, paths, programs, projectRoot } from '../base/paths.js'
import { loadConfig } from '../config/config.js'
import { findProgram } from '../process/program.js'
import { survey } from '../provider/survey.js'
import { readIfThere } from '../store/file.js'
import { parseLine } from '../store/lines.js'
import { count, type Found, fine, type Seen, wrong } from './finding.js'

const OLDEST_NODE = [20, 19] as const
/** Below these more programs have to poll than one would like. */
const FEW_WATCHERS = 128
const FEW_WATCHES = 8_192

export function lookAtNode(): Found[] {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [needed, neededMinor] = OLDEST_NODE
  if (major > needed || (major === needed && minor >= neededMinor)) return [fine(`node ${process.versions.node}`)]
  return [wrong(`node ${process.versions.node} is too old`, `install ${OLDEST_NODE.join('.')} or later`)]
}

export function lookAtPrograms(): Found[] {
  const manifest = readIfThere(join(distribution(), '../package.json'))
  const names = Object.keys((parseLine(manifest ?? '')?.bin as object | undefined) ?? {})
  const files = names.map(name => join(programs(), name))
  const runner = join(distribution(), 'lib', 'zag-runner.js')
  const missing = [...files, runner].filter(path => !existsSync(path))
  const barred = files.filter(path => !missing.includes(path) && findProgram(path).denied)
  const found = [
    ...(names.length === 0 ? [wrong(`the list of programs beside ${quoted(distribution())} cannot be read`, 'install zag again')] : []),
    ...missing.map(path => wrong(`${quoted(path)} is missing`, 'install zag again')),
    ...barred.map(path => wrong(`${quoted(path)} may not be executed`, `chmod +x ${quoted(path)}`)),
  ]
  return found.length > 0 ? found : [fine(`${count(files.length, 'program')} in ${quoted(programs())}`)]
}

export function lookAtPath(): Found[] {
  const { path } = findProgram('zag', process.env.PATH)
  if (path === undefined) return [fine('zag is not on PATH', `add ${quoted(programs())} to PATH`)]
  const here = join(programs(), 'zag')
  if (existsSync(here) && realpathSync(path) === realpathSync(here)) return [fine(`zag is on PATH as ${quoted(path)}`)]
  return [fine(`the zag on PATH is another one: ${quoted(path)}`, `put ${quoted(programs())} before it on PATH`)]
}

export async function lookAtConfiguration(seen: Seen): Promise<Found[]> {
  seen.config = await loadConfig(projectRoot('.'))
  return [fine(existsSync(paths.config()) ? `${quoted(paths.config())} is right` : `no ${quoted(paths.config())}: the defaults count`)]
}

export async function lookAtProviders({ config }: Seen): Promise<Found[]> {
  if (!config) return []
  const rows = await survey(config)
  const usable = rows.filter(row => row.usable).map(row => row.provider)
  if (usable.length === 0) return [wrong('no provider can be used', 'zag providers says why')]
  return [fine(`${usable.length} of ${count(rows.length, 'provider')} can be used: ${usable.join(', ')}`)]
}

export function lookAtInotify(): Found[] {
  if (process.platform !== 'linux') return []
  const [instances, watches] = ['max_user_instances', 'max_user_watches'].map(name => Number(limit(name)))
  if (instances === undefined || watches === undefined || Number.isNaN(instances + watches)) {
    return [fine('the limits of inotify cannot be read', 'where the system cannot watch, zag polls')]
  }
  const message = `${instances} instances and ${watches} watches a user`
  if (instances >= FEW_WATCHERS && watches >= FEW_WATCHES) return [fine(message)]
  return [fine(message, `that is few: programs beyond it poll every 100 ms; raise fs.inotify with sysctl`)]
}

function limit(name: string): string {
  try {
    return readFileSync(`/proc/sys/fs/inotify/${name}`, 'latin1')
  } catch {
    // A kernel without inotify, or a container that hides it: reported as not readable.
    return 'unknown'
  }
}
