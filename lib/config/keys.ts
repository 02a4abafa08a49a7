// Every key of config.toml and .zag.toml: its type, what it may hold, and so the type Config of config.ts.
//
// A key stands here when it works in this release and not before; all else in a file is an unknown key. A new key is one
// line in KEYS and one entry in zag-config(5). A check returns what is wrong in words that follow the key's name.

import { quoted } from '../base/exit.js'

export type Shape =
  | { kind: 'text'; check?: (text: string) => string | undefined }
  | { kind: 'choice'; of: readonly string[] }
  | { kind: 'words' }
  | { kind: 'flag' }
  /** a whole number, 1 or more */
  | { kind: 'count' }
  /** a number, 0 or more, with a fraction if need be */
  | { kind: 'amount' }
  /** a text that is a duration; its value is milliseconds */
  | { kind: 'time' }
  /** an array of strings, which may be empty */
  | { kind: 'list'; check: (text: string) => string | undefined }
  /** a table with these keys and no others */
  | { kind: 'keys'; keys: Readonly<Record<string, Key>>; required?: readonly string[] }
  /** a table whose keys are names that the user gives; `among`: only names of providers that there are; `ofBuiltin`: what a provider that zag has may hold */
  | {
      kind: 'names'
      each: Shape
      ofBuiltin?: (name: string) => Shape
      name?: (name: string, known: Known, keys: readonly string[]) => string | undefined
      among?: 'providers'
    }

/** `homeOnly`: refused in a project's .zag.toml, with the reason; with `onTrust` only until the user accepted that very file. */
export type Key = Shape & { homeOnly?: string; onTrust?: true }

/** The names of providers: those that zag has or keeps for itself, and those of config.toml. */
export interface Known {
  builtin: ReadonlySet<string>
  configured: ReadonlySet<string>
}

/** Names that no [providers.NAME] may take, also those of providers still to come. */
export const BUILTIN_PROVIDERS: ReadonlySet<string> = new Set([
  'sh',
  'claude',
  'codex',
  'gemini',
  'copilot',
  'opencode',
  'ollama',
  'acp',
  'native',
])

const somewhere = { kind: 'list', check: fromRootOrHome } as const
const text = { kind: 'text', check: notEmpty } as const
const onMachine = 'says how many run at once on this machine'
const limits = { slots: { kind: 'count', homeOnly: onMachine }, stagger: { kind: 'time', homeOnly: onMachine } } as const

/** What a provider that zag has may hold. */
const BUILTIN = { kind: 'keys', keys: limits } as const

/** What zag's own agent may hold besides. Prices are US dollars for a million tokens. */
export const NATIVE = {
  kind: 'keys',
  keys: {
    ...limits,
    api: { kind: 'choice', of: ['openai', 'anthropic'] },
    base_url: { kind: 'text', check: webAddress },
    key_env: { kind: 'text', check: variable },
    model: text,
    context: { kind: 'count' },
    max_output: { kind: 'count' },
    attempts: { kind: 'count' },
    input_price: { kind: 'amount' },
    output_price: { kind: 'amount' },
    cache_read_price: { kind: 'amount' },
    cache_write_price: { kind: 'amount' },
  },
} as const

export const KEYS = {
  kind: 'keys',
  keys: {
    provider: text,
    model: text,
    ask: { kind: 'flag' },
    max_depth: { kind: 'count', homeOnly: 'says how many sessions others may start' },
    max_children: { kind: 'count', homeOnly: 'says how many sessions others may start' },
    models: {
      kind: 'names',
      among: 'providers',
      each: { kind: 'keys', keys: { small: text, medium: text, large: text } },
    },
    providers: {
      kind: 'names',
      homeOnly: 'names commands to run',
      onTrust: true,
      name: providerName,
      ofBuiltin: name => (name === 'native' ? NATIVE : BUILTIN),
      each: {
        kind: 'keys',
        required: ['command'],
        keys: {
          command: { kind: 'words' },
          resume: { kind: 'words' },
          format: { kind: 'choice', of: ['text', 'ndjson'] },
          env: { kind: 'names', name: variableName, each: { kind: 'text', check: withoutNul } },
          ...limits,
        },
      },
    },
    limits: {
      kind: 'keys',
      keys: {
        wait: { kind: 'flag' },
        fallback: { kind: 'time' },
        attempts: { kind: 'count' },
        patterns: { kind: 'list', check: regularExpression },
      },
    },
    worktree: { kind: 'keys', keys: { carry: { kind: 'list', check: withinProject } } },
    sandbox: {
      kind: 'names',
      homeOnly: 'says what a sandbox lets through',
      name: profileName,
      each: {
        kind: 'keys',
        keys: { write: somewhere, read: somewhere, hide: somewhere, net: { kind: 'flag' } },
      },
    },
    listen: { kind: 'keys', keys: { format: { kind: 'choice', of: ['text', 'json', 'rich-text'] }, timestamps: { kind: 'flag' } } },
  },
} as const satisfies Shape

