// Where the program of an agent is and which version: by a look at files, because running it to ask takes up to two seconds.

import { readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { codeOf } from '../base/exit.js'
import { findProgram } from '../process/program.js'
import { fieldsOf, textOf } from './fields.js'
import type { Found } from './provider.js'

/** An agent as it is installed. */
export interface Distribution {
  command: string
  /** Its npm package. */
  package: string
  /** The oldest version whose flags and output are those that the provider knows. */
  least: string
}

/** Finds an agent on PATH; one that is known to be too old cannot be used. */
export function findAgent({ command, package: name, least }: Distribution): Found {
  const install = `npm install -g ${name}`
  const { path, denied } = findProgram(command, process.env.PATH)
  if (!path) return { why: denied ? `'${command}' may not be executed` : `'${command}' was not found`, install, denied }
  return ofVersion(path, versionBeside(path, name), { command, package: name, least })
}

function ofVersion(path: string, version: string | undefined, { package: name, least }: Distribution): Found {
  if (version === undefined || !isOlder(version, least)) return { path, version }
  return { why: `'${path}' is version ${version}, and ${least} or later is needed`, install: `npm install -g ${name}@latest` }
}

/** The same by the version that it prints when it is asked for it. */
export async function askAgent(agent: Distribution, path: string): Promise<Found> {
  const { execa } = await import('execa')
  const { stdout } = await execa(path, ['--version'], { reject: false, timeout: 10_000, stdin: 'ignore', killSignal: 'SIGKILL' })
  return ofVersion(path, /\d+\.\d+\.\d+([\w.-]*\w)?/.exec(stdout)?.[0], agent)
}

/** What package.json says of the package a program belongs to: of links as npm makes them, the one around the file they lead to. */
function versionBeside(path: string, name: string): string | undefined {
  for (let folder = dirname(realpathSync(path)), last = ''; folder !== last; last = folder, folder = dirname(folder)) {
    const found = packageAt(folder)
    if (found && textOf(found.name) === name) return textOf(found.version)
    // Native programs lie in a package of their own beside the one that was asked for, with its version.
    if (found) return textOf(found.name)?.startsWith(`${name}-`) ? textOf(found.version) : undefined
  }
  return undefined
}

function packageAt(folder: string): Record<string, unknown> | undefined {
  try {
    return fieldsOf(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')))
  } catch (error) {
    // A folder without one, or with one that says nothing: the search goes on above it.
    if (codeOf(error) === undefined && !(error instanceof SyntaxError)) throw error
    return undefined
  }
}

function isOlder(version: string, least: string): boolean {
  const [a, b] = [version, least].map(text => text.split('.').map(part => Number.parseInt(part, 10)))
  for (const at of [0, 1, 2]) {
    const difference = (a?.[at] ?? 0) - (b?.[at] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return false
}
