// What ends, changes, removes and repairs sessions, and what writes into their logs.

import type { Fault } from '../base/exit.js'
import { inside } from '../base/paths.js'
import { examine } from '../install/doctor.js'
import type { Finding } from '../install/finding.js'
import type { Level } from '../log/events.js'
import { cancelAll } from '../run/cancel.js'
import { GRACE } from '../run/request.js'
import { self } from '../run/self.js'
import { addUserEvent } from '../session/note.js'
import { type Row, rowOf } from '../session/row.js'
import { gc as collectGarbage, type GcOptions, type Gone } from '../verb/gc.js'
import { type Import, importFiles } from '../verb/import.js'
import { type Change, change, checkChange, discard, listed, type Recorded, type Whole, wholeOf } from '../verb/record.js'
import { idsOf, type Sessions } from './which.js'

export interface CancelOptions extends Sessions {
  /** Milliseconds between the steps of the ladder; 0 kills at once. */
  grace?: number
  reason?: string
  /** Their children live on. */
  only?: boolean
}

/** Ends sessions and all that belongs to them, their children too, and is done when they are over. Throws Faults 2, 3; those that could not be ended are in `failed`. */
export async function cancel({ grace = GRACE, reason, only, ...which }: CancelOptions): Promise<{ ended: Row[]; failed: Fault[] }> {
  const ended: Row[] = []
  const failed = await cancelAll(await idsOf(which), { grace, reason, only }, ({ status }) => ended.push(rowOf(status)))
  return { ended, failed }
}

const WEEK = 7 * 24 * 60 * 60 * 1000

/** Removes what is old and over, or without `force` says what would be. Throws Faults 2, 3. */
export async function gc({ olderThan = WEEK, force = false, ...options }: Sessions & Partial<GcOptions> = {}): Promise<Gone> {
  const { keepLast, keepLogs, ...which } = options
  const ids = await idsOf(which, { otherwise: 'all', empty: true })
  return collectGarbage(ids, { olderThan, force, keepLast, keepLogs })
}

export interface LogOptions extends Sessions {
  message: string
  level?: Level
  data?: unknown
}

/** Writes a user_event into the log of sessions, of the own one if none is named. Throws Faults 1, 2, 3, 5. */
export async function log({ message, level = 'info', data, ...which }: LogOptions): Promise<void> {
  const ids = await idsOf(which, { otherwise: 'none' })
  const note = { level, by: inside()?.session ?? 'user', message, ...(data === undefined ? {} : { data }) }
  addUserEvent(ids.length > 0 ? ids : [self().session], note)
}

/** What zag-session does. */
export const session = {
  /** Sessions, the newest last. */
  async list({ newest, ...which }: Sessions & { newest?: number } = {}): Promise<Recorded[]> {
    return listed(await idsOf(which, { otherwise: 'all', empty: true }), newest)
  },
  /** All that is known of each. */
  async show(which: Sessions): Promise<Whole[]> {
    return Promise.all((await idsOf(which)).map(wholeOf))
  },
  /** Gives another name, description or tags. Throws Faults 2, 3, 4. */
  async update({ set, ...which }: Sessions & { set: Change }): Promise<Recorded[]> {
    const ids = await idsOf(which)
    checkChange(set)
    const rows: Recorded[] = []
    for (const id of ids) rows.push(await change(id, set))
    return rows
  },
  /** Forgets sessions that are over. Throws a Fault (4), and forgets none, if one is not. */
  async delete(which: Sessions): Promise<Row[]> {
    const rows: Row[] = []
    await discard(await idsOf(which), row => rows.push(row))
    return rows
  },
  /** Takes in conversations from files of agents. Throws Faults 2, 4. */
  async import({ files, ...options }: Import & { files: readonly string[] }): Promise<(Row & { native_id: string })[]> {
    return importFiles(files, options)
  },
}

/** Checks this installation, and with `repair` mends what can be mended. */
export async function doctor({ repair = false }: { repair?: boolean } = {}): Promise<Finding[]> {
  const findings: Finding[] = []
  for await (const finding of examine({ repair })) findings.push(finding)
  return findings
}
