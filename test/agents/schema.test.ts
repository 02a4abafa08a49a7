// A JSON Schema that an agent can make its model keep to, for those that can, the real programs.

import t from 'tap'
import { fieldsOf } from '../../lib/provider/fields.js'
import { AGENTS } from './agents.js'
import { Desk } from './desk.js'

const { claude, codex } = AGENTS
const SCHEMA = '{"type":"object","properties":{"a":{"type":"number"}},"required":["a"],"additionalProperties":false}'

t.test('claude: what its model gives by the tool for it is the result', async t => {
  const desk = await Desk.open(t, [claude])
  t.match(await desk.ask(claude, 'CALL StructuredOutput {"a":1}', ['--json-schema', SCHEMA]), { code: 0, stdout: '{"a":1}' })
  const open = await desk.ask(claude, 'SAY {"a":2}', ['--json-schema', SCHEMA, '--max-turns', '3'])
  t.match(open, { code: 0, stdout: '{"a":2}' }, 'with a bound on its turns it is only told')
})

t.test('codex: its model is held to it', async t => {
  const desk = await Desk.open(t, [codex])
  t.match(await desk.ask(codex, 'SAY {"a":1}', ['--json-schema', SCHEMA]), { code: 0, stdout: '{"a":1}' })
  const formats = desk.models.requests.map(({ body }) => fieldsOf(fieldsOf(fieldsOf(body).text).format))
  t.match(
    formats.find(({ type }) => type === 'json_schema'),
    { strict: true, schema: JSON.parse(SCHEMA) },
  )
})
