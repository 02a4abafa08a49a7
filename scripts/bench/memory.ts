// What a runner takes while its agent works: proportional memory, in which what processes share is counted by their number.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pause, run } from './measure.js'
import { environment, place } from './place.js'
import type { Row } from './table.js'

const TARGET = 10
const MANY = 20

export async function memory(): Promise<Row[]> {
  const env = environment(join(place, 'memory'))
  const one = await runners(1, env)
  const many = await runners(MANY - 1, env)
  const mean = [...one.pids, ...many.pids].reduce((sum, pid) => sum + pss(pid), 0) / MANY
  const rows = [
    { what: 'a runner alone, proportional memory', zag: one.mean },
    { what: `each of ${MANY} runners`, zag: mean },
  ].map(({ what, zag }) => ({ what, zag: `${zag.toFixed(1)} MiB`, beside: '', target: `${TARGET} MiB`, met: zag <= TARGET }))
  await run(['zag-cancel', '--all', '--grace', '0'], env)
  return rows
}

/** Starts sessions and gives their runners, and what each takes once all is quiet. */
async function runners(count: number, env: NodeJS.ProcessEnv): Promise<{ pids: number[]; mean: number }> {
  const pids: number[] = []
  for (let made = 0; made < count; made += 1) pids.push(JSON.parse(await run(['zag-spawn', '-p', 'sh', '--json', 'sleep 60'], env)).pid)
  await pause(1500)
  return { pids, mean: pids.reduce((sum, pid) => sum + pss(pid), 0) / count }
}

/** In MiB. */
function pss(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) / 1024
}
