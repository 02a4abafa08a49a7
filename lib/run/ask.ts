// From what a user asked for to a session on disk: defaults filled in, checked against what the provider can do, refused
// before anything is made if it cannot be kept.

import { resolve } from 'node:path'
import { aroundHere } from '../agent/around.js'
import { attached, checkFiles, filesAt } from '../agent/attach.js'
import { sandboxOf, trySandbox } from '../agent/sandbox.js'
import { EXIT, Fault, quoted, usage } from '../base/exit.js'
import { newId } from '../base/id.js'
import { checkName } from '../base/name.js'
import { defaults, inside, isSandboxed, OF_A_SESSION, projectRoot, realFolder } from '../base/paths.js'
import { timestamp } from '../base/time.js'
import { type Config, loadConfig } from '../config/config.js'
import { myself } from '../process/identity.js'
import { checkAsked } from '../provider/asked.js'
import { providerOf, providers } from '../provider/list.js'
import type { Asked, Feature, Provider } from '../provider/provider.js'
import { filesFor, gather } from '../session/context.js'
import { limitsFor, mustBeOpen, placeFor } from '../session/nesting.js'
import { undo } from '../session/remove.js'
import { openHome } from '../store/home.js'
import { nobody, type Owner } from '../table/owners.js'
import { processes } from '../table/processes.js'
import { create, exists, type Session } from '../table/sessions.js'
import type { Wanted } from '../worktree/make.js'
import { permissionsOf } from './permissions.js'
import { isLimited } from './slots.js'
import { rowFor } from './turn.js'

/** What a session can be asked for: the flags of spawn, exec and pipe in camelCase, with the prompt. Durations in milliseconds. */
export interface Ask {
  prompt: string | Buffer
  /** Made by newId before, for whoever has to know it before there is a session. */
  id?: string
  provider?: string
  model?: string
  size?: 'small' | 'medium' | 'large'
  root?: string
  name?: string
  description?: string
  tag?: string[]
  group?: string
  env?: string[]
  timeout?: number
  /** An agent that writes nothing for so long is ended; 0 is never. */
  stall?: number
  onLimit?: 'wait' | 'fail'
  keepChildren?: boolean
  retries?: number
  /** How deep sessions may nest below it, and how many children of it may be alive at once. */
  maxDepth?: number
  maxChildren?: number
  interactive?: boolean
  /** A worktree of its own: `true`, or by this name. */
  worktree?: string | true
  /** Run the agent in bubblewrap: `true`, or with this profile of config.toml. */
  sandbox?: string | true
  sandboxNet?: 'on' | 'off'
  autoApprove?: boolean
  /** Rules: what it may do, what it must not, and what it may do once. */
  allow?: string[]
  deny?: string[]
  allowOnce?: string[]
  /** What no rule decides becomes a relay, or is refused; neither: as the configuration says, or as is usual for the provider. */
  ask?: boolean
  noAsk?: boolean
  /** A relay is denied after so long. */
  relayTimeout?: number
  /** The command line of an agent, for a provider that is for any. */
  agent?: string
  /** Where the models are, for a provider that has no place of its own for them. */
  baseUrl?: string
  systemPrompt?: string
  addDir?: string[]
  file?: string[]
  mcpConfig?: string
  maxTurns?: number
  plan?: boolean
  /** Ids of sessions whose results go before the prompt, and how many bytes of each at the most. */
  contextOf?: string[]
  contextBytes?: number
  /** The answer has to be JSON. */
  answerJson?: boolean
  /** Ids of sessions it waits for; they have to complete, unless afterAny; their results go before the prompt with injectContext. */
  dependsOn?: string[]
  afterAny?: boolean
  injectContext?: boolean
  /** How many of its group may run when it starts, itself included. */
  slots?: number
  /** The JSON Schema that results have to fit: inline if it begins with `{`, else a path. */
  jsonSchema?: string
}

/** What was asked for, checked and filled in: all that `record` needs to make the session of it. */
export interface Planned {
  session: Session
  files: Record<string, string | Buffer>
  wanted: Partial<Wanted>
}

/** Makes a session, not yet started, owned by this process. Throws as plan and record do, and leaves nothing then. */
export async function makeSession(ask: Ask, role: Owner['role']): Promise<Session> {
  const { session, files, wanted } = await plan(ask)
  return record(session, role, files, wanted)
}

