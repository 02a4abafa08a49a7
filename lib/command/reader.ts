// Whether somebody still reads stdout, for a program that has nothing to write yet and waits on behalf of its reader.

import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import type { Socket } from 'node:net'
import { codeOf } from '../base/exit.js'

/** Nothing wakes a process whose pipe lost its reader: so often it is looked, in milliseconds. */
const LOOK = 1_000

/** Calls `tell` once when the reader is gone, where the system lets that be seen: of sockets, and on Linux of pipes. Returns how to stop. */
export async function onReaderGone(tell: () => void): Promise<() => void> {
  const stdout = fstatSync(1)
  if (stdout.isSocket()) return onHangUp(new (await import('node:net')).Socket({ fd: 1, readable: true, writable: false }), tell)
  if (!stdout.isFIFO()) return () => {}
  const timer = setInterval(() => {
    if (isRead()) return
    clearInterval(timer)
    tell()
  }, LOOK)
  return () => clearInterval(timer)
}

function onHangUp(socket: Socket, tell: () => void): () => void {
  // A reset says the same as an end.
  socket.on('error', tell).once('end', tell).resume()
  return () =>
    socket
      .removeAllListeners()
      .on('error', () => {})
      .pause()
      .unref()
}

/** A pipe that nobody reads cannot be opened once more for writing. */
function isRead(): boolean {
  try {
    closeSync(openSync('/proc/self/fd/1', constants.O_WRONLY | constants.O_NONBLOCK))
    return true
  } catch (error) {
    // Any other error says nothing of readers, as where there is no /proc.
    return codeOf(error) !== 'ENXIO'
  }
}
