// npm run bench: the figures of zag beside those of others, in one Markdown table, measured in one run.
//
// --quick does less of everything, --only startup,spawn does some parts only. A run without either in which nothing failed keeps
// its figures in scripts/bench/results. Else it leaves no file behind, and never a process.

import { cpus, release, type } from 'node:os'
import { dirname, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { acp } from './acp.js'
import { agents } from './agents.js'
import { batch } from './batch.js'
import { listen } from './listen.js'
import { lists } from './lists.js'
import { memory } from './memory.js'
import { versions } from './peers.js'
import { leave, place } from './place.js'
import { keep } from './results.js'
import { search } from './search.js'
import { crowd, spawn } from './spawn.js'
import { startup } from './startup.js'
import { subscribe } from './subscribe.js'
import { failure, nodesOf, type Row, tableOf } from './table.js'
import { wait } from './wait.js'

/** In the order of the table. */
const PARTS: Record<string, (quick: boolean) => Promise<Row[]>> = {
  startup,
  spawn,
  crowd,
  wait,
  listen,
  subscribe,
  lists,
  search,
  memory,
  batch,
  acp,
  agents,
}

/** In a quick run, parts that have not begun by then are left out, in seconds. */
const QUICK_LIMIT = 60

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { only: { type: 'string' }, quick: { type: 'boolean', default: false } } })
  const names = values.only?.split(',') ?? Object.keys(PARTS)
  const unknown = names.find(name => !(name in PARTS))
  if (unknown !== undefined) throw new Error(`no part '${unknown}': there are ${Object.keys(PARTS).join(', ')}`)
  const end = Date.now() + (values.quick ? 1000 * QUICK_LIMIT : Number.POSITIVE_INFINITY)
  const rows: Row[] = []
  for (const name of names) {
    rows.push(...(Date.now() > end ? [{ what: name, zag: 'left out: no time', beside: '' }] : await rowsOf(name, values.quick)))
  }
  console.log(`${about()}\n\n${tableOf(rows)}`)
  if (rows.some(({ nodes }) => nodes)) console.log(nodesOf(rows))
  const failed = rows.filter(row => row.failed).map(({ what }) => what)
  if (failed.length > 0) process.exitCode = 1
  const kept =
    failed.length > 0
      ? `not kept, as this failed: ${failed.join('; ')}`
      : values.quick || values.only !== undefined
        ? 'not kept, as it was not all there is to measure'
        : `written to ${relative('.', keep(rows, about()))}`
  process.stderr.write(`bench: ${kept}\n`)
}

/** The rows of a part, or how it failed, which does not keep the others from the table. */
async function rowsOf(name: string, quick: boolean): Promise<Row[]> {
  const began = Date.now()
  process.stderr.write(`bench: ${name} ...`)
  try {
    return (await PARTS[name]?.(quick)) ?? []
  } catch (error) {
    return [failure(name, error)]
  } finally {
    process.stderr.write(` ${Math.round((Date.now() - began) / 1000)} s\n`)
  }
}

function about(): string {
  const [cpu] = cpus()
  const certificates =
    process.env.NODE_EXTRA_CA_CERTS === undefined
      ? 'NODE_EXTRA_CA_CERTS is not set.'
      : 'NODE_EXTRA_CA_CERTS is set here and was unset for all that was measured.'
  return `${cpus().length} x ${cpu?.model.trim()}, ${type()} ${release()}, Node ${process.version}. Homes in ${dirname(place)}. ${certificates} Beside it: ${versions().join(', ')}. Medians; ratios are medians of rounds in which the variants took turns.`
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    leave()
    process.exit(130)
  })
}

try {
  await main()
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 2
} finally {
  leave()
}
