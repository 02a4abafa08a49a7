// The configuration of MCP servers as users write it: what is wrong with it is told in exact words.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { mcpServers } from '../../../lib/provider/mcp.js'

const path = join(t.testdir(), 'mcp.json')

function read(servers: unknown) {
  writeFileSync(path, JSON.stringify({ mcpServers: servers }))
  return mcpServers(path)
}

t.test('servers, with what they leave out', async t => {
  t.same(read({ a: { command: 'x' }, b: { command: 'x', args: ['-y', ''], env: { K: 'v' } } }), {
    a: { command: 'x', args: [], env: {} },
    b: { command: 'x', args: ['-y', ''], env: { K: 'v' } },
  })
  t.same(read({ a: { url: 'https://h/p' }, b: { type: 'sse', url: 'http://h', headers: { h: 'v' } } }), {
    a: { url: 'https://h/p', transport: 'http', headers: {} },
    b: { url: 'http://h', transport: 'sse', headers: { h: 'v' } },
  })
  // biome-ignore lint/suspicious/noTemplateCurlyInString: so it is written
  t.match(read({ a: { url: '${BASE:-http://h}/p' } }), { a: { url: /BASE/ } })
})

const WRONG: [unknown, RegExp][] = [
  [{}, /server 'a' has neither 'command' nor 'url': give it one of them/],
  ['x', /neither/],
  [{ command: 'x', url: 'http://h' }, /server 'a' has both 'command' and 'url': give it one of them/],
  [{ command: ['x', '-y'] }, /server 'a' has a 'command' that is no text/],
  [{ command: '' }, /'command' that is no text/],
  [{ command: 'x', args: '-y' }, /server 'a' has 'args' that are no list of texts/],
  [{ command: 'x', args: ['-y', 7] }, /'args' that are no list of texts/],
  [{ command: 'x', env: { K: 7 } }, /server 'a' has an 'env' that is no table of texts/],
  [{ command: 'x', env: ['K=v'] }, /'env' that is no table/],
  [{ url: 'no url' }, /server 'a' has a 'url' that is none/],
  [{ url: 7 }, /'url' that is none/],
  [{ url: 'http://h', headers: { h: null } }, /server 'a' has 'headers' that are no table of texts/],
]

t.test('what is wrong is 2, with the server and the field', async t => {
  for (const [server, message] of WRONG) t.throws(() => read({ a: server }), { exit: 2, message }, JSON.stringify(server))
})