/** The plain value of a shape. A table that no file has is empty, so only texts and the like can be missing. */
export type Value<S> = S extends { kind: 'text' }
  ? string
  : S extends { kind: 'choice'; of: readonly (infer C)[] }
    ? C
    : S extends { kind: 'words' }
      ? [string, ...string[]]
      : S extends { kind: 'list' }
        ? string[]
        : S extends { kind: 'flag' }
          ? boolean
          : S extends { kind: 'count' | 'amount' | 'time' }
            ? number
            : S extends { kind: 'names'; each: infer E }
              ? { [name: string]: Value<E> }
              : S extends { kind: 'keys'; keys: infer K }
                ? { -readonly [P in Exclude<keyof K, Always<S, K>>]?: Value<K[P]> } & { -readonly [P in Always<S, K>]: Value<K[P]> }
                : never
type Always<S, K> = {
  [P in keyof K]: K[P] extends { kind: 'names' | 'keys' } ? P : S extends { required: readonly (infer R)[] } ? P & R : never
}[keyof K]

function regularExpression(text: string): string | undefined {
  try {
    new RegExp(text, 'i')
    return text === '' ? 'has an empty pattern, which fits anything: leave it out' : undefined
  } catch (error) {
    return `has ${quoted(text)}, no regular expression: ${(error as Error).message}`
  }
}

export function withoutNul(value: string): string | undefined {
  return value.includes('\0') ? 'has a NUL character: leave it out' : undefined
}

function notEmpty(value: string): string | undefined {
  return value === '' ? 'is empty: give a value or leave the key out' : withoutNul(value)
}

/** Text alone cannot say where symbolic links lead: worktree-carry.ts looks. */
function withinProject(path: string): string | undefined {
  if (path === '') return 'has an empty path: give one or leave it out'
  if (path.startsWith('/')) return `has ${quoted(path)}: give a path within the project`
  const parts = path.split('/').filter(part => part !== '' && part !== '.')
  if (parts.length === 0 || parts.includes('..') || parts.includes('.git')) return `has ${quoted(path)}: give a path within the project`
  return withoutNul(path)
}

function fromRootOrHome(path: string): string | undefined {
  if (/^(?:\/|~\/|~$)/.test(path) && !/^\/+$/.test(path)) return withoutNul(path)
  return `has ${quoted(path)}: give a path that begins with / or ~/, and is not / itself`
}

function profileName(name: string): string | undefined {
  return /^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/.test(name) ? undefined : 'is no name for a sandbox: write letters, digits, _ and -, 40 at most'
}

function providerName(name: string, { builtin }: Known, keys: readonly string[]): string | undefined {
  if (builtin.has(name)) return keys.includes('command') ? 'is the name of a provider that zag has: take another' : undefined
  if (/^[a-z][a-z0-9_-]{0,39}$/.test(name)) return undefined
  return 'is no name for a provider: begin with a-z, go on with a-z 0-9 _ -, 40 at most'
}

function variable(name: string): string | undefined {
  return variableName(name) === undefined ? undefined : `is ${quoted(name)}, no name of a variable: write letters, digits and _`
}

function webAddress(text: string): string | undefined {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return undefined
  return `is ${quoted(text)}, no address: give one such as 'http://127.0.0.1:8080/v1'`
}

function variableName(name: string): string | undefined {
  if (name !== '__proto__' && /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return undefined
  return 'is no name for a variable: write letters, digits and _'
}
