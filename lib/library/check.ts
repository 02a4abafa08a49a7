// Options as they come from JavaScript, which checks none: one that there is not, or of another kind, is a Fault (2), as a flag would be.

import { quoted, usage } from '../base/exit.js'
import { nearest } from '../base/name.js'
import type { SpawnOptions } from './begin.js'

const isText = (value: unknown) => typeof value === 'string'
const areTexts = (value: unknown) => Array.isArray(value) && value.every(isText)
const isSwitch = (value: unknown) => typeof value === 'boolean'
const isCount = (value: unknown) => Number.isInteger(value) && (value as number) >= 1
const isNumber = (value: unknown) => Number.isInteger(value) && (value as number) >= 0

/** What each kind of option holds, in words. */
const KINDS = {
  text: ['a string', isText],
  texts: ['an array of strings', areTexts],
  names: ['a string or an array of strings', (value: unknown) => isText(value) || areTexts(value)],
  content: ['a string or a Buffer', (value: unknown) => isText(value) || Buffer.isBuffer(value)],
  switch: ['true or false', isSwitch],
  optional: ['a string or true', (value: unknown) => isText(value) || value === true || value === false],
  time: ['a number of milliseconds', (value: unknown) => typeof value === 'number' && Number.isFinite(value) && value >= 0],
  count: ['a whole number from 1', isCount],
  number: ['a whole number from 0', isNumber],
  record: [
    'an object of strings',
    (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(isText),
  ],
} as const satisfies Record<string, readonly [string, (value: unknown) => boolean]>

const SPAWN: { readonly [O in keyof Required<SpawnOptions>]: keyof typeof KINDS } = {
  prompt: 'content',
  provider: 'text',
  model: 'text',
  size: 'text',
  root: 'text',
  name: 'text',
  description: 'text',
  tag: 'names',
  group: 'text',
  env: 'record',
  timeout: 'time',
  stall: 'time',
  onLimit: 'text',
  keepChildren: 'switch',
  retries: 'number',
  maxDepth: 'number',
  maxChildren: 'number',
  interactive: 'switch',
  worktree: 'optional',
  sandbox: 'optional',
  sandboxNet: 'text',
  autoApprove: 'switch',
  allow: 'texts',
  deny: 'texts',
  allowOnce: 'texts',
  ask: 'switch',
  noAsk: 'switch',
  relayTimeout: 'time',
  agent: 'text',
  baseUrl: 'text',
  systemPrompt: 'text',
  addDir: 'texts',
  file: 'texts',
  mcpConfig: 'text',
  maxTurns: 'count',
  plan: 'switch',
  contextBytes: 'number',
  context: 'names',
  dependsOn: 'names',
  afterAny: 'switch',
  injectContext: 'switch',
  slots: 'count',
  jsonSchema: 'text',
}

/** Throws usage for options of a session that are none. A prompt may be missing where the caller adds it, or the session lives on. */
export function checkSpawn(options: unknown, { whole = true } = {}): void {
  if (typeof options !== 'object' || options === null) throw usage('options are an object: { prompt: … }')
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(SPAWN, key)) throw unknown(key, Object.keys(SPAWN))
    const [kind, fits] = KINDS[SPAWN[key as keyof typeof SPAWN]]
    if (value !== undefined && !fits(value)) throw usage(`the option ${quoted(key)} is ${kind}, not ${told(value)}`)
  }
  if (whole && (options as Partial<SpawnOptions>).prompt === undefined) throw usage("the option 'prompt' is missing")
}

function unknown(key: string, known: readonly string[]): Error {
  const near = nearest(key, known)
  return usage(`no option ${quoted(key)}${near.length > 0 ? `: did you mean ${near.join(' or ')}?` : ''}`)
}

function told(value: unknown): string {
  return isText(value) ? quoted(value as string) : typeof value === 'object' ? 'an object' : String(value)
}
