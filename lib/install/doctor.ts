// Whether this installation is in order, check by check, and what of it can be put right.
//
// What is true of a session is in its folder, so the table, the index and the markers are held against the folders and made again
// from them, never the other way round; no session is deleted, however damaged. Nothing is changed unless a repair is asked
// for. Others go on working meanwhile: what looks wrong is looked at a second time, because it may just have been on its way.
// The checks run one after another, each after the repairs of those before it.

import { Fault } from '../base/exit.js'
import { lookAtFiles } from './files.js'
import { type Finding, type Found, type Seen, wrong } from './finding.js'
import { lookAtHome, lookAtPermissions, lookAtSpace, lookAtWriting } from './home.js'
import { lookAtConfiguration, lookAtInotify, lookAtNode, lookAtPath, lookAtPrograms, lookAtProviders } from './machine.js'
import { lookAtQueue } from './queue.js'
import { lookAtRelays } from './relays.js'
import { lookAtDead, lookAtIndex, lookAtLogs, lookAtMarkers, lookAtRemains, lookAtSessions, lookAtTable } from './sessions.js'
import { lookAtWorktrees } from './worktrees.js'

/** Those in the home come after the one that says whether there is any. */
const CHECKS: [string, (seen: Seen) => Found[] | Promise<Found[]>][] = [
  ['node', lookAtNode],
  ['programs', lookAtPrograms],
  ['path', lookAtPath],
  ['configuration', lookAtConfiguration],
  ['providers', lookAtProviders],
  ['inotify', lookAtInotify],
  ['space', lookAtSpace],
  ['home', lookAtHome],
]
const CHECKS_OF_HOME: typeof CHECKS = [
  ['writable', lookAtWriting],
  ['permissions', lookAtPermissions],
  ['sessions', lookAtSessions],
  ['dead', lookAtDead],
  ['queue', lookAtQueue],
  ['relays', lookAtRelays],
  ['files', lookAtFiles],
  ['table', lookAtTable],
  ['index', lookAtIndex],
  ['markers', lookAtMarkers],
  ['remains', lookAtRemains],
  ['worktrees', lookAtWorktrees],
  ['logs', lookAtLogs],
]

/** All findings, one after another. With `repair`, what can be put right is, as soon as it is found. */
export async function* examine({ repair }: { repair: boolean }): AsyncGenerator<Finding> {
  const seen: Seen = { home: false, known: [] }
  for (const [check, look] of [...CHECKS, ...CHECKS_OF_HOME]) {
    if (look === lookAtWriting && !seen.home) return
    for (const found of await attempt(() => look(seen))) yield repair && found.repair ? await mend(check, found) : findingOf(check, found)
  }
}

function findingOf(check: string, { ok, message, advice }: Found): Finding {
  return { check, ok, message, advice, repaired: false }
}

/** What keeps a check from being made is its finding. */
async function attempt(look: () => Found[] | Promise<Found[]>): Promise<Found[]> {
  try {
    return await look()
  } catch (error) {
    if (error instanceof Fault) return [wrong(error.message)]
    throw error
  }
}

async function mend(check: string, found: Found): Promise<Finding> {
  try {
    await found.repair?.()
    return { check, ok: true, message: found.message, repaired: true }
  } catch (error) {
    if (error instanceof Fault) return { ...findingOf(check, found), advice: `the repair failed: ${error.message}` }
    throw error
  }
}
