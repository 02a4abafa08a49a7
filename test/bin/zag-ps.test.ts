// zag-ps: the list of what is not over, or of all; sessions in full; and their end, by others or by themselves.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lives } from '../help/processes.js'
import { until } from '../help/run.js'
import { seed, selects, ways } from '../help/selection.js'
import { rows, several, Zag } from '../help/sessions.js'

const zag = new Zag(t)
const seeds = await seed(zag)
const { a, b, c, two } = seeds
const ps = (args: string[], more = {}) => zag.go('ps', args, more)
const ids = ({ stdout }: { stdout: string }) => stdout.split('\n').filter(Boolean)
const said = (id: string, text: string) =>
  until(async () => (await zag.go('events', ['--type', 'assistant_message', id])).stdout.includes(text))

await t.test('list: every way of naming sessions', async t => {
  // In a list --all means those that are over too, and narrowing to none is an empty list.
  const among = ways(seeds).filter(({ args, means }) => !(args.includes('--state') && means.length === 0))
  await selects(t, among, (args, input) => ps(['list', '-q', ...args], { input }), ids)
  t.same(await ps(['-q', a, '--state', 'failed']), { code: 0, signal: null, stdout: '', stderr: '' })
})

await t.test('show: every way of naming sessions', async t => {
  await selects(
    t,
    ways(seeds),
    (args, input) => ps(['show', '--json', ...args], { input }),
    ({ stdout }) => rows(stdout).map(row => row.session_id),
  )
})

await t.test('list: what is over only with -a; --state and --root narrow; -n, -q, --json', async t => {
  t.same(await ps([]), { code: 0, signal: null, stdout: '', stderr: '' })
  t.equal((await ps(['--json'])).stdout, '[]\n')
  const gates = [zag.gate(), zag.gate()]
  const [x, y] = (await Promise.all([
    zag.spawn(gates[0]?.script ?? '', ['--name', 'tab\u00a0x']),
    zag.spawn(gates[1]?.script ?? '', ['-r', two]),
  ])) as [string, string]
  const lists = async (args: string[], want: string[]) => t.same(ids(await ps(['-q', ...args])).sort(), [...want].sort(), args.join(' '))
  await several<[string[], string[]]>(
    [
      [[], [x, y]],
      [['list'], [x, y]],
      [['-r', two], [y]],
      [
        ['--root', two, '-a'],
        [b, y],
      ],
      [['--all'], [a, b, c, x, y]],
      [['-a', '-n', '1'], [[x, y].sort()[1] as string]],
      [
        ['list', '--newest', '9'],
        [x, y],
      ],
      [['-n', '0'], []],
      [
        ['--state', 'running'],
        [x, y],
      ],
      [['--state', 'failed'], [b]],
      [
        ['--state', 'failed,running', '-r', two],
        [b, y],
      ],
      [['--name', 'tab\u00a0x'], [x]],
      [
        ['--tag', 'blue'],
        [b, c],
      ],
    ],
    ([args, want]) => lists(args, want),
  )
  const array = JSON.parse((await ps(['list', '--json'])).stdout)
  t.equal(array.length, 2)
  const row = array.find((each: { session_id: string }) => each.session_id === x)
  t.match(row, {
    name: 'tab\u00a0x',
    status: 'running',
    provider: 'sh',
    model: null,
    error: null,
    runner_pid: Number,
    created_at: String,
    root: String,
  })
  const text = (await ps([])).stdout
  t.equal(ids({ stdout: text }).length, 2)
  t.match(
    text.split('\n').find(line => line.startsWith(x)),
    new RegExp(`^${x}\trunning\tsh\t(\\d+|-)\t[0-9.]+s\ttab.x\t-$`),
  )
  for (const gate of gates) gate.open()
  await zag.go('wait', [x, y])
  t.match(JSON.parse((await ps(['-a', '--json', '-n', '1'])).stdout), [{ status: 'completed', ended_at: String, exit_code: 0 }])
  t.match((await ps(['--all'])).stdout, new RegExp(`^${b}\tfailed\tsh\t-\t.*\t-\texit code 3$`, 'm'))
})

