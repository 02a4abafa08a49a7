// zag as a client of the Agent Client Protocol, version 1 (agentclientprotocol.com): it begins the conversation, hands over prompts,
// answers what the agent asks, and serves it files of the project. What the agent says of its work is read by acp-reader.ts.
//
// An answer to a question is chosen by its kind, never by an agent's own name for it, and is for one call: what is always so is for
// rules of zag to say, which hold for every agent. There is no place in it for a reason.

import { resolve } from 'node:path'
import type {
  McpServer as AcpServer,
  ClientContext,
  InitializeResponse,
  NewSessionResponse,
  RequestPermissionRequest,
  RequestPermissionResponse,
} from '@agentclientprotocol/sdk'
import { codeOf } from '../base/exit.js'
import type { Known } from '../file/times.js'
import type { Call, Decision } from '../permission/call.js'
import { type AcpTable, acpQuestion } from './acp-calls.js'
import { edit, isSaidNo, read, refusal } from './calls.js'
import { fieldsOf, isConversation, type Line, textOf } from './fields.js'
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
  /** It takes the reason of a refusal beside that, as `_meta.zag.reason`. */
  reasons?: boolean
  /** What it says of its calls in a way of its own. */
  calls?: AcpTable
}

const VERSION = 1

/** zag's side of the talk with an agent that speaks the protocol. */
export async function acpDriver(task: Task, wire: Wire, ways: AcpWays = {}): Promise<Driver> {
  const { client, methods } = await import('@agentclientprotocol/sdk')
  const incoming = new Incoming()
  const questions = new Questions(task, wire, ways)
  const connection = client({ name: 'zag' })
    .onRequest(methods.client.session.requestPermission, ({ params }) => questions.answer(params))
    .onRequest(methods.client.fs.readTextFile, ({ params }) =>
      orWhy(async () => {
        unlessForbidden(wire, read(params.path))
        return { content: await wire.files.read(params.path, params) }
      }),
    )
    .onRequest(methods.client.fs.writeTextFile, ({ params }) =>
      orWhy(async () => {
        unlessForbidden(wire, edit(params.path))
        if (task.flags.plan) throw new Error('--plan: nothing is written')
        await wire.files.write(params.path, params.content, questions.known(params.path))
        return {}
      }),
    )
    // The reader sees to them.
    .onNotification(methods.client.session.update, () => {})
    .connect({ readable: incoming.stream, writable: new WritableStream({ write: message => wire.send(message) }) })
  const talk = new Talk(task, connection.agent, ways, () => questions.close())
  return {
    take(line) {
      // Before it is handed on: the library may give a question that was asked later to whoever answers it sooner.
      questions.note(line)
      incoming.push(line)
    },
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
  readonly #onEnd: () => void
  #session = ''

  /** `onEnd` is called when a turn is over, however it ended. */
  constructor(task: Task, agent: ClientContext, ways: AcpWays, onEnd: () => void) {
    this.#task = task
    this.#agent = agent
    this.#ways = ways
    this.#onEnd = onEnd
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
    prompt.catch(() => {}).finally(this.#onEnd)
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

/** What the agent asks, each question until it is answered or its turn is over; there can be several at once. */
class Questions {
  readonly #task: Task
  readonly #wire: Wire
  readonly #ways: AcpWays
  /** What was told of calls that are not over: a question tells only what is new. */
  readonly #calls = new Map<string, Line>()
  /** What was known of a file when the call was granted that is to write it, by the file's path. */
  readonly #granted = new Map<string, { call: string; known: Known | undefined }>()
  #turn = new AbortController()

  constructor(task: Task, wire: Wire, ways: AcpWays) {
    this.#task = task
    this.#wire = wire
    this.#ways = ways
  }

  /** Takes what it tells of its calls; all else is the reader's. */
  note({ method, params }: Line): void {
    if (method !== 'session/update') return
    const { sessionUpdate, toolCallId, status, ...told } = fieldsOf(fieldsOf(params).update)
    const id = textOf(toolCallId)
    if (id === undefined || (sessionUpdate !== 'tool_call' && sessionUpdate !== 'tool_call_update')) return
    const known = Object.entries(told).filter(([, value]) => value != null)
    if (status === 'completed' || status === 'failed') this.#forget(id)
    else this.#calls.set(id, { ...this.#calls.get(id), ...Object.fromEntries(known) })
  }

  /** What it is told when it asks whether it may. */
  async answer({ options, toolCall }: RequestPermissionRequest): Promise<RequestPermissionResponse> {
    const before = this.#calls.get(toolCall.toolCallId) ?? {}
    const question = acpQuestion(fieldsOf(toolCall), before, this.#task.cwd, this.#ways.calls)
    const known = await this.#knownOf(question)
    const decision = await this.#wire.ask(question, this.#turn.signal)
    const option = options.find(({ kind }) => kind === (decision.granted ? 'allow_once' : 'reject_once'))
    if (decision.granted && !option) this.#noOnce(question)
    if (decision.granted) for (const [path, version] of known) this.#granted.set(path, { call: toolCall.toolCallId, known: version })
    const { reasons } = this.#ways
    if (!decision.granted && !reasons) this.#wire.untold(question, decision)
    const told = reasons && !decision.granted ? { _meta: { zag: { reason: refusal(decision) } } } : {}
    return { outcome: option ? { outcome: 'selected', optionId: option.optionId, ...told } : { outcome: 'cancelled' } }
  }

  /**
   * What the session knew of a file that it writes now when it asked for that. Some agents read a file once more just before they write it,
   * not for their model: what another has written while they waited would be written over.
   */
  known(path: string): Known | undefined {
    const file = resolve(this.#task.cwd, path)
    const { known } = this.#granted.get(file) ?? {}
    this.#granted.delete(file)
    return known
  }

  async #knownOf({ tool, params }: Call): Promise<(readonly [string, Known | undefined])[]> {
    const paths = tool === 'edit' ? [params.path].flat().filter(path => typeof path === 'string') : []
    return Promise.all(paths.map(async path => [resolve(this.#task.cwd, path), await this.#wire.files.known(path)] as const))
  }

  #forget(call: string): void {
    this.#calls.delete(call)
    for (const [path, granted] of this.#granted) if (granted.call === call) this.#granted.delete(path)
  }

  /** The turn is over: nobody wants to know any more. */
  close(): void {
    this.#granted.clear()
    this.#turn.abort()
    this.#turn = new AbortController()
  }

  /** It is refused what was granted: an "always" of its own would hold for more than was decided about. */
  #noOnce({ tool, tool_id }: Call & { tool_id?: string }): void {
    const reason = 'the agent lets it be allowed for good, and not once'
    this.#wire.log({ type: 'permission', tool_id, tool, granted: false, by: 'deny', reason })
  }
}

/** Of a file that is not there, and of any other reason. */
const NOT_FOUND = -32002
const REFUSED = -32000

/** What was asked for, or an error whose message says why not: that of one that is no RequestError would be "Internal error" to the agent. */
async function orWhy<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    const { RequestError } = await import('@agentclientprotocol/sdk')
    const { message, cause } = error as Error
    if (codeOf(cause) === 'ENOENT') throw new RequestError(NOT_FOUND, `Resource not found: ${message}`)
    throw new RequestError(REFUSED, message)
  }
}

/** Throws an Error, which the agent is told, for what a rule forbids: an agent may use a file without asking. */
function unlessForbidden(wire: Wire, call: Call): void {
  const against: Decision | undefined = wire.forbids(call)
  if (against) throw new Error(isSaidNo(against) ? refusal(against) : (against.reason ?? refusal(against)))
}
