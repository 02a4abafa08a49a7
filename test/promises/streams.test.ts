// Two hundred thousand rows come through a reader that is slow or does not block, and one that leaves early ends a program quietly.

import { appendFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { until } from '../help/run.js'
import { Scene } from './scene.js'

const ROWS = 200_000

/** A session that is over, with a log of many lines. */
async function longLog(t: Test): Promise<{ scene: Scene; id: string }> {
  const scene = new Scene(t)
  const id = await scene.spawn('echo hi', '--name', 'long')
  await scene.zag('wait', [id])
  const line = (n: number) =>
    `${JSON.stringify({ type: 'user_event', ts: '2026-01-01T00:00:00.000Z', session_id: id, level: 'info', message: `row ${n}` })}\n`
  for (let from = 0; from < ROWS; from += 10_000) {
    appendFileSync(scene.path('sessions', id, 'log.ndjson'), Array.from({ length: 10_000 }, (_, at) => line(from + at)).join(''))
  }
  return { scene, id }
}

const shell = (scene: Scene, script: string, ...words: string[]) =>
  scene.begin('/bin/sh', ['-c', script, 'sh', ...words], { timeout: 60_000 }).ended

/** Reads a little, then waits a moment, and counts lines; the first wait is long enough for the pipe to be full. */
const SLOW = `'
  const { readSync } = require("node:fs")
  const sleep = ms => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
  const buffer = Buffer.alloc(50000)
  let lines = 0, last = 0, wrong = 0, held = ""
  sleep(500)
  for (let count; (count = readSync(0, buffer)) > 0; sleep(2)) {
    const pieces = (held + buffer.toString("latin1", 0, count)).split("\\n")
    held = pieces.pop()
    for (const piece of pieces) {
      const { seq } = JSON.parse(piece)
      if (seq !== last + 1) wrong++
      last = seq
      lines++
    }
  }
  console.log(lines, wrong, held.length)
'`
/** Makes the pipe of its stdout one that does not block, and dies before it could undo that. */
const UNBLOCK = `'new (require("node:net").Socket)({ fd: 1 }); process.kill(process.pid, "SIGKILL")'`

t.test(`${ROWS} rows`, async t => {
  const { scene, id } = await longLog(t)
  const count = Number(await scene.ask('events', '--count', id))
  t.ok(count > ROWS)
  const whole = { code: 0, signal: null, stdout: `${count} 0 0\n`, stderr: '' }
  const [events, listen, free] = await Promise.all([
    shell(scene, `zag-events "$1" | node -e ${SLOW}`, id),
    shell(scene, `zag-listen --json "$1" | node -e ${SLOW}`, id),
    shell(scene, `{ { node -e ${UNBLOCK}; } 2>/dev/null; zag-events "$1"; } 2>err | node -e ${SLOW}; grep -v Killed err || :`, id),
  ])
  t.strictSame(events, whole, 'events, a slow reader')
  t.strictSame(listen, whole, 'listen, a slow reader')
  t.strictSame(free, whole, 'events, a pipe that does not block')
})

t.test('a reader that leaves', async t => {
  const { scene, id } = await longLog(t)
  for (let n = 0; n < 3; n++) await scene.spawn('printf "%0200000d" 0', '--tag', 'more')
  await scene.zag('wait', ['--all'])
  const programs: [string, number[]][] = [
    ['zag-events "$1"', [141]],
    ['zag-events --text "$1"', [141]],
    ['zag-listen "$1"', [141]],
    ['zag-listen --json "$1"', [141]],
    ['zag events "$1"', [141]],
    // These may have written all before the reader is gone.
    ['zag-output --null --tag more --tag more "$1"', [0, 141]],
    ['zag-collect --all', [0, 141]],
    ['zag-collect --all --json', [0, 141]],
    ['zag-ps -a', [0, 141]],
    ['zag-wait --all', [0, 141]],
    ['zag-wait --help', [0, 141]],
  ]
  for (const [program, codes] of programs) {
    const { stdout, stderr } = await shell(scene, `{ ${program}; echo $? >code; } | head -c 1 >first; cat code`, id)
    t.equal(stderr, '', `${program} says nothing`)
    t.ok(codes.includes(Number(stdout)), `${program}: ${stdout.trim()}`)
  }
})

t.test('a reader that is gone before anything is written', async t => {
  const scene = new Scene(t)
  const id = await scene.spawn('until [ -e go ]; do sleep 0.05; done; echo hi')
  const running = ['zag-wait', 'zag-listen --json --new'].map((program, n) =>
    shell(scene, `{ ${program} "$1"; echo $? >code${n}; } | true; cat code${n}`, id),
  )
  appendFileSync(`${scene.home}/go`, '')
  for (const { stdout, stderr } of await Promise.all(running)) {
    t.equal(stderr, '')
    t.ok([0, 141].includes(Number(stdout)), `exit code ${stdout.trim()}`)
  }
})

t.test('an exec whose events nobody reads any more ends what it has started', async t => {
  const scene = new Scene(t)
  const script = `trap 'echo bye; exit 3' INT; while :; do echo more; sleep 0.05; done`
  const { stderr, stdout } = await shell(scene, '{ zag-exec -p sh -o stream-json "$1"; echo $? >code; } | head -1 >first; cat code', script)
  t.equal(stderr, '')
  t.equal(stdout, '141\n')
  const [id] = scene.list('sessions') as [string]
  t.equal(await scene.ask('status', id), 'cancelled')
  t.match(scene.said(id), /bye$/)
  await until(() => scene.leftovers({ all: true }).length === 0)
})
