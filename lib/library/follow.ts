// Waiting for sessions and following what they log: what zag-wait, zag-listen, zag-subscribe and zag-watch do.

import type { LogEvent } from '../log/events.js'
import { countEvents } from '../log/read.js'
import { follow } from '../run/follow.js'
import { waitFor as wait } from '../run/wait.js'
import { filterOf } from '../session/filter.js'
import { type Row, rowOf } from '../session/row.js'
import { type SubscribeOptions as Options, subscribe as subscribeTo, type Told } from '../verb/subscribe.js'
import { idsOf, listOf, type Sessions, selectionOf } from './which.js'

export interface WaitOptions extends Sessions {
  /** Be done when the first has ended, or so many. */
  any?: boolean
  count?: number
  /** Milliseconds after which to give up. */
  timeout?: number
  /** Each session as it ends. */
  onEnd?(row: Row): void
}

export interface Waited {
  /** In the order in which they ended. */
  ended: Row[]
  /** The ids of those that are not over. */
  pending: string[]
  timedOut: boolean
}

/** Waits until sessions end, also those that get the tags meanwhile. Throws a Fault (3) for what is not there. */
export async function waitFor({ any, count, timeout, onEnd, ...which }: WaitOptions): Promise<Waited> {
  const tags = which.state === undefined ? listOf(which.tag) : []
  const { ended, pending, timedOut } = await wait(await idsOf(which), {
    count: any ? 1 : count,
    timeout,
    tags: tags.length > 0 ? tags : undefined,
    root: which.root,
    onEnd: onEnd && (status => onEnd(rowOf(status))),
  })
  return { ended: ended.map(status => rowOf(status)), pending, timedOut }
}

export interface ListenOptions {
  session: string
  /** Only what is logged from now on. */
  new?: boolean
  /** Kinds of events, and fields as `key=value`. */
  type?: string | readonly string[]
  filter?: string | readonly string[]
  signal?: AbortSignal
}

/** The events of one session as they are logged, until it is over. Throws Faults 2, 3. */
export async function* listen({ session, new: fresh, type, filter, signal }: ListenOptions): AsyncGenerator<LogEvent> {
  const wanted = filterOf(listOf(type), listOf(filter))
  const [id] = (await idsOf({ sessions: session })) as [string]
  for await (const event of follow(id, { afterSeq: fresh ? countEvents(id) : 0, until: signal })) if (wanted.fits(event)) yield event
}

export interface SubscribeOptions extends Sessions, Pick<Options, 'replay' | 'untilDone'> {
  type?: string | readonly string[]
  filter?: string | readonly string[]
  /** Ends it. */
  signal?: AbortSignal
}

/** The events of many sessions, all if none are named, also of those to come. Throws Faults 2, 3. */
export async function* subscribe({ replay, untilDone, type, filter, signal, ...which }: SubscribeOptions): AsyncGenerator<Told> {
  const wanted = filterOf(listOf(type), listOf(filter))
  yield* subscribeTo(await selectionOf(which, { otherwise: 'all' }), { replay, untilDone, filter: wanted, stop: signal })
}

export interface WatchOptions extends Omit<SubscribeOptions, 'replay' | 'type'> {
  /** Kinds of events. */
  on?: string | readonly string[]
  /** Not those that are in the logs already. */
  new?: boolean
  /** Only the first that fits. */
  once?: boolean
  then(event: LogEvent, id: string): unknown
}

/** Calls `then` for events as they come, one after the other, and gives how many fitted. With `once` it is also done when all that was named by id is over. */
export async function watch({ on, new: fresh, once, untilDone, filter, signal, then, ...which }: WatchOptions): Promise<number> {
  const selection = await selectionOf(which)
  const options = {
    replay: !fresh,
    untilDone: untilDone || (once && selection.closed),
    filter: filterOf(listOf(on), listOf(filter)),
    stop: signal,
  }
  let fitted = 0
  for await (const { id, event } of subscribeTo(selection, options)) {
    fitted += 1
    await then(event, id)
    if (once) break
  }
  return fitted
}
