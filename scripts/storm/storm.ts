// npm run storm: section after section of random commands from many processes at once, with kills, stops, wrong clocks and full disks,
// and after each what must be true of the sessions, the files and the processes whatever happened. It ends with 1 if
// something is not, and says which seed to go on with.

import { parseArgs } from 'node:util'
import { Round } from './round.js'

const HELP = `npm run storm -- [--seconds S] [--seed N] [--length S] [--keep]

  --seconds S  storm for about so long, one home after another (default 60)
  --seed N     the seed of the first home; the next have N+1, N+2, ... (default: by the clock)
  --length S   how long each home is stormed, before the calm (default 12)
  --keep       leave the homes where they are; one in which something is broken, or that is broken off, stays in any case

A seed decides every choice: weather, commands, words, whom to kill and when. The order in which processes come to their turn is the
system's and differs each time, so what a seed found once may take several tries to be found again; --seconds with the same seed
and more time goes on to other seeds.
`

/** How long a home is stormed, in seconds. */
const LENGTH = '12'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    length: { type: 'string', default: LENGTH },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h' },
  },
})

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(HELP)
  const [seconds, length, first] = [values.seconds, values.length, values.seed ?? String(Date.now() % 1_000_000)].map(Number) as [
    number,
    number,
    number,
  ]
  if (!(seconds > 0 && length > 0 && Number.isSafeInteger(first))) throw new Error('--seconds, --length and --seed are numbers')
  const end = performance.now() + seconds * 1000
  const failed: number[] = []
  for (let seed = first; performance.now() < end; seed++) {
    const round = new Round(seed)
    // Whatever ends the storm itself, the seed and the place of what it did are known.
    console.log(`seed ${seed}: in ${round.folder}`)
    now = round
    const broken = await round.storm(Math.min(length * 1000, Math.max(1000, end - performance.now())))
    now = undefined
    console.log(`seed ${seed}: ${round.did()}: ${broken.length === 0 ? 'all in order' : `${broken.length} broken`}`)
    for (const line of broken) console.log(`  seed ${seed}: ${line}`)
    if (broken.length > 0 || values.keep) console.log(`  kept: ${round.folder}`)
    else round.remove()
    if (broken.length > 0) failed.push(seed)
  }
  if (failed.length === 0) return
  for (const seed of failed) console.log(again(seed, length))
  process.exitCode = 1
}

const again = (seed: number, length: number) =>
  `again: npm run storm -- --seed ${seed} --seconds ${length}${length === Number(LENGTH) ? '' : ` --length ${length}`} --keep`

let now: Round | undefined

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    now?.end()
    if (now) console.log(`seed ${now.seed}: broken off by ${signal}, kept: ${now.folder}`)
    process.exit(130)
  })
}

await main()
