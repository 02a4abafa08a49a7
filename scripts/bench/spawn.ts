// Starting a session: what it costs, and that it costs the same however many there were before; and many at once.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pastHome } from './homes.js'
import { median, now, race, ratio, run, type Times, type Variant } from './measure.js'
import { nodes, OWN, under } from './peers.js'
import { atEnd, environment, folder, installed, place } from './place.js'
import { ABSENT, ms, type Row, times } from './table.js'

const TARGET = 2
const FLAT = 1.1

export async function spawn(quick: boolean): Promise<Row[]> {
  const pasts = quick ? [0, 1000, 10_000] : [0, 1000, 10_000, 100_000]
  const variants: Variant[] = []
  for (const past of pasts) variants.push(await starting(past, String(past)))
  for (const node of nodes()) {
    variants.push({ name: `node, ${node.name}`, command: [node.path, '-e', '0'] })
    if (node !== OWN) variants.push(await starting(0, node.name, env => under(node, env)))
  }
  const peers = queues()
  const taken = race([...variants, ...peers], quick ? 8 : 20)
  return pasts.map(past => (past === 0 ? first(taken, peers) : later(past, taken)))
}

/** Others that put a job into the background, for whoever asks later. */
function queues(): Variant[] {
  const spooler = environment(undefined, { TS_SOCKET: join(folder('tmp'), 'spawn') })
  atEnd(() => spawnSync('tsp', ['-K'], { env: spooler, stdio: 'ignore' }))
  const known = [
    { name: 'tsp', command: ['tsp', 'true'], env: spooler },
    { name: 'nq', command: ['nq', 'true'], env: environment(undefined, { NQDIR: folder('nq-spawn') }) },
  ]
  return known.filter(({ name }) => installed(name))
}

const EMPTY = `node, ${OWN.name}`

function first(taken: Times, peers: Variant[]): Row {
  const time = (name: string) => ms(median(taken.get(name) ?? []))
  const factor = ratio(taken, '0', EMPTY)
  const byNode = nodes().map(node => {
    const name = node === OWN ? '0' : node.name
    return [node.name, `${time(name)}, ${times(ratio(taken, name, `node, ${node.name}`))}`]
  })
  return {
    what: 'spawn until it returns, 0 past sessions',
    zag: time('0'),
    beside: [`node -e 0: ${time(EMPTY)}`, ...['tsp', 'nq'].map(name => `${name}: ${taken.has(name) ? time(name) : ABSENT}`)].join('; '),
    ratio: times(factor),
    target: times(TARGET),
    met: factor <= TARGET,
    share: factor / TARGET,
    peers: Object.fromEntries(peers.map(({ name }) => [name, ratio(taken, '0', name)])),
    nodes: Object.fromEntries(byNode),
  }
}

function later(past: number, taken: Times): Row {
  const growth = ratio(taken, String(past), '0')
  return {
    what: `spawn until it returns, ${past.toLocaleString('en')} past sessions`,
    zag: ms(median(taken.get(String(past)) ?? [])),
    beside: `with none, and ${times(ratio(taken, String(past), EMPTY))} node -e 0`,
    ratio: times(growth),
    target: times(FLAT),
    met: growth <= FLAT,
    share: growth / FLAT,
  }
}

/** A spawn, after which the next measurement waits until the runner has gone too. */
async function starting(past: number, name: string, change = (env: NodeJS.ProcessEnv) => env): Promise<Variant> {
  const env = change(environment(await pastHome(past)))
  return {
    name,
    command: ['zag-spawn', '-p', 'sh', '--json', 'true'],
    env,
    after(stdout) {
      const { pid } = JSON.parse(stdout) as { pid: number }
      for (let tries = 0; tries < 2000 && runs(pid); tries += 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2)
    },
  }
}

/** Whether a process still does something: in containers the end of one may go unnoticed by its new parent for seconds. */
function runs(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ')
  } catch {
    // There is none of that number any more.
    return false
  }
}

/** Many processes that each start a session at the same moment. */
export async function crowd(quick: boolean): Promise<Row[]> {
  const count = quick ? 50 : 200
  const env = environment(join(place, 'crowd'))
  const began = now()
  const printed = await Promise.all(
    Array.from({ length: count }, (_, at) => run(['zag-spawn', '-p', 'sh', '--tag', 'crowd', `echo ${at}`], env)),
  )
  const took = now() - began
  const ids = printed.map(text => text.trim())
  await run(['zag-wait', '--tag', 'crowd', '--timeout', '90s'], env)
  const listed = (JSON.parse(await run(['zag-ps', '--all', '--json'], env)) as { session_id: string; status: string }[]).map(
    row => row.session_id,
  )
  const results = JSON.parse(await run(['zag-collect', '--json', ...ids], env)) as { result?: string }[]
  const right = results.filter(({ result }, at) => result === `${at}\n`).length
  const met = new Set(ids).size === count && listed.length === count && ids.every(id => listed.includes(id)) && right === count
  const zag = `${listed.length} listed, ${listed.length - new Set(listed).size} twice, ${right} right results`
  return [
    { what: `${count} spawns at once from ${count} processes`, zag, beside: `all returned after ${ms(took)}`, target: 'each once', met },
  ]
}
