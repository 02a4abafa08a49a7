// Waiting: how long after the end of the work the waiter is gone, and what waiting costs meanwhile.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cpuOf, median, now, pause, quantile, run } from './measure.js'
import { write } from './past.js'
import { atEnd, environment, folder, installed, place } from './place.js'
import { ABSENT, ms, type Row } from './table.js'

const TARGET_MS = 10
const TARGET_CPU = 1
/** The work: it ends by telling the time, long enough after its start that the waiter sleeps. */
const WORK = 'sleep 0.4; date +%s%N'

/** One way of waiting: does the work and gives the milliseconds between its end and the end of the waiter. */
type Way = () => Promise<number>

export async function wait(quick: boolean): Promise<Row[]> {
  const ways: [string, Way | undefined][] = [
    ['zag', zagWay()],
    ['bash', bashWay],
    ['tsp -w', installed('tsp') ? tspWay() : undefined],
    ['nq -w', installed('nq') ? nqWay : undefined],
  ]
  const delays = new Map<string, number[]>()
  for (let round = -1; round < (quick ? 5 : 15); round += 1) {
    for (const [name, way] of ways) {
      const delay = await way?.()
      if (delay !== undefined && round >= 0) delays.set(name, [...(delays.get(name) ?? []), delay])
    }
  }
  const show = (name: string) =>
    delays.has(name) ? `${ms(median(delays.get(name) ?? []))} / ${ms(quantile(delays.get(name) ?? [], 0.95))}` : ABSENT
  const beside = ways.slice(1).map(([name]) => `${name}: ${show(name)}`)
  const zag = median(delays.get('zag') ?? [])
  const peers = ways.slice(1).filter(([name]) => delays.has(name))
  return [
    {
      what: 'end of the agent to exit of wait, median / p95',
      zag: show('zag'),
      beside: beside.join('; '),
      target: ms(TARGET_MS),
      met: zag <= TARGET_MS,
      share: zag / TARGET_MS,
      peers: Object.fromEntries(peers.map(([name]) => [name, zag / median(delays.get(name) ?? [])])),
    },
    await idle(quick, 'of one batch', {}),
    await idle(quick, 'each with a runner', { apart: true }),
  ]
}

function zagWay(): Way {
  const env = environment(join(place, 'wait'))
  return async () => {
    const id = (await run(['zag-spawn', '-p', 'sh', WORK], env)).trim()
    const end = await endOf(spawn('zag-wait', ['-q', id], { env, stdio: 'ignore' }))
    return end - momentOf(await run(['zag-output', id], env))
  }
}

async function bashWay(): Promise<number> {
  const file = join(folder('tmp'), 'bash')
  const end = await endOf(spawn('bash', ['-c', `sh -c '${WORK}' >"$1" & wait`, 'bash', file], { env: environment(), stdio: 'ignore' }))
  return end - momentOf(readFileSync(file, 'utf8'))
}

/** task-spooler starts a server of its own, which is ended with the benchmark. */
function tspWay(): Way {
  const env = environment(undefined, { TS_SOCKET: join(folder('tmp'), 'tsp') })
  atEnd(() => spawnSync('tsp', ['-K'], { env, stdio: 'ignore' }))
  return async () => {
    const job = (await run(['tsp', 'sh', '-c', WORK], env)).trim()
    const end = await endOf(spawn('tsp', ['-w', job], { env, stdio: 'ignore' }))
    return end - momentOf(await run(['tsp', '-c', job], env))
  }
}

async function nqWay(): Promise<number> {
  const env = environment(undefined, { NQDIR: folder('nq') })
  const job = (await run(['nq', 'sh', '-c', WORK], env)).trim()
  const end = await endOf(spawn('nq', ['-w', job], { env, cwd: folder('nq'), stdio: 'ignore' }))
  return end - momentOf(readFileSync(join(folder('nq'), job), 'utf8'))
}

function endOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', code => (code === 0 ? resolve(now()) : reject(new Error(`${child.spawnargs.join(' ')}: exit ${code}`))))
  })
}

/** Milliseconds of what `date +%s%N` printed: the last long number of a text. */
function momentOf(text: string): number {
  const nanoseconds = text.match(/\d{19}/g)?.at(-1)
  if (nanoseconds === undefined) throw new Error(`no time in '${text}'`)
  return Number(nanoseconds) / 1e6
}

/** A wait on many sessions that run, none of which ends. */
async function idle(quick: boolean, whose: string, how: { apart?: true }): Promise<Row> {
  const count = 1000
  const home = folder(`idle${how.apart ? '-apart' : ''}`)
  await write({ home, count, tag: 'idle', running: true, ...how })
  const child = spawn('zag-wait', ['-q', '--tag', 'idle'], { env: environment(home), stdio: 'ignore' })
  const pid = child.pid as number
  atEnd(() => child.kill('SIGKILL'))
  await quiet(pid)
  const [cpu, began] = [cpuOf(pid), now()]
  await pause(quick ? 5000 : 15_000)
  const share = (100 * (cpuOf(pid) - cpu)) / (now() - began)
  const gone = child.exitCode !== null
  child.kill('SIGKILL')
  if (gone) throw new Error('zag-wait ended although its sessions run')
  return {
    what: `idle wait on ${count.toLocaleString('en')} sessions ${whose}, CPU`,
    zag: `${share.toFixed(2)} % of a core`,
    beside: '',
    target: `${TARGET_CPU} %`,
    met: share < TARGET_CPU,
    share: share / TARGET_CPU,
  }
}

/** Until a process has done next to nothing for a second: its first look at everything may take long. */
async function quiet(pid: number): Promise<void> {
  for (let before = Number.NEGATIVE_INFINITY, tries = 0; tries < 60 && cpuOf(pid) - before > 10; tries += 1) {
    before = cpuOf(pid)
    await pause(1000)
  }
}
