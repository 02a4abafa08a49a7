// What an agent needs of zag is in private files of its session: whatever a session is asked with, the project of the user has the
// same files after it as before.

import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { repository } from '../help/repository.js'
import { TOP } from '../help/run.js'
import { Zag } from '../help/sessions.js'

const zag = new Zag(t)
const bin = join(zag.home, 'bin')
mkdirSync(bin)
const project = repository(join(zag.home, 'project'), { 'README.md': 'read me\n', 'src/main.c': 'int main;\n' }).top
const mcp = join(zag.home, 'mcp.json')
writeFileSync(
  mcp,
  JSON.stringify({ mcpServers: { here: { command: 'server', env: { KEY: 'v' } }, there: { url: 'http://127.0.0.1:1/' } } }),
)

/** What each is given of what leaves a file somewhere. */
const ALL = ['--system-prompt', '/be brief', '--mcp-config', mcp, '--add-dir', bin]
const FLAGS: Record<string, string[]> = {
  claude: ALL,
  codex: ALL,
  gemini: ['--add-dir', bin],
  copilot: ALL,
  opencode: [...ALL, '--model', 'a/b'],
  ollama: ['--system-prompt', 'be brief', '--model', 'm'],
}
for (const name of Object.keys(FLAGS)) {
  writeFileSync(join(bin, name), '#!/bin/sh\ncat >/dev/null\necho done\n')
  chmodSync(join(bin, name), 0o755)
}
const acp = join(TOP, 'test/fixtures/acp-agent')
// Nobody is there: what it would be told of is of no matter here.
const env = { PATH: `${bin}:${process.env.PATH}`, OLLAMA_HOST: '127.0.0.1:1' }

/** All that is in a folder: the paths, kinds, modes and contents. */
function contentOf(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    const { mode, mtimeMs } = lstatSync(path)
    const about = `${mode} ${mtimeMs}`
    return entry.isDirectory() ? [[path, about], ...Object.entries(contentOf(path))] : [[path, `${about} ${readFileSync(path, 'latin1')}`]]
  })
  return Object.fromEntries(entries)
}

const before = contentOf(project)

t.test('once for each turn, and living on: with files, a system prompt, servers and folders', async t => {
  for (const [name, flags] of Object.entries(FLAGS)) {
    for (const more of [[], ['-I']]) {
      const args = ['-p', name, ...more, '-r', project, ...flags, '--file', join(project, 'README.md'), '/look at @README.md']
      const { code, stdout, stderr } = await zag.go('spawn', args, { env, cwd: project })
      t.match({ code, stderr }, { code: 0, stderr: '' }, name)
      await zag.go('input', ['--session', stdout.trim(), '-b', 'once more'], { env, cwd: project })
      if (more.length > 0) await zag.go('cancel', [stdout.trim()])
      await zag.go('wait', [stdout.trim()])
      t.same(contentOf(project), before, `${name} ${more}`)
    }
  }
})

t.test('an agent that speaks the protocol', async t => {
  const args = ['-p', 'acp', '--agent', acp, '-r', project, '--mcp-config', mcp, '--file', join(project, 'README.md')]
  t.match(await zag.go('exec', [...args, 'say x'], { env, cwd: project }), { code: 0 })
  t.same(contentOf(project), before)
})
