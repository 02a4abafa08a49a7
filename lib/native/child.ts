// The tool agent: a task for another agent, as a session that is a child of this one, of the same group. What it comes to is the
// result of the call. It ends with its parent.

import { paths } from '../base/paths.js'
import { loadConfig } from '../config/config.js'
import { providerOf } from '../provider/list.js'
import type { Ask } from '../run/ask.js'
import { cancel } from '../run/cancel.js'
import { spawn } from '../run/start.js'
import { waitFor } from '../run/wait.js'
import { CONTEXT_BYTES, limited } from '../session/context.js'
import { statusOf } from '../session/state.js'
import { readIfThere } from '../store/file.js'
import { readIfIntact } from '../table/sessions.js'
import type { Outcome, Tool, Workshop } from './toolbox.js'

/** What it is itself. */
const KIND = 'native'
/** What it gets to end, when its parent is ended: from one signal to the next, in milliseconds. */
const GRACE = 1_500

export const child: Tool = {
  name: 'agent',
  kind: 'think',
  does: `Gives a task to another agent, which works in the same folder and knows nothing of this conversation, and waits for its result. Several in one answer work at once.`,
  input: {
    type: 'object',
    properties: {
      prompt: { type: 'string', description: 'the whole task, with all that it has to know' },
      name: { type: 'string', description: 'a name to find it by' },
      provider: { type: 'string', description: "which agent, as 'zag providers' lists them; one of your own kind if not given" },
      model: { type: 'string', description: 'its model, if not the usual one' },
    },
    required: ['prompt'],
    additionalProperties: false,
  },
  prepare(input, workshop) {
    const { prompt, name, provider, model } = input as { prompt: string; name?: string; provider?: string; model?: string }
    if (prompt.trim() === '') throw new Error('the prompt is empty')
    return {
      title: `agent${name === undefined ? '' : ` ${name}`}: ${prompt.slice(0, 80)}`,
      // A script is no task for an agent, but a command.
      ...(provider === 'sh' ? { as: { kind: 'execute', input: { ...input, command: prompt } } } : {}),
      run: signal => run({ prompt, name, provider, model }, signal, workshop),
    }
  },
}

interface Wish {
  prompt: string
  name?: string
  provider?: string
  model?: string
}

async function run(wish: Wish, signal: AbortSignal, { session, cwd, baseUrl }: Workshop): Promise<Outcome> {
  if (signal.aborted) throw new Error('it was interrupted')
  const { provider = KIND } = wish
  const given = await handedOn(session, provider)
  const { id } = await spawn({ ...given, ...wish, provider, root: cwd, baseUrl: provider === KIND ? baseUrl : undefined })
  const stop = () => {
    // It may be over by now, or be cancelled with its parent; whoever waits for it is told.
    cancel(id, { grace: GRACE, reason: 'parent' }).catch(() => {})
  }
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    await waitFor([id])
  } finally {
    signal.removeEventListener('abort', stop)
  }
  return outcomeOf(id)
}

/** A child may do what its parent may, and no more: it has the same rules, and asks whenever that one does. */
async function handedOn(session: string, name: string): Promise<Partial<Ask>> {
  const { flags = {}, permissions, root } = readIfIntact(session) ?? {}
  const { live, can } = await providerOf(name, await loadConfig(root))
  if (!live) return {}
  const { allow, deny, autoApprove, relayTimeout, addDir } = flags as Partial<Ask>
  return {
    allow,
    deny,
    ...(permissions?.ask ? { ask: true, relayTimeout } : { noAsk: true }),
    autoApprove: can.has('auto_approve') ? autoApprove : undefined,
    addDir: can.has('add_dir') ? addDir : undefined,
  }
}

function outcomeOf(id: string): Outcome {
  const { state, ended } = statusOf(id)
  const result = readIfThere(paths.inSession(id, 'result'))
  const said = result === undefined ? undefined : limited(result, CONTEXT_BYTES, paths.inSession(id, 'result'))
  if (state === 'completed') return { text: said ?? `session ${id} completed and said nothing` }
  const why = ended?.error === undefined ? '' : `: ${ended.error}`
  return { text: [`session ${id} ${state}${why}`, said].filter(Boolean).join('\n'), failed: true }
}