t.test('show', async t => {
  const { code, stdout } = await ps(['show', b])
  t.equal(code, 0)
  for (const line of [`session_id=${b}`, 'status=failed', 'provider=sh', 'error=exit code 3', 'exit_code=3', `root=${two}`])
    t.ok(stdout.split('\n').includes(line), line)
  t.match(rows((await ps(['show', '--json', c])).stdout), [{ session_id: c, parent: a, name: 'alpha', ended_at: String }])
})

t.test('stop and kill', async t => {
  const script = (trap: string) => `trap '${trap}' INT; echo ready; while :; do sleep 0.05; done`
  const [stopped, killed] = (await Promise.all([
    zag.spawn(script('echo bye; exit'), ['--tag', 's']),
    zag.spawn(script('echo bye; exit')),
  ])) as [string, string]
  await Promise.all([said(stopped, 'ready'), said(killed, 'ready')])
  const [row] = rows((await ps(['show', '--json', killed])).stdout)
  t.same(await ps(['stop', '--tag', 's']), { code: 0, signal: null, stdout: `${stopped}\tcancelled\n`, stderr: '' })
  t.match(rows((await ps(['kill', '--json', killed])).stdout), [{ session_id: killed, status: 'cancelled' }])
  t.notOk(lives(Number(row?.pid)))
  t.equal((await zag.go('output', [stopped])).stdout, 'ready\nbye\n', 'stop is gentle')
  t.equal((await zag.go('output', [killed])).stdout, 'ready\n', 'kill is not')
  t.match(await ps(['stop', a]), { code: 0, stdout: `${a}\tcompleted\n` }, 'over already')
  t.match(await ps(['kill', '-'], { input: `${b}\n` }), { code: 0, stdout: `${b}\tfailed\n` })
})

t.test('self: kill self with a result, from a file, and without one', async t => {
  const session = async (script: string) => {
    const id = await zag.spawn(script)
    const ended = await zag.go('wait', [id])
    return { id, ended, result: (await zag.go('output', [id])).stdout }
  }
  const [word, file, none, stop] = await Promise.all([
    session(`echo noise; zag ps kill self "it's
 done"; echo never; sleep 300`),
    session('printf "from a file" >result.txt; zag ps kill self --file result.txt; sleep 300'),
    session('zag ps kill self; sleep 300'),
    session('zag ps stop self; sleep 300'),
  ])
  t.match(word, { result: "it's\n done", ended: { code: 0, stdout: `${word?.id}\tcompleted\n` } })
  t.match(file, { result: 'from a file', ended: { code: 0 } })
  t.match(none, { result: '', ended: { code: 1, stdout: /\tcancelled/ } })
  t.match(stop, { ended: { code: 1, stdout: /\tcancelled/ } })
  t.match(rows((await zag.go('events', [String(word?.id), '--type', 'session_result'])).stdout), [{ result: "it's\n done" }])
})

t.test('kill self with a result: 4 once the session has ended, and its result stays', async t => {
  for (const mark of [`${a}.1`, `${a}.2`, undefined]) {
    const inside = { ZAG_SESSION_ID: a, ZAG_PROCESS_ID: mark }
    t.match(await ps(['kill', 'self', 'late'], { env: inside }), { code: 4, stdout: '', stderr: /has ended: its result stays as it is\n$/ })
  }
  t.equal((await zag.go('output', [a])).stdout, 'a\n')
  t.same(rows((await zag.go('events', [a, '--type', 'session_result'])).stdout), [])
})