/** Checks what is asked for and reads what it names, and makes nothing. Throws Faults 2, 5, 126, 127. */
export async function plan(ask: Ask): Promise<Planned> {
  const cwd = realFolder(ask.root ?? '.')
  const root = projectRoot(cwd)
  if (ask.timeout === 0) throw usage('--timeout 0 leaves no time: leave it out for no limit')
  if (ask.interactive && ask.retries)
    throw usage('--retries tries a run again that failed, and --interactive goes on after it: give one of the two')
  const config = await loadConfig(root)
  const provider = await choose(ask, config)
  checkFeatures(ask, provider)
  const schema = ask.jsonSchema === undefined ? undefined : await (await import('../agent/schema.js')).loadSchema(ask.jsonSchema)
  const session = sessionOf(ask, config, provider, { cwd, root })
  const files = filesOf(ask, provider, session, schema)
  checkAsked(provider, { model: session.model, prompt: files.prompt, flags: session.flags })
  if (session.sandbox) await trySandbox(session)
  return { session, files, wanted: { name: ask.worktree, carried: config.worktree.carry } }
}

/**
 * Puts a session on record for whoever starts it at once, or for nobody if it has to wait; with a worktree of its own if a name is
 * wanted for one. Gives it as it was put. Throws Faults 2, 4, 5, 127 and leaves nothing then.
 */
export async function record(
  session: Session,
  role: Owner['role'],
  files: Record<string, string | Buffer>,
  wanted: Partial<Wanted> = {},
): Promise<Session> {
  const waits = role !== 'queue' && (await hasToWait(session))
  // Another process will start it, in this one's environment and with its umask.
  if (waits) return putApart(session, 'queue', { ...files, environment: aroundHere() }, wanted)
  return putApart(session, role, files, wanted)
}

/** Whether a session waits for others or for a slot. Throws a Fault (4) if it does and this is a sandbox. */
export async function hasToWait(session: Session): Promise<boolean> {
  const waits = session.depends_on.length > 0 || (await isLimited(session))
  if (waits && isSandboxed())
    throw new Fault('what waits for others or for a slot would be started outside of this sandbox: ask for it there', EXIT.notNow)
  return waits
}

async function putApart(
  session: Session,
  role: Owner['role'],
  files: Record<string, string | Buffer>,
  { name, after, carried = [] }: Partial<Wanted>,
): Promise<Session> {
  if (name === undefined) {
    put(session, role, files)
    return session
  }
  if (isSandboxed())
    throw new Fault('no worktree can be made inside of this sandbox: ask for it outside, or leave out --worktree', EXIT.notNow)
  const { giveWorktree, takeAway } = await import('../worktree/make.js')
  const apart = await giveWorktree(session, { name, after, carried })
  try {
    put(apart, role, files)
  } catch (error) {
    if (apart.worktree) await takeAway(apart.worktree)
    throw error
  }
  return apart
}

/** Makes the session with its files and its row. Throws a Fault (5) and leaves nothing then. */
function put(session: Session, role: Owner['role'], files: Record<string, string | Buffer>): void {
  openHome()
  const waits = role === 'queue'
  const place = placeFor(session)
  try {
    create(session, { role, run: 1, ...(waits ? nobody() : myself()) }, files)
    try {
      // Whoever ends the parent closes it before looking for its children: one of the two always sees the other.
      if (session.parent !== undefined) mustBeOpen(session.parent)
      processes().append(rowFor(session, 1, 'created', waits ? { status: 'queued' } : {}))
      place?.keep()
    } catch (error) {
      undo(session.id)
      throw error
    }
  } catch (error) {
    place?.giveBack()
    throw error
  }
}

