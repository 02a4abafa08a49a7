// Whether somebody still reads stdout, for a program that has nothing to print yet and waits on behalf of its reader.

import { fstatSync } from 'node:fs'
import type { Socket } from 'node:net'
import { type Output, ReaderGone } from './output.js'

/** Nothing wakes a process whose pipe lost its reader: so often it is tried, in milliseconds. */
const TRY = 1_000

/**
 * Calls `tell` once the reader is gone, and returns how to stop. A socket says so. Into a pipe blanks are written, which mean nothing before
 * a value of JSON: so only for what prints one.
 */
export async function onReaderGone(out: Output, tell: () => void): Promise<() => void> {
  const stdout = fstatSync(1)
  if (stdout.isSocket()) return onHangUp(new (await import('node:net')).Socket({ fd: 1, readable: true, writable: false }), tell)
  if (!stdout.isFIFO()) return () => {}
  const timer = setInterval(() => {
    if (takes(out)) return
    clearInterval(timer)
    tell()
  }, TRY)
  return () => clearInterval(timer)
}

function onHangUp(socket: Socket, tell: () => void): () => void {
  // A reset says the same as an end.
  socket.on('error', tell).once('end', tell).resume()
  return () =>
    socket
      .removeAllListeners('end')
      .off('error', tell)
      .on('error', () => {})
      .pause()
      .unref()
}

function takes(out: Output): boolean {
  try {
    out.text(' ')
    out.flush()
    return true
  } catch (error) {
    if (error instanceof ReaderGone) return false
    throw error
  }
}
