// Session ids: UUIDs of version 7 (RFC 9562, 5.7), so that they sort by the time they were made.
// Made without node:crypto, whose loading costs a short program 1.7 ms.

import { closeSync, openSync, readSync } from 'node:fs'

const PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

let lastMs = 0
let lastStep = 0

/** A new id. Ids made by one process sort in the order they were made, also within a millisecond. */
export function newId(): string {
  const ms = Math.max(Date.now(), lastMs)
  const random = randomBytes(10)
  // rand_a (12 bits) counts within a millisecond from a low random start.
  lastStep = ms === lastMs ? lastStep + 1 : random.readUInt16BE(0) & 0x3ff
  lastMs = ms
  if (lastStep > 0xfff) {
    lastMs += 1
    lastStep = 0
  }
  const time = lastMs.toString(16).padStart(12, '0')
  const step = lastStep.toString(16).padStart(3, '0')
  random[2] = ((random[2] as number) & 0x3f) | 0x80
  const tail = random.toString('hex', 2)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${step}-${tail.slice(0, 4)}-${tail.slice(4)}`
}

/** The whole id and nothing else. */
export function isId(text: string): boolean {
  return PATTERN.test(text)
}

/** The part of an id that people see. */
export function shortId(id: string): string {
  return id.slice(-8)
}

/** Milliseconds since 1970 at which the id was made. */
export function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}

function randomBytes(count: number): Buffer {
  const bytes = Buffer.alloc(count)
  const fd = openSync('/dev/urandom', 'r')
  readSync(fd, bytes, 0, count, null)
  closeSync(fd)
  return bytes
}
