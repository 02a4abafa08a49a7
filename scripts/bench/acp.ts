// Beside acpx, another program for agents from the shell: the same small agent (test/fixtures/acp-agent), which answers at once, so that
// what is measured is theirs. Both run under the same Node, as does the agent.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { checkNumbers, median, race, ratio, run } from './measure.js'
import { proportional } from './memory.js'
import { ACPX, type Node, nodeForAcpx, under } from './peers.js'
import { atEnd, environment, folder, place } from './place.js'
import { ABSENT, ms, type Row, times } from './table.js'

const AGENT = join(import.meta.dirname, '../../test/fixtures/acp-agent')
const PROMPT = 'say hello'
const MANY = 8
const AT_ONCE = 4

/** All of a shell command, where "$@" is how one prompt is put to acpx. */
const EACH = `seq ${MANY} | sed 's/^/say /' | zag-spawn --each -p acp --agent "$1" --no-ask --slots ${AT_ONCE} --tag "each-$$" >/dev/null &&
  zag-wait --tag "each-$$" >/dev/null && zag-collect --tag "each-$$"`
const XARGS = `seq ${MANY} | xargs -P ${AT_ONCE} -I {} "$@" "say {}"`

export async function acp(quick: boolean): Promise<Row[]> {
  const node = nodeForAcpx()
  const what = 'a prompt to an ACP agent until its answer'
  if (!node) return [{ what, zag: '', beside: `acpx: ${ABSENT}` }]
  const env = under(node, environment(join(place, 'acp'), { ACP_STORE: '/dev/null' }))
  const acpx = [node.path, ACPX, '--agent', AGENT, '--cwd', folder('acpx'), '--format', 'quiet']
  const zag = ['-p', 'acp', '--agent', AGENT, '--no-ask']
  const beside = (what: string, ours: string[], theirs: string[], rounds: number, after?: (printed: string) => void) => {
    const variants = { zag: ours, acpx: theirs }
    const taken = race(
      Object.entries(variants).map(([name, command]) => ({ name, command, env, after })),
      quick ? 2 : rounds,
      1,
    )
    const factor = ratio(taken, 'zag', 'acpx')
    return {
      what: `${what}, ${node.name}`,
      zag: ms(median(taken.get('zag') ?? [])),
      beside: `acpx: ${ms(median(taken.get('acpx') ?? []))}`,
      ratio: times(factor),
      peers: { acpx: factor },
    }
  }
  const rows = [
    beside(what, ['zag-exec', ...zag, PROMPT], [...acpx, 'exec', PROMPT], 10, checkAnswer),
    beside(
      `${MANY} prompts to ACP agents, ${AT_ONCE} at once`,
      ['sh', '-c', EACH, 'sh', AGENT],
      ['sh', '-c', XARGS, 'sh', ...acpx, 'exec'],
      5,
      printed => checkNumbers(printed, MANY),
    ),
  ]
  const id = (await run(['zag-spawn', ...zag, '--interactive', PROMPT], env)).trim()
  atEnd(() => spawnSync(node.path, [...acpx.slice(1), 'sessions', 'close'], { env, stdio: 'ignore' }))
  await run([...acpx, 'sessions', 'new'], env)
  await run([...acpx, PROMPT], env)
  rows.push(
    beside('a message to a live ACP agent until its answer', ['zag-input', '--session', id, PROMPT], [...acpx, PROMPT], 7, checkAnswer),
    beside('the status of a live ACP agent', ['zag-status', id], [...acpx, 'status'], 10),
  )
  return [...rows, await memory(id, acpx, env, node)]
}

function checkAnswer(printed: string): void {
  if (!/^hello$/m.test(printed)) throw new Error(`not the answer: '${printed}'`)
}

/** What stands between the shell and an agent that lives on: the runner, or the process that owns the session. */
async function memory(id: string, acpx: string[], env: NodeJS.ProcessEnv, { name }: Node): Promise<Row> {
  const { runner_pid: runner } = JSON.parse(await run(['zag-status', '--json', id], env))
  const { pid: owner } = JSON.parse(await run([...acpx, '--format', 'json', 'status'], env))
  const [ours, theirs] = [proportional(runner), proportional(owner)]
  return {
    what: `memory of what looks after a live ACP agent, ${name}`,
    zag: `${ours.toFixed(1)} MiB`,
    beside: `acpx: ${theirs.toFixed(1)} MiB`,
    ratio: times(ours / theirs),
    peers: { acpx: ours / theirs },
  }
}
