// The program behind the provider ollama: one turn of a conversation with a model, told on stdout as lines of zag-log(5).
//
// zag starts it like any agent: the prompt is its stdin, its one operand a file with what it is to do. A server remembers nothing, so
// the conversation lies beside that file; it has the prompt before there is an answer, and as much of one as there was.
// It waits as long as it takes, which fetch would not: it gives up after five minutes. That a server has been silent for too long is
// for zag to say, which ends this by a signal; the connection is closed then, and so the server stops.

import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { dirname, join } from 'node:path'
import type { NewEvent } from '../log/events.js'
import { readIfThere, replaceFile } from '../store/file.js'
import { parseLine } from '../store/lines.js'
import { oneLine } from './account.js'
import { fieldsOf, type Line, status, textOf } from './fields.js'
import { type Settings, serverOf } from './ollama.js'
import type { Limit } from './provider.js'

interface Message {
  role: 'system' | 'user' | 'assistant'
  content: string
}

/** Something is written at least so often while an answer comes, in milliseconds: an answer can be long, and it is one line. */
const SIGN_OF_LIFE = 10_000

/** What went wrong, in one line for the user. */
class Failure extends Error {
  readonly limit: Limit | undefined

  constructor(message: string, limit?: Limit) {
    super(message)
    this.limit = limit
  }
}

/** One prompt and its answer. */
class Turn {
  readonly #settings: Settings
  /** Where the conversation lies. */
  readonly #path: string
  readonly #messages: Message[]
  #thought = ''
  #said = ''
  #last: Line | undefined
  #wrote = performance.now()

  constructor(settings: Settings, path: string) {
    this.#settings = settings
    this.#path = path
    this.#messages = settings.resumed ? (JSON.parse(readIfThere(path) ?? '[]') as Message[]) : []
  }

  /** Whether there was an answer. */
  async play(content: string): Promise<boolean> {
    const last = this.#messages.at(-1)
    // One that is tried again was told already.
    if (last?.role !== 'user' || last.content !== content) this.#messages.push({ role: 'user', content })
    this.#keep()
    try {
      await this.#ask()
      this.#end()
      return true
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      this.breakOff()
      this.#tell({
        type: 'turn_ended',
        stop_reason: 'error',
        success: false,
        error: error.message,
        ...(error.limit && { limit: error.limit }),
      })
      return false
    }
  }

  /** Keeps what there is of an answer. */
  breakOff(): void {
    this.#tellThought()
    if (this.#said === '') return
    this.#tell({ type: 'assistant_message', content: this.#said })
    this.#messages.push({ role: 'assistant', content: this.#said })
    this.#said = ''
    this.#keep()
  }

  async #ask(): Promise<void> {
    const { model, system } = this.#settings
    const first: Message[] = system === undefined ? [] : [{ role: 'system', content: system }]
    // Without `think` a model thinks that can; what it does not say is the server's own choice.
    const answer = await post('/api/chat', { model, messages: [...first, ...this.#messages], stream: true })
    if (answer.statusCode !== 200) throw refusal(answer.statusCode ?? 0, await textIn(answer), answer.headers['retry-after'], model)
    for await (const line of linesIn(answer)) this.#take(line)
    if (this.#last === undefined) throw new Failure('the server ended the answer in the middle')
  }

  #take(text: string): void {
    const line = parseLine(text)
    if (line === undefined) throw new Failure(`it does not speak as Ollama does at ${serverOf(process.env)}: ${oneLine(text)}`)
    if (line.error !== undefined) throw refusal(0, text, undefined, this.#settings.model)
    const { thinking, content, tool_calls: calls } = fieldsOf(line.message)
    this.#thought += textOf(thinking) ?? ''
    const more = textOf(content) ?? ''
    if (more !== '') this.#tellThought()
    this.#said += more
    if (calls !== undefined) this.#tell(status('it wants to use tools, and has none', calls))
    if (line.done === true) this.#last = line
    if (performance.now() - this.#wrote > SIGN_OF_LIFE) this.#write('\n')
  }

  #tellThought(): void {
    if (this.#thought !== '') this.#tell({ type: 'reasoning', content: this.#thought })
    this.#thought = ''
  }

  #end(): void {
    this.breakOff()
    const { message, context, done, ...rest } = this.#last ?? {}
    const reason = textOf(rest.done_reason) ?? 'stop'
    this.#tell({ type: 'usage', input_tokens: countOf(rest.prompt_eval_count), output_tokens: countOf(rest.eval_count) })
    this.#tell(status(reason === 'length' ? 'the answer was cut off: it is as long as the model or the server allows' : 'done', rest))
    this.#tell({ type: 'turn_ended', stop_reason: reason, success: true })
  }

  #keep(): void {
    replaceFile(this.#path, `${JSON.stringify(this.#messages)}\n`)
  }

  #tell(event: NewEvent): void {
    this.#write(`${JSON.stringify({ ...event, session_id: this.#settings.session })}\n`)
  }

  #write(text: string): void {
    this.#wrote = performance.now()
    process.stdout.write(text)
  }
}

const countOf = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) ? value : undefined)

