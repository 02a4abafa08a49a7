// A hundred tiny jobs, started one by one, waited for and gathered: where a process a step costs most.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { median, race, ratio } from './measure.js'
import { atEnd, environment, folder, installed, place } from './place.js'
import { ABSENT, ms, type Row, times } from './table.js'

const ZAG = `
tag=batch-$$
i=0
while [ $((i += 1)) -le "$1" ]; do zag-spawn -p sh --tag "$tag" "echo $i" || exit; done >/dev/null
zag-wait --tag "$tag" >/dev/null && [ "$(zag-collect --tag "$tag" --json | grep -o '"result"' | wc -l)" = "$1" ]`

const BASH = `
dir=$(mktemp -d)
for ((i = 1; i <= $1; i++)); do sh -c "echo $i" >"$dir/$i" & done
wait
cat "$dir"/*; rm -r "$dir"`

const PARALLEL = 'seq "$1" | parallel --will-cite -j2 echo'

const NQ = `
NQDIR=$(mktemp -d); export NQDIR; cd "$NQDIR" || exit
i=0
while [ $((i += 1)) -le "$1" ]; do nq -q sh -c "echo $i" || exit; done
nq -w && cat ./,*; rm -r "$NQDIR"`

const TSP = `
i=0
while [ $((i += 1)) -le "$1" ]; do tsp sh -c "echo $i" || exit; done >/dev/null
tsp -w
for job in $(tsp -l | awk 'NR > 1 { print $1 }'); do tsp -c "$job"; done; tsp -C`

export async function batch(quick: boolean): Promise<Row[]> {
  const count = quick ? 20 : 100
  const spooler = environment(undefined, { TS_SOCKET: join(folder('tmp'), 'batch'), TS_SLOTS: '2', TS_MAXFINISHED: '1000' })
  atEnd(() => spawnSync('tsp', ['-K'], { env: spooler, stdio: 'ignore' }))
  const peers = [
    { name: 'bash loop', shell: 'bash', script: BASH },
    { name: 'parallel -j2', shell: 'sh', script: PARALLEL, needs: 'parallel' },
    { name: 'nq', shell: 'sh', script: NQ, needs: 'nq' },
    { name: 'tsp, 2 slots', shell: 'sh', script: TSP, needs: 'tsp', env: spooler },
  ]
  const there = peers.filter(({ needs }) => needs === undefined || installed(needs))
  const variants = [{ name: 'zag', shell: 'sh', script: ZAG, env: environment(join(place, 'batch')) }, ...there]
  const taken = race(
    variants.map(({ name, shell, script, env }) => ({ name, command: [shell, '-c', script, shell, String(count)], env })),
    quick ? 1 : 3,
    1,
  )
  const beside = peers.map(({ name }) => `${name}: ${taken.has(name) ? ms(median(taken.get(name) ?? [])) : ABSENT}`)
  const ratios = there.some(({ name }) => name === 'parallel -j2') ? `${times(ratio(taken, 'zag', 'parallel -j2'))} parallel` : undefined
  return [
    {
      what: `${count} trivial jobs: spawn each, wait, collect`,
      zag: ms(median(taken.get('zag') ?? [])),
      beside: beside.join('; '),
      ratio: ratios,
    },
  ]
}
