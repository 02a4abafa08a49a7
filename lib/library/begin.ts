// Starting sessions and telling them more: what zag-spawn, zag-exec, zag-pipe, zag-retry, zag-input and zag-broadcast do.

import { availableParallelism } from 'node:os'
import { EXIT, Fault, usage } from '../base/exit.js'
import type { LogEvent } from '../log/events.js'
import { usageOf } from '../log/fold.js'
import type { Ask } from '../run/ask.js'
import { cancel } from '../run/cancel.js'
import { follow } from '../run/follow.js'
import { compose } from '../run/send.js'
import { settle } from '../run/settle.js'
import { type Spawned as Begun, spawn as begin, prepare } from '../run/start.js'
import { type Row, resultOf, rowOf } from '../session/row.js'
import { type Answer, answerRow } from '../verb/answer.js'
import { broadcast as broadcastTo, others } from '../verb/broadcast.js'
import { input as inputTo } from '../verb/input.js'
import { retry as tryAgain } from '../verb/retry.js'
import { sourcesOf } from '../verb/sources.js'
import { checkSpawn } from './check.js'
import { idsOf, listOf, named, type Sessions } from './which.js'

/** What a session is asked for: the flags of zag-spawn in camelCase. Durations in milliseconds. */
export interface SpawnOptions extends Omit<Ask, 'id' | 'env' | 'contextOf' | 'dependsOn' | 'answerJson' | 'tag'> {
  env?: Readonly<Record<string, string>>
  tag?: string | string[]
  /** Sessions whose results go before the prompt; they have to be over. */
  context?: string | readonly string[]
  /** Sessions it waits for. */
  dependsOn?: string | readonly string[]
}

/** A session that is on its way: the row of zag-spawn --json. */
export interface Spawned {
  session_id: string
  /** The runner's; null as long as the session waits in the queue. */
  pid: number | null
  log_path: string
  interactive: boolean
}

/** Starts a session in the background, and is done as soon as nothing can lose it. Throws Faults 2, 3, 4, 5, 126, 127. */
export async function spawn(options: SpawnOptions): Promise<Spawned> {
  return rowOfBegun(await begin(await askOf(options)))
}

/** The same as one of these ids, made before: for whoever has to know it before the session begins. */
export async function spawnAs(id: string, options: SpawnOptions): Promise<Spawned> {
  return rowOfBegun(await begin({ ...(await askOf(options)), id }))
}

/**
 * Starts many, at most `slots` of them at a time (by default one a processor), under one runner. All are checked before the first is started. Throws as spawn
 * does; of those started before a system refused one, ids are told in the Fault's `started`.
 */
export async function spawnEach(
  tasks: readonly SpawnOptions[],
  { slots = availableParallelism() }: { slots?: number } = {},
): Promise<Spawned[]> {
  if (!Number.isInteger(slots) || slots < 1) throw usage('slots is a whole number from 1')
  const prepared: (() => Promise<Begun>)[] = []
  for (const task of tasks) prepared.push(await prepare({ ...(await askOf(task)), slots: task.slots ?? slots }))
  const started: Spawned[] = []
  for (const start of prepared) {
    try {
      started.push(rowOfBegun(await start()))
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      const fault = new Fault(`${error.message}; ${started.length} of ${tasks.length} were started`, error.exit, { cause: error })
      throw Object.assign(fault, { started: started.map(({ session_id }) => session_id) })
    }
  }
  return started
}

/** What a session came to: the row of zag-exec -o json. */
export type Came = Row & ReturnType<typeof usageOf> & { log_path: string }

export interface Following {
  /** Each event as it is logged. */
  onEvent?(event: LogEvent): void
  /** Cancels the session when it is aborted. */
  signal?: AbortSignal
}

