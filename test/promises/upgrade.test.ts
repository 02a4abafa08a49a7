// A home carries the number of its layout. One that another version made is refused by every program that would look into it,
// and nothing in it is touched.

import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { PROGRAMS, zagHome } from '../help/run.js'
import { several, Zag } from '../help/sessions.js'

/** Stands for the session that there is. */
const ID = 'ID'

/** What each program is asked to do, what destroys and what is said inside of a session not left out. */
const ASKED: [program: string, ...words: string[]][] = [
  ['zag-allow', 'add', 'bash(command=git *)'],
  ['zag-approve', '--all'],
  ['zag-broadcast', '--all', 'a message'],
  ['zag-cancel', '--all'],
  ['zag-collect', '--all'],
  ['zag-deny', '--all'],
  ['zag-doctor', '--repair'],
  ['zag-env', '--latest'],
  ['zag-events', '--all'],
  ['zag-exec', '-p', 'sh', 'true'],
  ['zag-file', 'read', 'some-file'],
  ['zag-file', 'patch'],
  ['zag-file', 'lock', 'some-file', '--', 'true'],
  ['zag-gc', '--all'],
  ['zag-gc', '--force', '--older-than', '0'],
  ['zag-input', '--all', 'a message'],
  ['zag-listen', '--all'],
  ['zag-log', '--session', '00', 'a message'],
  ['zag-output', '--all'],
  ['zag-permit', '--format', 'json'],
  ['zag-pipe', '-p', 'sh', '--tag', 'some', '--', 'true'],
  ['zag-ps'],
  ['zag-ps', 'kill', ID],
  ['zag-ps', 'self'],
  ['zag-relay'],
  ['zag-retry', '--all'],
  ['zag-search', 'word'],
  ['zag-session', 'list'],
  ['zag-session', 'update', '--name', 'x', ID],
  ['zag-session', 'delete', ID],
  ['zag-spawn', '-p', 'sh', 'true'],
  ['zag-status', '--all'],
  ['zag-subscribe', '--until-done'],
  ['zag-summary', '--all'],
  ['zag-trust', '--list'],
  ['zag-wait', '--all'],
  ['zag-watch', '--all', '--once', '--', 'true'],
  ['zag-whoami'],
]
/** They look into no home, or at its config.toml alone. */
const APART = ['zag', 'zag-completion', 'zag-help-agent', 'zag-man', 'zag-providers']

/** Every file below the folder with its content and the time when it was changed. */
function content(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true }).map(name => String(name))
  return files.sort().map(name => {
    const path = join(folder, name)
    const { mtimeMs, size } = statSync(path)
    return `${name} ${mtimeMs} ${size} ${statSync(path).isFile() ? readFileSync(path, 'base64') : ''}`
  })
}

t.test('every program is asked, or is known to look into no home', async t => {
  t.same([...new Set([...ASKED.map(([program]) => program), ...APART])].sort(), readdirSync(PROGRAMS).sort())
})

t.test('a home of another version is refused by all, and not touched', async t => {
  const zag = new Zag(t, { 'some-file': 'read by nobody' })
  const { session_id: id } = await zag.over('echo a session that there is')
  const call = '{"tool":"bash","params":{"command":"ls"}}'
  const patch = '*** Begin Patch\n*** Add File: new\n+x\n*** End Patch\n'
  writeFileSync(join(zagHome(zag.home), 'layout'), '7\n')
  const before = content(zagHome(zag.home))
  await several(ASKED, async ([program, ...words]) => {
    const env = /whoami|self/.test(`${program} ${words}`) ? { ZAG_SESSION_ID: id } : {}
    const asked = words.map(word => (word === ID ? id : word))
    const { code, stdout, stderr } = await zag.go(program.slice(4), asked, { input: program === 'zag-file' ? patch : call, env })
    // The doctor's findings are its output, and that something is wrong is 1.
    const [refusal, said] = program === 'zag-doctor' ? [1, stdout] : [5, stderr]
    t.equal(code, refusal, `${program} ${words}: ${stdout}`)
    t.match(said, /'.*' was made by another version of zag: layout '7', this one knows '1'\n/, `${program} ${words}`)
  })
  t.same(content(zagHome(zag.home)), before)
})
