// An agent that does all it can to stay alive, for the tests of endings.

import type { Test } from 'tap'
import { lives } from '../help/processes.js'
import { until } from '../help/run.js'
import type { Scene } from './scene.js'

/** An agent that hears no INT or TERM, with children of every kind; each writes its pid, and says so when all are there. */
export const stubborn = ({ nap }: Scene) => `trap '' INT TERM
sleep ${nap} & echo $!
setsid sleep ${nap} & echo $!
(sleep ${nap} & echo $!)
setsid sh -c '(sleep ${nap} & echo $!)'
env -i "$(command -v setsid)" "$(command -v sleep)" ${nap} & echo $!
sleep ${nap} & echo $!; kill -STOP $!
echo ready
while :; do sleep ${nap}; done`

const CHILDREN = 6

/** Resolves to the pids of the agent's children when all have been started. */
export async function ready(scene: Scene, id: string): Promise<number[]> {
  const words = await until(() => {
    const said = scene.said(id).split('\n')
    return said.includes('ready') && said
  })
  const pids = words.filter(word => /^\d+$/.test(word)).map(Number)
  // setsid forks if it leads a group, so a pid may be that of its parent: each is alive all the same, or was.
  if (pids.length !== CHILDREN) throw new Error(`${pids.length} children`)
  return pids
}

export function checkGone(t: Test, scene: Scene, pids: number[]): void {
  t.same(scene.leftovers(), [], 'nothing is left')
  t.same(pids.filter(lives), [], 'none of its children lives')
}