async function post(path: string, body: object): Promise<IncomingMessage> {
  const server = serverOf(process.env)
  const { request } = server.startsWith('https:') ? await import('node:https') : await import('node:http')
  const key = process.env.OLLAMA_API_KEY
  const headers = { 'content-type': 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}) }
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => reject(unreachable(server, error as Error))
    try {
      const asked = request(`${server}${path}`, { method: 'POST', headers, agent: false }, resolve)
      asked.on('error', fail)
      asked.end(JSON.stringify(body))
    } catch (error) {
      // What is no address.
      fail(error)
    }
  })
}

function unreachable(server: string, error: NodeJS.ErrnoException): Failure {
  const why = error.code ?? oneLine(error.message)
  return new Failure(`no Ollama server answers at ${server} (${why}): start it with 'ollama serve', or set OLLAMA_HOST`)
}

async function* linesIn(answer: IncomingMessage): AsyncGenerator<string> {
  let rest = ''
  answer.setEncoding('utf8')
  try {
    for await (const chunk of answer) {
      const lines = `${rest}${chunk}`.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line.trim() !== '') yield line
    }
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure(`the server broke off the answer (${(error as NodeJS.ErrnoException).code ?? error})`)
  }
  if (rest.trim() !== '') yield rest
}

async function textIn(answer: IncomingMessage): Promise<string> {
  let text = ''
  for await (const line of linesIn(answer)) text += `${line}\n`
  return text
}

/** What the server said instead of an answer, with the way out where there is one. */
function refusal(code: number, text: string, after: string | undefined, model: string): Failure {
  const words = oneLine(textOf(parseLine(text)?.error) ?? text) || 'it said nothing'
  if (code === 404 && /\bmodel\b.*\bnot found\b/i.test(words)) return new Failure(`${words}: get it with 'ollama pull ${model}'`)
  const error = code === 0 ? words : `${words} (HTTP ${code})`
  if (code !== 429) return new Failure(error)
  const resetAt = /^\d+$/.test(after ?? '') ? Date.now() + Number(after) * 1000 : undefined
  return new Failure(error, { message: words, resetAt })
}

async function main([path = '']: string[]): Promise<void> {
  const turn = new Turn(JSON.parse(readFileSync(path, 'utf8')) as Settings, join(dirname(path), 'conversation.json'))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      turn.breakOff()
      process.kill(process.pid, signal)
    })
  }
  // stdin is a file that zag gave it.
  process.exitCode = (await turn.play(String(readFileSync(0)))) ? 0 : 1
}

main(process.argv.slice(2)).catch(error => {
  process.stderr.write(`${error?.message}\n`)
  process.exitCode = error?.exit ?? 70
})
