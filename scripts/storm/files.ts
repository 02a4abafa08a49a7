// What the files of a home say, read without a word of zag's. What is not there is empty, and what is no JSON is nothing.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Place } from './place.js'

export type Row = Record<string, unknown>

/** The states in which a session is over. */
export const FINAL: readonly unknown[] = ['completed', 'failed', 'cancelled', 'dead']

export function list(...parts: string[]): string[] {
  try {
    return readdirSync(join(...parts))
  } catch {
    // It is not there.
    return []
  }
}

export function bytes(...parts: string[]): Buffer | undefined {
  try {
    return readFileSync(join(...parts))
  } catch {
    // It is not there.
    return undefined
  }
}

export const text = (...parts: string[]) => bytes(...parts)?.toString()

export function parse(line = ''): Row | undefined {
  try {
    const value = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** What --json printed: an array of rows, or a row a line; nothing if it is neither. */
export function rowsIn(stdout: string): Row[] | undefined {
  const rows = stdout.startsWith('[') ? parseArray(stdout) : stdout.split('\n').filter(Boolean).map(parse)
  return rows?.every(row => row !== undefined) ? (rows as Row[]) : undefined
}

function parseArray(json: string): (Row | undefined)[] | undefined {
  try {
    return (JSON.parse(json) as unknown[]).map(row => parse(JSON.stringify(row)))
  } catch {
    return undefined
  }
}

/** The ids of the sessions that have a folder. */
export const folders = (place: Place) => list(place.home, 'sessions').filter(name => /^[0-9a-f-]{36}$/.test(name))

/** How a session was asked for. */
export const asked = ({ home }: Place, id: string): Row => parse(text(home, 'sessions', id, 'session.json')) ?? {}

/** The whole lines of a log. */
export const logOf = (place: Place, id: string) => (text(place.home, 'sessions', id, 'log.ndjson') ?? '').split('\n').slice(0, -1)

/** The events of a log. */
export const eventsOf = (place: Place, id: string) => logOf(place, id).flatMap((line): Row[] => [parse(line) ?? []].flat())
