// The process table: one row a session, for lists. It may lag behind the folders, never the other way round; a row that is
// not over is checked against its session before it is shown.

import { Fault } from '../base/exit.js'
import { paths } from '../base/paths.js'
import { Table } from './journal.js'

/** A row of the table. `rev` grows with each run and within it: created, started, ended. */
export interface ProcessRow {
  id: string
  rev: number
  name?: string
  provider: string
  model?: string
  root: string
  parent?: string
  worktree?: string
  branch?: string
  status: string
  runner_pid?: number
  pid?: number
  exit_code?: number
  error?: string
  created_at: string
  ended_at?: string
}

type Step = 'created' | 'started' | 'ended'
const STEPS: Record<Step, number> = { created: 0, started: 1, ended: 2 }

/** The revision of a row at a step of a run; the same for whoever writes it, so no clock decides which row counts. */
export function revOf(run: number, step: Step): number {
  return run * 4 + STEPS[step]
}

/** A row is over when its status says so; what is shown as over by mistake is impossible, as only ends write such rows. */
const isLive = (row: ProcessRow) => row.ended_at === undefined

export function processes(): Table<ProcessRow> {
  return new Table<ProcessRow>(paths.processes(), isLive)
}

/** Folds the table if its journal grew long. What keeps it from that must not spoil what was done before. */
export async function foldIfLong(): Promise<void> {
  try {
    await processes().fold()
  } catch (error) {
    // Somebody else holds the lock, the disk is full, or the snapshot is damaged: zag doctor says so.
    if (!(error instanceof Fault)) throw error
  }
}
