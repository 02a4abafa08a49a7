// What the model answers: a word at the beginning of a line of the last thing the user said tells it.
//
//   SAY text          the text
//   RUN command       a call of the agent's shell; what it gave is quoted afterwards
//   USE tool input    a call of this tool with this input, as JSON on the same line; what it gave is quoted afterwards
//   SIZE              how many characters the user's message has
//   COUNT             how many messages of the user the conversation has
//   RECALL            the first of them
//   HANG              begins to speak, and is silent then until the client goes
//   FAIL status [s]   an error; with a number, the client may try again after so many seconds
//   LIMIT s [name]    a usage limit that is over so many seconds after such a line was seen first
//
// Anything else is repeated. A model whose name begins with no-such does not exist.

import { fieldsOf } from '../../../lib/provider/fields.js'
import type { Answer, Call, Failure, Talk, Tool } from './talk.js'

/** When limits are over, in milliseconds since 1970, by the line that asked for them. */
export type Limits = Map<string, number>

interface Order {
  word: string
  rest: string
}

const ORDER = /^(SAY|RUN|USE|SIZE|COUNT|RECALL|HANG|FAIL|LIMIT)\b *(.*)$/gm

/** The names that agents give their shell. */
const SHELL = /^(Bash|bash|shell|shell_command|exec_command|run_shell_command)$/

/** For side requests, such as one for a title; some want JSON. */
const ASIDE = '{"title":"a title","reasoning":"none","model_choice":"flash"}'

export function answer(talk: Talk, limits: Limits, aside: boolean): Answer {
  if (/^no-such/.test(talk.model)) return { failure: { status: 404, message: `The model '${talk.model}' does not exist` } }
  if (aside) return say(ASIDE)
  const asked = talk.turns
    .filter(({ from }) => from === 'user')
    .map(({ text }) => plain(text))
    .filter(Boolean)
  const limit = limited(asked.flatMap(ordersIn), limits)
  if (limit) return { failure: limit }
  const last = talk.turns.at(-1)
  if (last?.from === 'tool') return say(`it gave: ${last.text}`)
  return follow(ordersIn(asked.at(-1) ?? '').at(-1), asked, talk)
}

function follow(order: Order | undefined, asked: string[], { tools }: Talk): Answer {
  const [first = '', latest = ''] = [asked[0], asked.at(-1)]
  if (!order) return say(`you said: ${latest}`)
  const { word, rest } = order
  if (word === 'RUN') return run(rest, tools)
  if (word === 'USE') return use(rest)
  if (word === 'HANG') return { ...say('I begin and'), hang: true }
  if (word === 'FAIL') return { failure: failure(rest) }
  if (word === 'SIZE') return say(`${latest.length} characters`)
  if (word === 'COUNT') return say(`${asked.length} messages`)
  if (word === 'RECALL') return say(`first you said: ${first}`)
  return say(word === 'SAY' ? rest : 'the limit is over')
}

/** In two pieces, so that it is seen whether they are put together. */
function say(text: string): { said: { pieces: string[] } } {
  const half = Math.ceil(text.length / 2)
  return { said: { pieces: [text.slice(0, half), text.slice(half)] } }
}

function failure(words: string): Failure {
  const [status, retryAfter] = words.split(' ').map(Number)
  return { status: status ?? 500, message: `failed on purpose with ${status}`, retryAfter }
}

/** The failure of a limit that the user asked for and that is not over. */
function limited(orders: Order[], limits: Limits): Failure | undefined {
  const asked = orders.filter(({ word }) => word === 'LIMIT').map(({ rest }) => rest)
  for (const rest of asked) if (!limits.has(rest)) limits.set(rest, Date.now() + 1000 * Number.parseFloat(rest))
  const end = Math.max(...asked.map(rest => limits.get(rest) ?? 0))
  if (end <= Date.now()) return undefined
  return { status: 429, message: 'The usage limit has been reached', resetsAt: Math.ceil(end / 1000) }
}

function ordersIn(text: string): Order[] {
  return [...text.matchAll(ORDER)].map(([, word = '', rest = '']) => ({ word, rest: rest.trim() }))
}

/** What the user said, without what the agent put around it: that is in marks such as <system-reminder>. */
function plain(text: string): string {
  return text.replace(/<([a-z][a-z_-]*)\b[^>]*>[\s\S]*?<\/\1>/g, '').trim()
}

function run(command: string, tools: Tool[]): Answer {
  const shell = tools.find(({ name }) => SHELL.test(name))
  if (!shell) return say(`no shell among the tools: ${tools.map(({ name }) => name).join(' ')}`)
  return { said: { pieces: ['I will ', 'run it.'], call: shellCall(shell, command) } }
}

function use(order: string): Answer {
  const [, name = '', input = ''] = /^(\S+) +(.*)$/.exec(order) ?? []
  return { said: { pieces: ['I will ', 'use it.'], call: { name, input: fieldsOf(JSON.parse(input)) } } }
}

function shellCall(shell: Tool, command: string): Call {
  const input = shell.required.map(name => [name, filled(shell.properties[name])] as const)
  const { type } = fieldsOf(shell.properties.command)
  const name = 'cmd' in shell.properties ? 'cmd' : 'command'
  return { name: shell.name, input: { ...Object.fromEntries(input), [name]: type === 'array' ? ['bash', '-c', command] : command } }
}

/** Something that fits a property which is required and does not matter. */
function filled(schema: unknown): unknown {
  const { type, enum: choice } = fieldsOf(schema)
  if (Array.isArray(choice)) return choice[0]
  return { boolean: false, integer: 1, number: 1, array: [] }[String(type)] ?? 'as told'
}
