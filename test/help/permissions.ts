// What every program that starts a session does with the flags for what its agent may.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Ended, TOP } from './run.js'
import type { Zag } from './sessions.js'

/** Tries them; `go` runs the program with flags and a prompt for the acp-agent, `say x`. */
export async function takesPermissions(t: Test, zag: Zag, go: (...flags: string[]) => Promise<Ended>): Promise<void> {
  const acp = ['-p', 'acp', '--agent', join(TOP, 'test/fixtures/acp-agent')]
  const rules = ['--allow', 'read', '--allow', 'bash(command=ls*)', '--deny', 'edit', '--allow-once', 'fetch']
  t.match(await go(...acp, ...rules, '--ask', '--relay-timeout', '1m'), { code: 0 })
  const { permissions } = JSON.parse(readFileSync(zag.file(zag.ids().at(-1) as string, 'session.json'), 'utf8'))
  const kept = {
    allow: ['read', 'bash(command=ls*)'],
    deny: ['edit'],
    allow_once: ['fetch'],
    ask: true,
    relay_timeout_ms: 60_000,
    live: true,
  }
  t.same(permissions, kept)
  const before = zag.ids().length
  t.match(await go(...acp, '--deny', 'edit(path=src'), { code: 2, stdout: '' })
  t.match(await go(...acp, '--ask', '--no-ask'), { code: 2, stderr: /--ask or --no-ask, not both/ })
  for (const flag of ['--ask', '--allow=bash', '--deny=bash', '--allow-once=bash', '--relay-timeout=1m'])
    t.match(await go('-p', 'sh', flag), { code: 2, stdout: '', stderr: /provider 'sh' has no --/ }, flag)
  t.equal(zag.ids().length, before, 'nothing was made')
}
