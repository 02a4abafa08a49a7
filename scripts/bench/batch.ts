// Tiny jobs, waited for and gathered: a hundred started one by one, where a process a step costs most, and a thousand from
// one call, eight at once.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { checkNumbers, median, race, ratio } from './measure.js'
import { atEnd, environment, folder, installed, place } from './place.js'
import { ABSENT, ms, type Row, times } from './table.js'

const ZAG = `
tag=batch-$$
i=0
while [ $((i += 1)) -le "$1" ]; do zag-spawn -p sh --tag "$tag" "echo $i" || exit; done >/dev/null
zag-wait --tag "$tag" >/dev/null && zag-collect --tag "$tag"`

const BASH = `
dir=$(mktemp -d)
for ((i = 1; i <= $1; i++)); do sh -c "echo $i" >"$dir/$i" & done
wait
cat "$dir"/* && rm -r "$dir"`

const PARALLEL = 'seq "$1" | parallel --will-cite -j2 echo'

const XARGS = 'seq "$1" | xargs -P 2 -I {} sh -c "echo {}"'

const NQ = `
NQDIR=$(mktemp -d); export NQDIR; cd "$NQDIR" || exit
i=0
while [ $((i += 1)) -le "$1" ]; do nq -q sh -c "echo $i" || exit; done
nq -w && cat ./,* && rm -r "$NQDIR"`

// The last job may be over before those that run beside it.
const TSP_WAIT = `tsp -w && tsp -l | awk 'NR > 1 && $2 != "finished" { print $1 }' | xargs -r -n 1 tsp -w`

const TSP = `
i=0
while [ $((i += 1)) -le "$1" ]; do tsp sh -c "echo $i" || exit; done >/dev/null
${TSP_WAIT} &&
  for job in $(tsp -l | awk 'NR > 1 { print $1 }'); do tsp -c "$job" || exit; done && tsp -C`

const EACH = `
tag=each-$$
seq "$1" | sed 's/.*/echo &/' | zag-spawn --each -p sh --slots 8 --tag "$tag" >/dev/null && zag-wait --tag "$tag" >/dev/null &&
  zag-collect --tag "$tag"`

const PARALLEL_EACH = `seq "$1" | sed 's/.*/echo &/' | parallel --will-cite -j8`

const XARGS_EACH = `seq "$1" | sed 's/.*/echo &/' | xargs -P 8 -I {} sh -c {}`

const BASH_EACH = `
dir=$(mktemp -d)
for ((i = 1; i <= $1; i++)); do
  if ((i > 8)); then wait -n; fi
  sh -c "echo $i" >"$dir/$i" &
done
wait
cat "$dir"/* && rm -r "$dir"`

const TSP_EACH = `
seq "$1" | sed 's/.*/echo &/' | while read -r line; do tsp sh -c "$line" || exit; done >/dev/null
${TSP_WAIT} &&
  cat $(tsp -l | awk 'NR > 1 { print $3 }') && tsp -C`

interface Peer {
  name: string
  shell: string
  script: string
  needs?: string
  env?: NodeJS.ProcessEnv
}

export async function batch(quick: boolean): Promise<Row[]> {
  const alone = [
    { name: 'bash loop', shell: 'bash', script: BASH },
    { name: 'xargs -P 2', shell: 'sh', script: XARGS, needs: 'xargs' },
    { name: 'parallel -j2', shell: 'sh', script: PARALLEL, needs: 'parallel' },
    { name: 'nq', shell: 'sh', script: NQ, needs: 'nq' },
    { name: 'tsp, 2 slots', shell: 'sh', script: TSP, needs: 'tsp', env: spooler(2) },
  ]
  const together = [
    { name: 'parallel -j8', shell: 'sh', script: PARALLEL_EACH, needs: 'parallel' },
    { name: 'tsp, 8 slots', shell: 'sh', script: TSP_EACH, needs: 'tsp', env: spooler(8) },
    { name: 'bash, 8 at once', shell: 'bash', script: BASH_EACH },
    { name: 'xargs -P 8', shell: 'sh', script: XARGS_EACH, needs: 'xargs' },
  ]
  return [
    row('trivial jobs: spawn each, wait, collect', ZAG, alone, quick ? 20 : 100, quick),
    row('trivial jobs: spawn --each --slots 8, wait, collect', EACH, together, quick ? 100 : 1000, quick, /^(parallel|tsp)/),
  ]
}

/** `beats` are the peers that zag is to be faster than. */
function row(what: string, script: string, peers: Peer[], count: number, quick: boolean, beats?: RegExp): Row {
  const there = peers.filter(({ needs }) => needs === undefined || installed(needs))
  const zag = { name: 'zag', shell: 'sh', script, env: environment(join(place, 'batch')) }
  const taken = race(
    [zag, ...there].map(({ name, shell, script, env }) => ({
      name,
      command: [shell, '-c', script, shell, String(count)],
      env,
      after: printed => checkNumbers(printed, count),
    })),
    quick ? 1 : 5,
    1,
  )
  const factors = Object.fromEntries(there.map(({ name }) => [name, ratio(taken, 'zag', name)]))
  const rivals = Object.entries(factors).filter(([name]) => beats?.test(name))
  const share = Math.max(...rivals.map(([, factor]) => factor))
  const parallel = there.find(({ name }) => name.startsWith('parallel'))?.name
  return {
    what: `${count} ${what}`,
    zag: ms(median(taken.get('zag') ?? [])),
    beside: peers.map(({ name }) => `${name}: ${taken.has(name) ? ms(median(taken.get(name) ?? [])) : ABSENT}`).join('; '),
    ratio: parallel === undefined ? undefined : `${times(ratio(taken, 'zag', parallel))} parallel`,
    peers: factors,
    ...(rivals.length > 0 ? { target: 'faster than parallel and tsp', met: share < 1, share } : {}),
  }
}

/** The environment of a task-spooler with so many slots. */
function spooler(slots: number): NodeJS.ProcessEnv {
  const more = { TS_SOCKET: join(folder('tmp'), `batch-${slots}`), TS_SLOTS: String(slots), TS_MAXFINISHED: '2000' }
  const env = environment(undefined, more)
  atEnd(() => spawnSync('tsp', ['-K'], { env, stdio: 'ignore' }))
  return env
}
