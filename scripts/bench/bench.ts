// npm run bench: the figures of zag beside those of others, in one Markdown table, measured in one run.
//
// --quick does less of everything, --only startup,spawn does some parts only. It leaves no process and no file behind.

import { rmSync } from 'node:fs'
import { cpus, release, type } from 'node:os'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { agents } from './agents.js'
import { batch } from './batch.js'
import { listen } from './listen.js'
import { lists } from './lists.js'
import { memory } from './memory.js'
import { leave, place } from './place.js'
import { crowd, spawn } from './spawn.js'
import { startup } from './startup.js'
import { subscribe } from './subscribe.js'
import { print, type Row } from './table.js'
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
  memory,
  batch,
  agents,
}

/** Parts that have not begun by then are left out, in seconds. */
const LIMIT = 5.5 * 60
const QUICK_LIMIT = 60

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { only: { type: 'string' }, quick: { type: 'boolean', default: false } } })
  const names = values.only?.split(',') ?? Object.keys(PARTS)
  const unknown = names.find(name => !(name in PARTS))
  if (unknown !== undefined) throw new Error(`no part '${unknown}': there are ${Object.keys(PARTS).join(', ')}`)
  const end = Date.now() + 1000 * (values.quick ? QUICK_LIMIT : LIMIT)
  const rows: Row[] = []
  for (const name of names) {
    if (Date.now() > end) rows.push({ what: name, zag: 'left out: no time', beside: '' })
    else rows.push(...(await measured(name, values.quick)))
  }
  console.log(`${about()}\n`)
  print(rows)
}

/** The rows of a part; one that fails says so in the table and does not keep the others from it. */
async function measured(name: string, quick: boolean): Promise<Row[]> {
  const began = Date.now()
  process.stderr.write(`bench: ${name} ...`)
  try {
    return (await PARTS[name]?.(quick)) ?? []
  } catch (error) {
    process.exitCode = 1
    return [{ what: name, zag: `failed: ${error instanceof Error ? error.message : error}`, beside: '', met: false }]
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
  return `${cpus().length} x ${cpu?.model.trim()}, ${type()} ${release()}, Node ${process.version}. Homes in ${dirname(place)}. ${certificates} Medians; ratios are medians of rounds in which the variants took turns.`
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    leave()
    // scripts/run.mjs gets no turn any more to remove the bundle it made of this file.
    if (import.meta.filename.endsWith('.mjs')) rmSync(import.meta.filename, { force: true })
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