/** Starts a session and is done when it is over; how it ended is in the row. Throws as spawn does. */
export async function exec({ onEvent, signal, ...options }: SpawnOptions & Following): Promise<Came> {
  const { session_id, log_path } = await spawn(options)
  // One that cannot be ended goes on, and is followed to its end.
  const stop = () => cancel(session_id, { reason: 'aborted' }).catch(() => {})
  signal?.addEventListener('abort', stop, { once: true })
  try {
    if (signal?.aborted) await stop()
    for await (const event of follow(session_id)) onEvent?.(event)
  } catch (error) {
    // Nobody takes what it says any more.
    await stop()
    throw error
  } finally {
    signal?.removeEventListener('abort', stop)
  }
  return { ...rowOf(await settle(session_id)), result: resultOf(session_id), ...usageOf(session_id), log_path }
}

export interface PipeOptions extends SpawnOptions, Following {
  /** The sessions whose results the new one is given. */
  from: Sessions
  /** Wait for those that are not over; else they are a Fault (4). */
  wait?: boolean
}

/** A new session over the results of others, to its end. Throws as spawn does. */
export async function pipe({ from, wait = false, ...options }: PipeOptions): Promise<Came> {
  const sources = await sourcesOf(await idsOf(from), wait)
  return exec({ ...options, context: [...sources, ...listOf(options.context)] })
}

export interface RetryOptions extends Sessions {
  /** Only those that failed or died. */
  failed?: boolean
  model?: string
}

/** The same again as new sessions. Throws as spawn does; 4 if one is not over. */
export async function retry({ failed = false, model, ...which }: RetryOptions): Promise<(Spawned & { retried_from: string })[]> {
  const started: (Spawned & { retried_from: string })[] = []
  await tryAgain(await idsOf(which), { failed, model }, again => started.push({ ...rowOfBegun(again), retried_from: again.from }))
  return started
}

export interface InputOptions extends Sessions {
  message: string | Buffer
  /** Files attached to it. */
  file?: string[]
  /** Without the sender and how to reply, from inside a session. */
  raw?: boolean
  /** The session that lives on is to end after it. */
  end?: boolean
  /** Do not wait for the answer. */
  background?: boolean
  timeout?: number
}

/** What a message was answered with. */
export type Reply = Omit<Answer, 'result'> & { result?: string }

/** Sends a message to one session and gives its answer; nothing if that is not there in time. Throws Faults 2, 3, 4, 5. */
export async function input({ message, file = [], raw = false, end = false, background = false, timeout, ...which }: InputOptions) {
  const said = { content: Buffer.from(message), by: 'input', raw, end, files: file } as const
  const answer = await inputTo(await idsOf(which), said, { background, timeout })
  return answer && answerRow(answer)
}

export interface Broadcast {
  answers: Reply[]
  failed: Fault[]
  /** How many did not answer in time. */
  late: number
}

/** Sends a message to several sessions and gathers what they answer. Throws Faults 2, 3, 5. */
export async function broadcast({ message, file = [], raw = false, background = false, timeout, ...which }: Omit<InputOptions, 'end'>) {
  const ids = others(await idsOf(which))
  if (ids.length === 0) throw new Fault('no session but this one', EXIT.none)
  const answers: Reply[] = []
  const composed = compose({ content: Buffer.from(message), by: 'broadcast', raw, files: file })
  const { failed, late } = await broadcastTo(ids, composed, {
    background,
    timeout,
    onSent: () => {},
    onAnswer: answer => answers.push(answerRow(answer)),
  })
  return { answers, failed, late } satisfies Broadcast
}

async function askOf(options: SpawnOptions): Promise<Ask> {
  checkSpawn(options)
  const { env = {}, tag, context, dependsOn, ...ask } = options
  return {
    ...ask,
    tag: listOf(tag),
    env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    contextOf: await sourcesOf(await named(context), false),
    dependsOn: await named(dependsOn),
  }
}

function rowOfBegun({ id, pid, logPath, interactive }: Begun): Spawned {
  return { session_id: id, pid: pid ?? null, log_path: logPath, interactive }
}