function sessionOf(ask: Ask, config: Config, provider: Provider, { cwd, root }: { cwd: string; root: string }): Session {
  const group = ask.group === undefined ? (defaults().group ?? root) : checkName('group', ask.group)
  const id = ask.id ?? newId()
  const parent = parentHere()
  return {
    id,
    created_at: timestamp(),
    provider: provider.name,
    model: modelOf(ask, config, provider),
    root,
    cwd,
    name: ask.name === undefined ? undefined : checkName('name', ask.name),
    description: ask.description,
    tags: [...new Set((ask.tag ?? []).map(tag => checkName('tag', tag)))],
    parent,
    ...limitsFor(id, parent, ask, { maxDepth: config.max_depth, maxChildren: config.max_children }),
    group,
    ...waitingFor(ask),
    context_from: ask.contextOf?.length ? ask.contextOf : undefined,
    flags: asGiven(ask),
    env: environmentOf(ask.env ?? []),
    timeout_ms: ask.timeout,
    stall_ms: ask.stall,
    on_limit: ask.onLimit,
    keep_children: ask.keepChildren || undefined,
    retries: ask.retries,
    interactive: ask.interactive || undefined,
    permissions: permissionsOf(ask, config, provider, group),
    sandbox: sandboxOf(ask, config, provider.state?.(process.env)),
  }
}

/** What it waits for, and what it gets from others when it starts. */
function waitingFor({ dependsOn = [], afterAny, injectContext, contextOf = [], slots }: Ask) {
  const depends_on = [...new Set(dependsOn)]
  if (depends_on.length === 0 && (afterAny || injectContext))
    throw usage(`--${afterAny ? 'after-any' : 'inject-context'} goes with --depends-on: name the sessions it waits for`)
  return {
    depends_on,
    after_any: afterAny || undefined,
    context_of: injectContext ? [...new Set([...contextOf, ...depends_on])] : undefined,
    slots,
  }
}

/** The session that a new one is a child of: the one around, if any. */
export function parentHere(): string | undefined {
  const around = inside()
  return around && exists(around.session) ? around.session : undefined
}

/** The flags that are kept as given; the prompt and --env have places of their own. */
const KEPT: (keyof Ask)[] = [
  'provider',
  'model',
  'size',
  'root',
  'name',
  'description',
  'tag',
  'group',
  'timeout',
  'stall',
  'onLimit',
  'keepChildren',
  'retries',
  'maxDepth',
  'maxChildren',
  'interactive',
  'worktree',
  'sandbox',
  'sandboxNet',
  'autoApprove',
  'allow',
  'deny',
  'allowOnce',
  'ask',
  'noAsk',
  'relayTimeout',
  'agent',
  'baseUrl',
  'systemPrompt',
  'addDir',
  'file',
  'mcpConfig',
  'maxTurns',
  'plan',
  'contextBytes',
  'answerJson',
  'afterAny',
  'injectContext',
  'slots',
]

/** Only what was asked for: no switch that is off, no empty list. */
function asGiven(ask: Ask): Record<string, unknown> {
  return Object.fromEntries(KEPT.filter(key => isGiven(ask[key])).map(key => [key, PATHS.has(key) ? absolute(ask[key]) : ask[key]]))
}

/** Flags that name files by where they are from here; the agent works elsewhere. */
const PATHS: ReadonlySet<keyof Ask> = new Set(['addDir', 'file', 'mcpConfig'])

function absolute(value: unknown): unknown {
  return Array.isArray(value) ? value.map(absolute) : resolve(String(value))
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0)
}

/** The provider asked for, else that of the environment, the configuration, or the first agent found. */
async function choose(ask: Ask, config: Config): Promise<Provider> {
  const name = ask.provider ?? defaults().provider ?? config.provider
  return name === undefined ? firstFound(config) : usable(name, config, ask)
}

/** The provider of that name. Throws a Fault 127 or 126 if it cannot be used here. */
export async function usable(name: string, config: Config, asked?: Asked): Promise<Provider> {
  const provider = await providerOf(name, config)
  const found = await provider.find(asked)
  if (found.path !== undefined) return provider
  throw new Fault(
    `provider ${quoted(provider.name)} cannot be used: ${found.why}: ${found.install}`,
    found.denied ? EXIT.cannotRun : EXIT.notFound,
  )
}

async function firstFound(config: Config): Promise<Provider> {
  for (const provider of await providers(config)) {
    if (provider.prompt === 'text' && !provider.named && (await provider.find()).path !== undefined) return provider
  }
  throw new Fault("no provider given and no agent found: give --provider (as -p sh), or set 'provider' in config.toml", EXIT.notFound)
}

