#!/usr/bin/env node
import { EXIT, quoted, usage } from '../lib/base/exit.js'
import { command } from '../lib/command/command.js'
import type { Input } from '../lib/command/input.js'
import type { Output, Talk } from '../lib/command/output.js'
import { onReaderGone } from '../lib/command/reader.js'
import { onStop } from '../lib/command/stop.js'
import type { Line } from '../lib/provider/fields.js'
import { type HookFormat, hookAnswer } from '../lib/verb/hook-answer.js'
import type { PermitOptions } from '../lib/verb/permit.js'

/** More is no call of a tool. In bytes; agents tell the whole content of files. */
const LONGEST = 64 * 1024 * 1024

export default command(import.meta, {
  name: 'zag-permit',
  does: "answer an agent's hook: whether a call of a tool is allowed",
  usage: [
    '[--format json|claude-hook] [--ask [--relay-timeout <time>] | --no-ask] [--group <group>] [--root <folder>]',
    '--install claude [--ask [--relay-timeout <time>]] [--group <group>] [--root <folder>]',
    '--uninstall claude [--root <folder>]',
  ],
  flags: {
    format: { type: 'choice', choices: ['json', 'claude-hook'], default: 'json', does: 'how the call is told and the decision printed' },
    ask: { type: 'boolean', does: 'ask about what no rule decides, by a relay, and wait for the answer' },
    noAsk: { type: 'boolean', does: 'refuse what no rule decides' },
    relayTimeout: { type: 'time', value: 'time', does: 'deny what nobody answered for so long' },
    group: { type: 'string', value: 'group', does: 'whose rules count outside of a session, if not those of the project' },
    root: {
      type: 'string',
      short: 'r',
      value: 'folder',
      does: 'the project outside of a session, if not that around the folder of the hook',
    },
    install: { type: 'choice', choices: ['claude'], does: "write the hooks into the project's .claude/settings.json" },
    uninstall: { type: 'choice', choices: ['claude'], does: 'take them out of it again' },
  },
  exits: {
    [EXIT.ok]: 'allowed; with --format claude-hook: answered, whatever the decision; installed',
    [EXIT.no]: 'not allowed: denied, or nobody decided',
    [EXIT.none]: 'the session this runs in was removed',
    [EXIT.interrupted]: 'stopped by SIGINT; the question is closed',
    [EXIT.terminated]: 'stopped by SIGTERM; the question is closed',
    [EXIT.brokenPipe]: 'whoever read the answer is gone; the question is closed',
  },
  examples: [
    ['zag-permit --install claude', 'the rules of the group hold for every Claude Code in this project'],
    [`printf '{"tool": "bash", "params": {"command": "git status"}}' | zag-permit`, 'ask from a script'],
  ],
  async run({ install, uninstall, format, ask, noAsk, relayTimeout: timeout, group, root }, { stdin, out, err }) {
    if (ask && noAsk) throw usage('--ask or --no-ask, not both')
    if (timeout !== undefined && !ask) throw usage('--relay-timeout is for what is asked: give --ask with it')
    if (timeout === 0) throw usage('--relay-timeout 0 leaves nobody the time to answer: --no-ask asks nobody')
    if (install ?? uninstall) {
      if (noAsk || (uninstall && (install || ask || group)))
        throw usage(`--${install ? 'install' : 'uninstall'} does not go with the other flags`)
      const { installHooks, uninstallHooks } = await import('../lib/install/hooks.js')
      const { path, changed, hooks } = install ? installHooks(root ?? '.', { ask, group, timeout }) : uninstallHooks(root ?? '.')
      const did = install ? 'wrote' : 'took away'
      for (const { event, matcher, command } of changed ? hooks : []) err.notice(`${did} ${event} ${matcher}: ${command}`)
      return err.notice(`${quoted(path)} ${changed ? 'is changed' : 'stays as it is'}`)
    }
    return answer(await lineIn(stdin), format, { group, root, timeout, ask: ask ? true : noAsk ? false : undefined }, { out, err })
  },
})

/** The one object on stdin. Throws usage if there is none: an agent may take that code for a refusal, and never for leave. */
async function lineIn(stdin: Input): Promise<Line> {
  if (stdin.isTerminal) throw usage('stdin is a terminal: the call is told there as JSON')
  const text = String(await stdin.bytes(LONGEST))
  let told: unknown
  try {
    told = JSON.parse(text)
  } catch {
    throw usage(`stdin is no JSON: ${text.trim() === '' ? 'it is empty' : quoted(text)}`)
  }
  if (typeof told !== 'object' || told === null || Array.isArray(told)) throw usage(`stdin is no JSON object: ${quoted(text)}`)
  return told as Line
}

/** Decides and prints the answer, unless whoever asked is gone by then; gives the exit code. */
async function answer(told: Line, format: HookFormat, given: PermitOptions, { out, err }: Said): Promise<number> {
  const stop = onStop(err)
  const gone = new AbortController()
  const watches: Promise<() => void>[] = []
  const options: PermitOptions = {
    ...given,
    signal: AbortSignal.any([stop.signal, gone.signal]),
    onRelay(relay) {
      err.notice(`asks: zag approve ${relay}, or zag deny ${relay}`)
      watches.push(onReaderGone(out, () => gone.abort()))
    },
  }
  try {
    const { line, code } = await hookAnswer(format, told, options)
    if (stop.code() !== undefined) return stop.code() as number
    if (gone.signal.aborted) return EXIT.brokenPipe
    if (line) out.value(line)
    return code
  } finally {
    for (const unwatch of await Promise.all(watches)) unwatch()
  }
}

interface Said {
  out: Output
  err: Talk
}