t.test('kill self and --json-schema: what does not fit is refused with every reason, and the session goes on', async t => {
  const schema = {
    type: 'object',
    required: ['score', 'toString'],
    properties: {
      score: { type: 'number', maximum: 10 },
      'odd\u001b[31m\n/~key': { items: { enum: ['x'] } },
      constructor: { type: 'string' },
      toString: {},
    },
    additionalProperties: false,
  }
  const wrong = { score: 11, 'odd\u001b[31m\n/~key': ['x', 'y'], 'more\u0007': 1, constructor: 2 }
  writeFileSync(join(zag.home, 'wrong.json'), JSON.stringify(wrong).replace('{', '{"__proto__":{"polluted":1},'))
  writeFileSync(join(zag.home, 'right.json'), '```json\n{"score": 9,\n "toString": 1}\n```\n')
  const script = [
    'zag ps kill self "no JSON" 2>said-one; echo $? >>codes',
    'zag ps kill self --file wrong.json 2>said-two; echo $? >>codes',
    'zag status "$ZAG_SESSION_ID" >state; ls "$ZAG_HOME/sessions/$ZAG_SESSION_ID/result" >there 2>&1',
    'zag ps kill self --file right.json; echo never; sleep 300',
  ].join('\n')
  const id = await zag.spawn(script, ['--json-schema', JSON.stringify(schema)])
  t.match(await zag.go('wait', [id]), { code: 0 })
  const text = (name: string) => readFileSync(join(zag.home, name), 'utf8')
  t.equal(text('codes'), '1\n1\n')
  t.equal(text('state'), 'running\n')
  t.match(text('there'), /No such file|cannot access/i)
  t.equal(text('said-one'), "zag-ps: the result does not fit: it is no JSON: 'no JSON'\n")
  t.same(
    text('said-two')
      .split('\n')
      .filter(Boolean)
      .map(line => line.replace('zag-ps: the result does not fit: ', ''))
      .sort(),
    [
      "the whole must have required property 'toString'",
      "the whole must NOT have additional properties: '__proto__'",
      "the whole must NOT have additional properties: 'more\\u0007'",
      "'/constructor' must be string",
      `'/odd\\u001b[31m\\u000a~1~0key/1' must be equal to one of the allowed values: '["x"]'`,
      "'/score' must be <= 10",
    ].sort(),
  )
  t.equal((await zag.go('output', [id])).stdout, '{"score": 9,\n "toString": 1}', 'the JSON alone')
  t.equal(readFileSync(zag.file(id, 'schema'), 'utf8'), JSON.stringify(schema))
})

t.test('kill self: 5 if the schema was damaged since', async t => {
  const script = 'echo "{" >"$ZAG_HOME/sessions/$ZAG_SESSION_ID/schema"; zag ps kill self 1 2>said; echo $? >>said'
  await zag.over(script, ['--json-schema', '{}'])
  t.match(readFileSync(join(zag.home, 'said'), 'utf8'), /^zag-ps: the schema of the session is no JSON: .*\n5\n$/)
})

t.test('--tree: each under who started it, with -q, -n and --json; loops and orphans too', async t => {
  const zag = new Zag(t)
  const ps = async (...args: string[]) => (await zag.go('ps', args)).stdout
  const firsts = async (...args: string[]) => (await ps('--tree', ...args)).split('\n').map(line => line.replace(/\t.*/, ''))
  const under = (parent: string) => ({ env: { ZAG_SESSION_ID: parent } })
  const top = (await zag.over('true', ['--name', 'top'])).session_id
  const left = (await zag.over('true', [], under(top))).session_id
  const lives = await zag.spawn('exec sleep 300', ['--tag', 'deep'], under(left))
  const right = (await zag.over('true', ['--tag', 'right'], under(top))).session_id
  const other = (await zag.over('true')).session_id
  t.same(await firsts(), [top, `└─ ${left}`, `   └─ ${lives}`, ''], 'who is over is shown above who is not')
  t.same(await firsts('--all'), [top, `├─ ${left}`, `│  └─ ${lives}`, `└─ ${right}`, other, ''])
  t.same(await firsts('-a', '-n', '1'), [other, ''])
  t.same(await firsts('-a', '-n', '0'), [''])
  t.same(await firsts('-a', '-n', '9'), await firsts('-a'))
  t.same(await firsts(top), [top, `├─ ${left}`, `│  └─ ${lives}`, `└─ ${right}`, ''], 'of those named all that descends from them')
  t.same(await firsts('--tag', 'right', left), [left, `└─ ${lives}`, right, ''])
  t.equal(await ps('--tree', '-q', left), `${left}\n${lives}\n`)
  t.match(JSON.parse(await ps('--tree', '--json')), [
    { session_id: top, parent_id: null, depth: 0, status: 'completed' },
    { session_id: left, parent_id: top, depth: 1 },
    { session_id: lives, parent_id: left, depth: 2, status: 'running' },
  ])
  await zag.go('session', ['delete', left])
  t.same(await firsts('-a'), [top, `└─ ${right}`, lives, other, ''], 'whose parent was removed stands at the top')
  const damage = (id: string, parent: string) => {
    const session = JSON.parse(readFileSync(zag.file(id, 'session.json'), 'utf8'))
    writeFileSync(zag.file(id, 'session.json'), JSON.stringify({ ...session, parent }))
  }
  damage(lives, lives)
  damage(top, right)
  await zag.go('doctor', ['--repair'])
  t.same(await firsts(top), [top, `└─ ${right}`, ''], 'a loop comes to an end')
  t.same(await firsts(lives), [lives, ''])
  t.match(await zag.go('ps', ['stop', '--only', '--tag', 'deep']), { code: 0, stdout: `${lives}\tcancelled\n` })
})

