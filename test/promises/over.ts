// What is true of every session that is over, however it came to that.

import type { Test } from 'tap'
import type { Scene } from './scene.js'

/** Prints two hundred lines in a moment. */
export const BRIEF = 'i=0; while [ $i -lt 200 ]; do i=$((i + 1)); echo "line $i"; done'

export const inParallel = <T>(count: number, work: (n: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, n) => work(n)))

/** What must be true of a session that is over, whatever happened to it. */
export async function checkOver(t: Test, scene: Scene, id: string, states: string[]): Promise<string> {
  const state = await scene.ask('status', id)
  t.ok(states.includes(state), `${id} is ${state}`)
  t.equal(scene.events(id, 'session_ended').length, 1, 'one end')
  t.equal(scene.events(id).at(-1)?.type, 'session_ended', 'the end is last')
  t.ok(scene.events(id, 'session_started').length <= 1, 'at most one start')
  const printed = scene.read('sessions', id, 'stdout') ?? ''
  t.equal(scene.said(id), printed.replace(/\n$/, ''), 'the log has what was printed, once and in order')
  t.equal(scene.read('sessions', id, 'result') ?? '', printed, 'so has the result')
  const lines = printed.split('\n').slice(0, -1)
  t.ok(
    lines.every((line, at) => line === `line ${at + 1}`),
    'no line is missing',
  )
  t.ok(scene.list('events').includes(`${id}.ended`), 'the marker is there')
  return state
}