const FEATURES: [keyof Ask, Feature, string][] = [
  ['model', 'model', '--model'],
  ['size', 'model', '--size'],
  ['systemPrompt', 'system_prompt', '--system-prompt'],
  ['addDir', 'add_dir', '--add-dir'],
  ['mcpConfig', 'mcp_config', '--mcp-config'],
  ['maxTurns', 'max_turns', '--max-turns'],
  ['plan', 'plan', '--plan'],
  ['autoApprove', 'auto_approve', '--auto-approve'],
  ['agent', 'agent', '--agent'],
  ['baseUrl', 'base_url', '--base-url'],
  ['allow', 'relays', '--allow'],
  ['deny', 'relays', '--deny'],
  ['allowOnce', 'relays', '--allow-once'],
  ['ask', 'relays', '--ask'],
  ['relayTimeout', 'relays', '--relay-timeout'],
]

/** Throws usage if something is asked for that the provider cannot do. */
export function checkFeatures(ask: Partial<Ask>, provider: Provider): void {
  for (const [key, feature, flag] of FEATURES) {
    // What zag itself sees to.
    if (key === 'addDir' && ask.sandbox !== undefined) continue
    const can = feature === 'relays' ? provider.live !== undefined : provider.can.has(feature)
    if (isGiven(ask[key]) && !can) throw usage(`provider ${quoted(provider.name)} has no ${flag}: leave it out, or choose another provider`)
  }
  checkFiles(provider, ask.file ?? [])
}

function modelOf(ask: Ask, config: Config, provider: Provider): string | undefined {
  if (!provider.can.has('model')) return undefined
  if (ask.model !== undefined) return ask.model
  if (ask.size === undefined) return defaultModel(config, provider)
  const model = config.models[provider.name]?.[ask.size] ?? provider.sizes?.[ask.size]
  if (model !== undefined) return model
  throw usage(
    `provider ${quoted(provider.name)} has no ${ask.size} model: set [models.${provider.name}] ${ask.size} in config.toml, or give --model`,
  )
}

/** A default model belongs to the default provider it stands beside; alone it is for any. */
function defaultModel(config: Config, { name, model }: Provider): string | undefined {
  const around = defaults()
  if (around.model !== undefined && (around.provider ?? name) === name) return around.model
  const own = model?.(config)
  return own === undefined && (config.provider ?? name) === name ? config.model : own
}

function environmentOf(words: string[]): Record<string, string> {
  const pairs = words.map(word => {
    const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(word) ?? []
    if (name === undefined || value === undefined) throw usage(`--env ${quoted(word)} is no NAME=VALUE`)
    if (OF_A_SESSION.test(name) || name === 'ZAG_HOME' || name === 'ZAG_SANDBOX')
      throw usage(`--env ${name}: zag sets this variable itself`)
    if (value.includes('\0')) throw usage(`--env ${name}: a value has no NUL byte`)
    return [name, value] as const
  })
  return Object.fromEntries(pairs)
}

/** What an agent that reads text is told where its answer has to be JSON. */
export function askForJson({ answerJson = false }: Pick<Ask, 'answerJson'>, schema?: string): string {
  const alone = 'and nothing else: no prose before or after it.'
  if (schema !== undefined) return `\n\nAnswer with one JSON value that fits this JSON Schema, ${alone}\n\n${schema.trim()}\n`
  return answerJson ? `\n\nAnswer with one JSON value ${alone}` : ''
}

function filesOf(
  ask: Ask,
  provider: Provider,
  session: Session,
  schema: string | undefined,
): Record<string, string | Buffer> & { prompt: Buffer } {
  if (String(ask.prompt).trim() === '' && !(ask.interactive && ask.prompt.length === 0))
    throw usage('the prompt is empty: give it as an operand, with --prompt or --file-prompt, or on stdin with -')
  const files = attached(provider, filesAt(ask.file ?? [])).flatMap(block => ['\n\n', block])
  const wish = provider.prompt === 'text' ? askForJson(ask, schema) : ''
  const task = Buffer.concat([ask.prompt, ...files, wish].map(part => Buffer.from(part)))
  const kept: Record<string, string> = schema === undefined ? {} : { schema }
  // What is given when the session starts is put before the task then.
  if (session.context_of) return { ...kept, prompt: task, task }
  return { ...kept, ...filesFor(task, gather(ask.contextOf ?? [], ask.contextBytes), provider.prompt) }
}
