// Homes with a long past, each made once for all parts that need it. Parts must not change what they find but by new sessions.

import { join } from 'node:path'
import { write } from './past.js'
import { place } from './place.js'

const made = new Map<number, Promise<string[]>>()

/** The ids of a home with so many sessions that are over. */
export function pastIds(count: number): Promise<string[]> {
  const ids = made.get(count) ?? write({ home: homeOf(count), count })
  made.set(count, ids)
  return ids
}

/** The path of that home. */
export async function pastHome(count: number): Promise<string> {
  await pastIds(count)
  return homeOf(count)
}

const homeOf = (count: number) => join(place, `past-${count}`)
