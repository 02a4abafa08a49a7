// zag as a client of the Agent Client Protocol, version 1 (agentclientprotocol.com): it begins the conversation, hands over prompts,
// answers what the agent asks, and serves it files of the project. What the agent says of its work is read by acp-reader.ts.
//
// An answer to a question is chosen by its kind, never by an agent's own name for it. Without --auto-approve nobody can be asked, so
// the answer is no, and the log says so.

import { lstatSync, realpathSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import type {
  McpServer as AcpServer,
  ClientContext,
  InitializeResponse,
  NewSessionResponse,
  RequestPermissionRequest,
  RequestPermissionResponse,
} from '@agentclientprotocol/sdk'
import { quoted, reason } from '../base/exit.js'
import { writeInPlace } from '../store/file.js'
import { nameOfCall } from './acp-reader.js'
import { isConversation } from './fields.js'
import { mcpServers } from './mcp.js'
import type { Driver, Task, Wire } from './provider.js'

/** What an agent does in a way of its own. */
export interface AcpWays {
  /** Its model is chosen on its command line. */
  modelByArgv?: boolean
  /** Its servers are configured in a way of its own, or not at all. */
  serversByConfig?: boolean
  /** The beginning of a prompt that it would take for a command of its own, whatever a model is to be told. */
  commands?: RegExp
}

const VERSION = 1

/** zag's side of the talk with an agent that speaks the protocol. */
export async function acpDriver(task: Task, wire: Wire, ways: AcpWays = {}): Promise<Driver> {
  const { client, methods } = await import('@agentclientprotocol/sdk')
  const incoming = new Incoming()
  const connection = client({ name: 'zag' })
    .onRequest(methods.client.session.requestPermission, ({ params }) => answer(params, task, wire))
    .onRequest(methods.client.fs.readTextFile, async ({ params }) => ({ content: await readWithin(task.root, params) }))
    .onRequest(methods.client.fs.writeTextFile, async ({ params }) => writeWithin(task.root, params))
    // The reader sees to them.
    .onNotification(methods.client.session.update, () => {})
    .connect({ readable: incoming.stream, writable: new WritableStream({ write: message => wire.send(message) }) })
  const talk = new Talk(task, connection.agent, ways)
  return {
    take: line => incoming.push(line),
    open: () => talk.open(),
    prompt: text => talk.prompt(text),
  }
}

/** What the agent says, as the stream that the library reads. */
class Incoming {
  #controller: ReadableStreamDefaultController | undefined
  readonly stream = new ReadableStream({ start: controller => this.#begin(controller) })

  #begin(controller: ReadableStreamDefaultController): void {
    this.#controller = controller
  }

  push(message: object): void {
    this.#controller?.enqueue(message)
  }
}

class Talk {
  readonly #task: Task
  readonly #agent: ClientContext
  readonly #ways: AcpWays
  #session = ''

  constructor(task: Task, agent: ClientContext, ways: AcpWays) {
    this.#task = task
    this.#agent = agent
    this.#ways = ways
  }

  async open(): Promise<string> {
    const about: Partial<InitializeResponse> | null = await this.#agent.request('initialize', {
      protocolVersion: VERSION,
      clientInfo: { name: 'zag', version: '0' },
      clientCapabilities: { fs: { readTextFile: true, writeTextFile: true }, terminal: false },
    })
    if (typeof about?.protocolVersion !== 'number') throw new Error("its answer to 'initialize' says no version of the protocol")
    if (about.protocolVersion !== VERSION)
      throw new Error(`it speaks version ${about.protocolVersion} of the Agent Client Protocol, and zag speaks version ${VERSION}`)
    const { conversation, resumed } = this.#task
    const old = resumed && conversation !== undefined ? conversation : undefined
    this.#session = old ?? ''
    const begun = old === undefined ? await this.#begin() : await this.#goOn(old, about)
    if (this.#task.model !== undefined && !this.#ways.modelByArgv) await this.#choose(this.#task.model, begun)
    return this.#session
  }

  prompt(text: string): void {
    const plain = this.#ways.commands?.test(text) ? `These words are no command of yours:\n${text}` : text
    const prompt = this.#agent.request('session/prompt', { sessionId: this.#session, prompt: [{ type: 'text', text: plain }] })
    // The reader sees how it ends, also if that is an error.
    prompt.catch(() => {})
  }

  get #place() {
    const { cwd, flags } = this.#task
    const given = this.#ways.serversByConfig ? undefined : flags.mcpConfig
    return { cwd, mcpServers: given === undefined ? [] : serversIn(given) }
  }

  async #begin(): Promise<NewSessionResponse> {
    const begun: NewSessionResponse | null = await this.#agent.request('session/new', this.#place)
    if (!isConversation(begun?.sessionId)) throw new Error("its answer to 'session/new' names no conversation")
    this.#session = begun.sessionId
    return begun
  }

  async #goOn(sessionId: string, { agentCapabilities: can }: Partial<InitializeResponse>): Promise<Partial<NewSessionResponse>> {
    // One that resumes does not tell again all that was said.
    if (can?.sessionCapabilities?.resume) return (await this.#agent.request('session/resume', { sessionId, ...this.#place })) ?? {}
    if (can?.loadSession) return (await this.#agent.request('session/load', { sessionId, ...this.#place })) ?? {}
    throw new Error('it cannot go on with a conversation: it offers neither session/load nor session/resume')
  }

  /** By an option of the session, as newer agents have it, else by the older call for it. */
  async #choose(model: string, { configOptions }: Partial<NewSessionResponse>): Promise<void> {
    const sessionId = this.#session
    const option = configOptions?.find(({ category, id }) => category === 'model' || id === 'model')
    if (option) await this.#agent.request('session/set_config_option', { sessionId, configId: option.id, value: model })
    else await this.#agent.request('session/set_model', { sessionId, modelId: model })
  }
}

