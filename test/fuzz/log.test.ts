// Logs: whatever the lines, each is read once under its number; and what a log says up to any byte is what was true when it was that
// long.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { newId } from '../../lib/base/id.js'
import { paths } from '../../lib/base/paths.js'
import { timestamp } from '../../lib/base/time.js'
import { eventText } from '../../lib/command/event.js'
import { EVENT_TYPES } from '../../lib/log/events.js'
import { usageOf } from '../../lib/log/fold.js'
import { countEvents, readEvents, readKinds } from '../../lib/log/read.js'
import { tallyOf } from '../../lib/log/tally.js'
import { type Identity, myself } from '../../lib/process/identity.js'
import { statusOf } from '../../lib/session/state.js'
import { openHome } from '../../lib/store/home.js'
import { nobody, type Owner } from '../../lib/table/owners.js'
import { create } from '../../lib/table/sessions.js'
import { cases, json, text } from './fuzz.js'

process.env.ZAG_HOME = join(t.testdir(), 'home')
openHome()
const plain = {
  bold: (word: string) => word,
  dim: (word: string) => word,
  red: (word: string) => word,
  green: (word: string) => word,
} as never

/** A session that somebody has in hand. */
function session(owner: Omit<Owner, 'claim'>): string {
  const id = newId()
  const more = { provider: 'sh', root: '/', cwd: '/', tags: [], group: 'g', depends_on: [], flags: {}, env: {} }
  create({ id, created_at: timestamp(), ...more }, owner, {})
  return id
}

const gone: Identity = { ...myself(), start: '1' }
const dead = session({ role: 'run', run: 1, ...gone })
const write = (id: string, content: string | Uint8Array) => writeFileSync(paths.inSession(id, 'log.ndjson'), content)

const fields = fc.dictionary(
  fc.constantFrom('type', 'ts', 'run', 'status', 'content', 'tool', 'tool_kind', 'message', 'input_tokens', 'spilled', '__proto__'),
  json(),
)
const event = fc
  .tuple(fc.constantFrom(...EVENT_TYPES, 'unheard_of'), fields)
  .map(([type, more]) => JSON.stringify({ type, ts: '2026-11-21T10:00:00.000Z', session_id: dead, ...more }))
const oddLine = fc.oneof(
  { weight: 6, arbitrary: event },
  { weight: 2, arbitrary: fc.tuple(event, fc.nat(80)).map(([whole, cut]) => whole.slice(0, cut)) },
  { weight: 1, arbitrary: text().map(word => word.replaceAll('\n', '')) },
  { weight: 1, arbitrary: fc.constantFrom('null', '[]', '1', '{}', '{"type":1}', '{"type":"usage"', '\0', '   ') },
)

t.test('whatever the lines, each is an event under its number', async () => {
  fc.assert(
    fc.property(fc.array(oddLine, { maxLength: 12 }), fc.boolean(), fc.nat(12), (lines, ends, after) => {
      write(dead, lines.join('\n') + (ends ? '\n' : ''))
      const whole = ends ? lines : lines.slice(0, -1)
      const due = whole.flatMap((line, at) => (line === '' || at < after ? [] : [at + 1]))
      const found: number[] = []
      readEvents(
        dead,
        each => {
          found.push(each.seq)
          eventText(each, plain)
          return true
        },
        { afterSeq: after },
      )
      if (JSON.stringify(found) !== JSON.stringify(due)) return false
      for (const look of [statusOf, tallyOf, usageOf, countEvents]) look(dead)
      return true
    }),
    cases(400),
  )
})

t.test('who asks for some kinds gets those of all that there are, in order', async () => {
  fc.assert(
    fc.property(fc.array(oddLine, { maxLength: 12 }), fc.subarray([...EVENT_TYPES]), (lines, types) => {
      write(dead, lines.map(line => `${line}\n`).join(''))
      const all: number[] = []
      const [some, kinds]: [number[], number[]] = [[], []]
      readEvents(dead, ({ type, seq }) => void (types.includes(type) && all.push(seq)))
      readEvents(dead, ({ seq }) => void some.push(seq), { types })
      // What was cut off at its end may be among them.
      readKinds(dead, types, (_, __, event) => event().type !== 'parse_warning' && kinds.push(event().seq))
      const warnings = (numbers: number[]) => numbers.filter(seq => !isBad(lines[seq - 1] ?? ''))
      return JSON.stringify(some) === JSON.stringify(all) && JSON.stringify(warnings(kinds)) === JSON.stringify(warnings(all))
    }),
    cases(400),
  )
})