t.test('stop and kill take along what descends from a session, with --only they do not', async t => {
  for (const word of ['stop', 'kill']) {
    const a = await zag.spawn('exec sleep 300')
    const b = await zag.spawn('exec sleep 300', [], { env: { ZAG_SESSION_ID: a } })
    t.match(await ps([word, '--only', a]), { code: 0, stdout: `${a}\tcancelled\n` })
    t.same(ids(await ps([word, a])).sort(), [`${a}\tcancelled`, `${b}\tcancelled`].sort(), 'also of one that is over')
  }
  t.match(await ps(['kill', '--only', 'self', 'result']), { code: 2, stdout: '', stderr: /no --only/ })
})

t.test('self shows the row of the own session', async t => {
  const { result } = await zag.over('zag ps self; zag ps self --json')
  const [text, json] = String(result).split('\n')
  t.match(text, /^[0-9a-f-]{36}\trunning$/)
  t.match(JSON.parse(String(json)), { session_id: text?.slice(0, 36), status: 'running' })
})

t.test('1: self outside of a session', async t => {
  for (const args of [['self'], ['kill', 'self'], ['kill', 'self', 'result'], ['stop', 'self']])
    t.match(await ps(args), { code: 1, stdout: '', stderr: 'zag-ps: not inside a session: ZAG_SESSION_ID is not set\n' }, args.join(' '))
  t.match(await ps(['self'], { env: { ZAG_SESSION_ID: 'gone' } }), {
    code: 1,
    stderr: /ZAG_SESSION_ID names no session of this home: 'gone'/,
  })
})

t.test('2 and 3', async t => {
  const says = async (args: string[], code: number, stderr: RegExp) => t.match(await ps(args), { code, stdout: '', stderr }, args.join(' '))
  await says(['-q', '--json'], 2, /--quiet or --json, not both/)
  await says(['--state', 'done'], 2, /'done' is no state/)
  await says(['-n', 'x'], 2, /'--newest': 'x' is no number/)
  await says(['show'], 2, /which sessions/)
  await says(['stop'], 2, /which sessions/)
  await says(['kill'], 2, /which sessions/)
  await says(['kill', 'self', 'two', 'words'], 2, /one result: quote it, or give --file/)
  await says(['kill', '--file', 'x', a], 2, /--file goes with self/)
  await says(['self', 'x'], 2, /'x' is one word too many/)
  await says(['lsit'], 3, /no session 'lsit'/)
  await says(['show', 'nobody'], 3, /no session 'nobody'/)
  await says(['stop', '--tag', 'nobody'], 3, /no session with tag 'nobody'/)
  await says(['kill', '--name', 'nobody'], 3, /no session named 'nobody'/)
  t.match(await ps(['kill', 'self', '--file', 'nowhere'], { env: { ZAG_SESSION_ID: a } }), {
    code: 5,
    stderr: /cannot read the result from 'nowhere'/,
  })
  t.equal(readFileSync(join(zag.file(a, 'result')), 'utf8'), 'a\n')
})
