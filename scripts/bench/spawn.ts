// Starting a session: what it costs, and that it costs the same however many there were before; and many at once.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pastHome } from './homes.js'
import { median, now, race, ratio, run, type Variant } from './measure.js'
import { environment, place } from './place.js'
import { ms, type Row, times } from './table.js'

const TARGET = 2
const FLAT = 1.1

export async function spawn(quick: boolean): Promise<Row[]> {
  const pasts = quick ? [0, 1000, 10_000] : [0, 1000, 10_000, 100_000]
  const variants: Variant[] = [{ name: 'node', command: ['node', '-e', '0'] }]
  for (const past of pasts) variants.push(await starting(past))
  const taken = race(variants, quick ? 12 : 30)
  const node = median(taken.get('node') ?? [])
  return pasts.map(past => {
    const factor = ratio(taken, String(past), 'node')
    const growth = ratio(taken, String(past), '0')
    const row = {
      what: `spawn until it returns, ${past.toLocaleString('en')} past sessions`,
      zag: ms(median(taken.get(String(past)) ?? [])),
    }
    if (past === 0) return { ...row, beside: `node -e 0: ${ms(node)}`, ratio: times(factor), target: times(TARGET), met: factor <= TARGET }
    return { ...row, beside: `with none, and ${times(factor)} node -e 0`, ratio: times(growth), target: times(FLAT), met: growth <= FLAT }
  })
}

/** A spawn, after which the next measurement waits until the runner has gone too. */
async function starting(past: number): Promise<Variant> {
  const env = environment(await pastHome(past))
  return {
    name: String(past),
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