/** A line that is no event is given as a parse_warning, which some readers take for one. */
function isBad(line: string): boolean {
  try {
    return JSON.parse(line)?.type === 'parse_warning' || typeof JSON.parse(line)?.type !== 'string'
  } catch {
    return true
  }
}

/** At most so many runs has a life. */
const RUNS = 4

/** A life of some runs, as the events that tell of it. */
const life = fc
  .array(
    fc.record({
      between: fc.array(
        fc.oneof(
          fc.constant({ type: 'assistant_message', content: 'it said "session_ended"' }),
          fc.constant({ type: 'user_event', level: 'info', message: 'x'.repeat(300) }),
        ),
        { maxLength: 4 },
      ),
      status: fc.constantFrom('completed', 'failed', 'cancelled', 'dead'),
    }),
    { minLength: 1, maxLength: RUNS },
  )
  .map(runs =>
    runs.flatMap(({ between, status }, at) => [
      { type: 'session_started', provider: 'sh', run: at + 1, pid: 1, process_id: 'x' },
      ...between,
      { type: 'session_ended', success: status === 'completed', status, run: at + 1, duration_ms: 1 },
    ]),
  )

/** Who may have a session in hand before or in a run, and what state that gives it. */
const HANDS = [
  { role: 'run', who: myself(), before: 'running', within: 'running' },
  { role: 'run', who: gone, before: 'as it was', within: 'dead' },
  { role: 'start', who: myself(), before: 'running' },
  { role: 'start', who: gone, before: 'queued' },
  { role: 'queue', who: nobody(), before: 'queued' },
] as const
/** A session for each, and for each run that it may be for: of the last one there may be an end and a claim of the next. */
const inHand = new Map<(typeof HANDS)[number], string[]>(
  HANDS.map(hand => [hand, Array.from({ length: RUNS + 1 }, (_, at) => session({ role: hand.role, run: at + 1, ...hand.who }))]),
)

t.test('the state from the beginning of a log is the state at that time, whoever has it in hand', async () => {
  fc.assert(
    fc.property(life, fc.nat(), fc.constantFrom(...HANDS), fc.boolean(), (events, at, hand, isLimited) => {
      const lines = events.map(each => `${JSON.stringify({ ...each, ts: timestamp(), session_id: dead })}\n`)
      const bytes = Buffer.from(lines.join(''))
      const cut = at % (bytes.length + 1)
      // A line that is not whole yet was not written yet.
      const upTo = bytes.subarray(0, cut).toString().split('\n').length - 1
      const last = events.slice(0, upTo).findLast(({ type }) => /^session_(started|ended)$/.test(type)) as
        | { type: string; run: number; status?: string }
        | undefined
      const isWithin = last?.type === 'session_started'
      // Nobody else has a run in hand that has begun.
      if (isWithin && !('within' in hand)) return true
      const next = (last?.run ?? 0) + (isWithin ? 0 : 1)
      const id = inHand.get(hand)?.[next - 1] as string
      write(id, bytes.subarray(0, cut))
      writeFileSync(paths.inSession(id, 'limited'), JSON.stringify({ run: isLimited ? next : next - 1, pid: process.pid }))
      const said = isWithin && 'within' in hand ? hand.within : hand.before
      const due = said === 'as it was' ? (last?.status ?? 'dead') : said === 'running' && isLimited ? 'limited' : said
      const { state, over } = statusOf(id)
      if (state !== due || over !== /^(completed|failed|cancelled|dead)$/.test(due))
        throw new Error(`${upTo} lines, ${hand.role} of ${hand.who.start} for run ${next}: ${state}, not ${due}`)
      return true
    }),
    cases(1500),
  )
})

t.test('after the end of its run a session is over, whether its supervisor is there or not', async () => {
  fc.assert(
    fc.property(life, fc.constantFrom(myself(), gone), (events, who) => {
      const { run, status } = events.at(-1) as { run: number; status: string }
      const id = inHand.get(who === gone ? HANDS[1] : HANDS[0])?.[run - 1] as string
      write(id, events.map(each => `${JSON.stringify({ ...each, ts: timestamp(), session_id: dead })}\n`).join(''))
      const { state, over } = statusOf(id)
      return state === status && over
    }),
    cases(200),
  )
})
