// What the model answers: a word at the beginning of a line of the last thing the user said tells it.
//
//   SAY text          the text
//   RUN command       a call of the agent's shell; what it gave is quoted afterwards
//   USE tool input    a call of this tool with this input, as JSON on the same line; what it gave is quoted afterwards
//   SIZE              how many characters the user's message has
//   COUNT             how many messages of the user the conversation has
//   RECALL            the first of them
//   HANG              begins to speak, and is silent then until the client goes; after all calls
//   FAIL status [s]   an error; with a number, the client may try again after so many seconds
//   LIMIT s [name]    a usage limit that is over so many seconds after such a line was seen first
//   FAILS n status    so often an error for this line, then an answer
//   HALF n [name]     so often for this line an answer that ends in its middle, then a whole one
//   CALL tool json    a call of a tool; several lines are calls one after the other, and what each gave is quoted at the end
//   CALLS json        calls at once: a list of [tool, input]
//   BROKEN tool text  a call with an input that is no JSON
//   LOOP tool json    a call again and again, whatever it gave
//   EMPTY [always]    no word
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

const ORDER = /^(SAY|RUN|USE|SIZE|COUNT|RECALL|HANG|FAILS|FAIL|LIMIT|HALF|CALLS|CALL|BROKEN|LOOP|EMPTY)\b *(.*)$/gm

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
  const orders = ordersIn(asked.at(-1) ?? '')
  if (asked.some(text => /^EMPTY always$/m.test(text))) return { said: { pieces: [] } }
  const results = resultsIn(talk)
  const calls = orders.filter(({ word }) => /^(CALLS?|BROKEN)$/.test(word))
  const called = calls[stepsIn(talk)] ?? asked.flatMap(ordersIn).find(({ word }) => word === 'LOOP')
  if (called) return call(called)
  if (results.length > 0 && orders.at(-1)?.word !== 'HANG') return say(`it gave: ${results.join('\n')}`)
  const often = orders.find(({ word }) => word === 'FAILS' || word === 'HALF')
  return often ? sometimes(often, limits) : follow(orders.at(-1), asked, talk)
}

function follow(order: Order | undefined, asked: string[], { tools }: Talk): Answer {
  const [first = '', latest = ''] = [asked[0], asked.at(-1)]
  if (!order) return say(`you said: ${latest}`)
  const { word, rest } = order
  if (word === 'RUN') return run(rest, tools)
  if (word === 'USE') return use(rest)
  if (word === 'HANG') return { ...say('I begin and'), hang: true }
  if (word === 'EMPTY') return { said: { pieces: [] } }
  if (word === 'FAIL') return { failure: failure(rest) }
  if (word === 'SIZE') return say(`${latest.length} characters`)
  if (word === 'COUNT') return say(`${asked.length} messages`)
  if (word === 'RECALL') return say(`first you said: ${first}`)
  return say(word === 'SAY' ? rest : 'the limit is over')
}

/** What the tools gave since the user said something. */
function resultsIn({ turns }: Talk): string[] {
  const since = turns.slice(turns.findLastIndex(({ from }) => from === 'user') + 1)
  return since.filter(({ from }) => from === 'tool').map(({ text }) => text)
}

/** How often the model has called since then. */
function stepsIn({ turns }: Talk): number {
  const since = turns.slice(turns.findLastIndex(({ from }) => from === 'user') + 1)
  return since.filter(({ from }, n) => from === 'tool' && since[n - 1]?.from !== 'tool').length
}

function call({ word, rest }: Order): Answer {
  if (word === 'CALLS') {
    const [first, ...more] = (JSON.parse(rest) as [string, Call['input']][]).map(([name, input]) => ({ name, input }))
    return { said: { pieces: [], call: first, more } }
  }
  const [, name = '', text = ''] = /^(\S+) *(.*)$/.exec(rest) ?? []
  if (word === 'BROKEN') return { said: { pieces: [], call: { name, input: {}, broken: text } } }
  return { said: { pieces: ['I ', 'call.'], call: { name, input: JSON.parse(text) } } }
}

/** What goes wrong so often as the line says. */
function sometimes({ word, rest }: Order, limits: Limits): Answer {
  const [often = 0, status = 500] = rest.split(' ').map(Number)
  const key = `${word} ${rest}`
  const before = limits.get(key) ?? 0
  limits.set(key, before + 1)
  if (before >= often) return say('at last')
  if (word === 'HALF') return { ...say('I begin and'), half: true }
  return { failure: { status, message: `failed on purpose with ${status}` } }
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
export function plain(text: string): string {
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