function serversIn(path: string): AcpServer[] {
  const pairs = (table: Record<string, string>) => Object.entries(table).map(([name, value]) => ({ name, value }))
  return Object.entries(mcpServers(path)).map(([name, server]) =>
    'command' in server
      ? { name, command: server.command, args: server.args, env: pairs(server.env) }
      : { type: server.transport, name, url: server.url, headers: pairs(server.headers) },
  )
}

/** What the agent is told when it asks whether it may. */
function answer({ options, toolCall }: RequestPermissionRequest, { flags }: Task, wire: Wire): RequestPermissionResponse {
  const granted = flags.autoApprove === true && !flags.plan
  const kinds = granted ? ['allow_once', 'allow_always'] : ['reject_once', 'reject_always']
  const option = kinds.map(kind => options.find(option => option.kind === kind)).find(option => option !== undefined)
  wire.log({
    type: 'permission',
    tool: nameOfCall(toolCall),
    granted: granted && option !== undefined,
    by: granted ? 'auto' : 'deny',
    reason: granted
      ? '--auto-approve'
      : `nobody can be asked about ${quoted(toolCall.title ?? toolCall.toolCallId)}: ${flags.plan ? '--plan only looks' : '--auto-approve lets it use its tools'}`,
  })
  return { outcome: option ? { outcome: 'selected', optionId: option.optionId } : { outcome: 'cancelled' } }
}

/** A file of the project for the agent. Throws an Error, which the agent is told, for any other. */
async function readWithin(
  root: string,
  { path, line, limit }: { path: string; line?: number | null; limit?: number | null },
): Promise<string> {
  const text = await readFile(within(root, path), 'utf8')
  if (line == null && limit == null) return text
  const first = Math.max(1, line ?? 1) - 1
  return text
    .split('\n')
    .slice(first, limit == null ? undefined : first + limit)
    .join('\n')
}

async function writeWithin(root: string, { path, content }: { path: string; content: string }): Promise<Record<string, never>> {
  writeInPlace(within(root, path), content)
  return {}
}

/** The real path of a file in the project, wherever links lead; of one that is still to be made, by its folder. */
function within(root: string, path: string): string {
  const real = realOf(resolve(root, path))
  const top = realpathSync(root)
  if (real !== top && !real.startsWith(top === sep ? sep : top + sep)) throw new Error(`${quoted(path)} is not in the project`)
  return real
}

function realOf(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    const folder = dirname(path)
    // Whoever writes through a link to nothing makes what it leads to.
    const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()
    if (folder === path || isLink) throw new Error(`cannot look at ${quoted(path)}: ${reason(error)}`)
    return join(realOf(folder), basename(path))
  }
}
