// zag's own share of the time of a real agent: zag exec beside the agent alone, with the same words, prompt, folder and model server.
//
// The agents are those of npm run test:agents; without them there is nothing to measure.

import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { AGENTS, type Agent, INSTALLED, pointAt } from '../../test/agents/agents.js'
import { serveModels } from '../../test/help/model/server.js'
import { median, now, run } from './measure.js'
import { environment, folder, installed } from './place.js'
import { ABSENT, failure, ms, type Row } from './table.js'

const PROMPT = 'SAY hello'

/** How an agent is run without zag. */
interface Bare {
  argv: string[]
  cwd: string
  env: NodeJS.ProcessEnv
  out: string
  prompt: string
}

export async function agents(quick: boolean): Promise<Row[]> {
  const rows: Row[] = []
  for (const agent of Object.values(AGENTS).filter(({ toolless }) => !toolless)) {
    const what = `a short answer of ${agent.name}, by zag exec`
    if (!installed(join(INSTALLED, agent.name))) rows.push({ what, zag: ABSENT, beside: 'npm run test:agents installs it' })
    else
      rows.push(
        await share(agent, quick ? 2 : 5).then(
          figures => ({ what, ...figures }),
          error => failure(what, error),
        ),
      )
  }
  return rows
}

async function share(agent: Agent, rounds: number): Promise<Omit<Row, 'what'>> {
  const models = await serveModels({ delay: agent.delay })
  try {
    const home = folder(`agent-${agent.name}`)
    const env = environment(join(home, '.zag'), { ...pointAt(agent, models.url, home), HOME: home })
    env.PATH = `${INSTALLED}${delimiter}${env.PATH}`
    const command = ['zag-exec', '-p', agent.name, '-r', home, PROMPT]
    await run(command, env)
    const bare = await sameWithout(home, env)
    const taken = { zag: [] as number[], bare: [] as number[] }
    for (let round = 0; round < rounds; round += 1) {
      taken.zag.push(await timed(() => run(command, env)))
      taken.bare.push(await timed(() => runBare(bare)))
    }
    const [zag, alone] = [median(taken.zag), median(taken.bare)]
    const own = median(taken.zag.map((time, round) => time - (taken.bare[round] ?? Number.NaN)))
    return { zag: ms(zag), beside: `${agent.name} alone: ${ms(alone)}`, ratio: `${own < 0 ? '-' : '+'} ${ms(Math.abs(own))}` }
  } finally {
    await models.close()
  }
}

/** What the session that just ended ran. */
async function sameWithout(home: string, env: NodeJS.ProcessEnv): Promise<Bare> {
  const started = JSON.parse(await run(['zag-events', '--latest', '--type', 'session_started'], env)) as {
    command: string[]
    session_id: string
  }
  return {
    argv: started.command,
    cwd: home,
    env,
    out: join(home, 'out'),
    prompt: join(home, '.zag/sessions', started.session_id, 'prompt'),
  }
}

/** Runs it with files as stdin and stdout, as zag does. Ids that it was given are given once only. */
async function runBare({ argv, cwd, env, out, prompt }: Bare): Promise<void> {
  const [program = '', ...args] = argv.map(word => (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(word) ? randomUUID() : word))
  const files = [openSync(prompt, 'r'), openSync(out, 'w')] as const
  const child = spawn(program, args, { cwd, env, stdio: [...files, 'ignore'] })
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve))
  for (const file of files) closeSync(file)
  if (code !== 0) throw new Error(`${argv.join(' ')}: exit ${code}: ${readFileSync(out, 'utf8')}`)
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = now()
  await work()
  return now() - began
}
