// What a runner takes while its agent works: proportional memory, in which what processes share is counted by their number.
//
// Of Node's 30 MiB of code the benchmark itself and npm would bear a part. So zag runs on a copy, which no one else has mapped.

import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { latestIn } from '../../lib/table/owners.js'
import { pause, run } from './measure.js'
import { OWN, under } from './peers.js'
import { environment, folder, place } from './place.js'
import { lineOf, type Row } from './table.js'

const TARGET = 10
const TARGET_OF_BATCH = 0.5
const MANY = 20
const BATCH = 100

export async function memory(): Promise<Row[]> {
  const copy = { ...OWN, path: join(folder('node'), 'node') }
  copyFileSync(OWN.path, copy.path)
  const env = under(copy, environment(join(place, 'memory')))
  const one = await runners(1, env)
  const many = await runners(MANY - 1, env)
  const mean = [...one.pids, ...many.pids].reduce((sum, pid) => sum + proportional(pid), 0) / MANY
  const rows: Row[] = [
    { what: 'a runner alone, proportional memory, with all of the Node it runs on', zag: one.mean },
    { what: `each of ${MANY} runners, which share a Node`, zag: mean },
  ].map(({ what, zag }) => ({
    what,
    zag: `${zag.toFixed(1)} MiB`,
    beside: '',
    target: `${TARGET} MiB`,
    met: zag <= TARGET,
    share: zag / TARGET,
  }))
  await endAll(env)
  rows.push(await ofBatch(env))
  return rows
}

/** What the one process of a batch takes for each of its sessions. */
async function ofBatch(env: NodeJS.ProcessEnv): Promise<Row> {
  await run(['sh', '-c', `yes 'sleep 60' | head -n ${BATCH} | zag-spawn -p sh --each --slots ${BATCH}`], env)
  const isAtWork = async () =>
    JSON.parse(await run(['zag-ps', '--json'], env)).filter(({ status }: { status: string }) => status === 'running').length >= BATCH
  for (let tries = 0; !(await isAtWork()); tries += 1) {
    if (tries === 50) throw new Error(`not all of ${BATCH} sessions run`)
    await pause(200)
  }
  await pause(1500)
  const server = latestIn(join(env.ZAG_HOME ?? '', 'server'))
  const each = proportional(server?.pid ?? 0) / BATCH
  await endAll(env)
  const met = each <= TARGET_OF_BATCH
  return {
    what: `a batch of ${BATCH} alone with its Node, for each session`,
    zag: `${each.toFixed(2)} MiB`,
    beside: '',
    target: `${TARGET_OF_BATCH} MiB`,
    met,
    share: each / TARGET_OF_BATCH,
  }
}

/** Starts sessions and gives their runners, and what each takes once all is quiet. */
async function runners(count: number, env: NodeJS.ProcessEnv): Promise<{ pids: number[]; mean: number }> {
  const pids: number[] = []
  for (let made = 0; made < count; made += 1) pids.push(JSON.parse(await run(['zag-spawn', '-p', 'sh', '--json', 'sleep 60'], env)).pid)
  await pause(1500)
  return { pids, mean: pids.reduce((sum, pid) => sum + proportional(pid), 0) / count }
}

/** Ends what is at work; what a busy machine does not end in time is over within a minute by itself. */
async function endAll(env: NodeJS.ProcessEnv): Promise<void> {
  await run(['zag-cancel', '--all', '--grace', '0'], env).catch(({ message }) => process.stderr.write(` ${lineOf(message)};`))
}

/** What a process has in memory, in MiB; of what several share each has its part. */
export function proportional(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) / 1024
}
