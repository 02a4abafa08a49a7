// What an agent in a sandbox can reach and what not, that zag works inside, and that nothing of it outlives its session.
// Skipped, with the reason, where the system lets nobody make user namespaces; that such a system is told of is tried anywhere.

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fixture, lives } from '../help/processes.js'
import { gitIn, repository } from '../help/repository.js'
import { until, zagHome } from '../help/run.js'
import { Zag } from '../help/sessions.js'
import * as played from '../help/written.js'
import { kill, Scene } from './scene.js'

const tried = spawnSync('bwrap', ['--unshare-user', '--cap-drop', 'ALL', '--ro-bind', '/', '/', 'true'], { encoding: 'utf8' })
const skip = tried.status === 0 ? false : `bubblewrap makes no sandbox here: ${tried.error?.message ?? tried.stderr}`

/** The programs, with a project. Where the tests lie below /tmp their home would not be seen inside: a profile shows it. */
function scene(t: Test) {
  const zag = new Zag(t)
  const home = realpathSync(zag.home)
  const { top: project } = repository(join(home, 'project'))
  zag.configure(SHOWN)
  const run = (script: string, flags: string[] = ['--sandbox'], more: object = {}) =>
    zag.go('exec', ['-p', 'sh', ...flags, script], { cwd: project, ...more })
  return { zag, home, project, run }
}

const SHOWN = '[sandbox.default]\nread = ["~"]\n'

/** A script that says for each folder whether a file can be made in it. */
const writes = (probe: string, ...paths: string[]) =>
  paths.map(path => `touch '${join(path, probe)}' 2>/dev/null && echo yes || echo no`).join('\n')

t.test('the project can be written, the rest cannot', { skip }, async t => {
  const { home, project, run } = scene(t)
  mkdirSync(join(home, 'other'))
  const probe = `probe-${process.pid}`
  const paths = [project, join(project, '.git'), join(home, 'other'), home, '/etc', '/var/lib', '/', '/tmp', '/var/tmp', '/dev/shm', '/run']
  const said = await run(writes(probe, ...paths))
  const reached = paths.map(path => join(path, probe)).filter(existsSync)
  for (const path of reached) rmSync(path)
  t.same(reached, [join(project, probe), join(project, '.git', probe)])
  t.match(said, { code: 0, stderr: '', stdout: 'yes\nyes\nno\nno\nno\nno\nno\nyes\nyes\nyes\nyes\n' })
  t.match(
    await run('echo two >a.txt; git commit -qam two; git config a.b c || echo refused; touch .git/hooks/x 2>/dev/null || echo refused'),
    {
      code: 0,
      stdout: 'refused\nrefused\n',
    },
  )
  t.equal(gitIn(project, 'log', '-1', '--format=%s'), 'two')
})

t.test('/tmp and /run are its own; processes outside keep their secrets', { skip }, async t => {
  const { zag, home, run } = scene(t)
  zag.configure('')
  const name = `zag-probe-${process.pid}`
  writeFileSync(join('/tmp', `${name}-outside`), '')
  t.teardown(() => rmSync(join('/tmp', `${name}-outside`)))
  const script = `touch /tmp/${name}; ls -d /tmp/zag-probe-*; echo "$TMPDIR"; mktemp >/dev/null && echo made
ls -A /run | grep -cv 'resolve\\|systemd\\|NetworkManager\\|resolvconf'
cat /proc/${process.pid}/environ >/dev/null 2>&1 || echo hidden; ls /proc/${process.pid}/root/ >/dev/null 2>&1 || echo closed`
  t.match(await run(script, ['--sandbox'], { env: { TMPDIR: home } }), { code: 0, stdout: `/tmp/${name}\n/tmp\nmade\n0\nhidden\nclosed\n` })
  t.notOk(existsSync(join('/tmp', name)))
})

t.test('keys in the home directory are not seen, unless a profile says so', { skip }, async t => {
  const { zag, home, project, run } = scene(t)
  mkdirSync(join(home, '.ssh'))
  writeFileSync(join(home, '.ssh/id'), 'key\n')
  writeFileSync(join(home, '.netrc'), 'password\n')
  writeFileSync(join(home, '.profile'), 'plain\n')
  mkdirSync(join(home, 'more'))
  writeFileSync(join(home, 'more/secret'), 'more\n')
  const script = 'cat ~/.ssh/id ~/.netrc ~/.profile ~/more/secret 2>/dev/null; true'
  t.match(await run(script), { code: 0, stdout: 'plain\nmore\n' })
  zag.configure(
    `${SHOWN}[sandbox.keys]\nread = ["~", "~/.ssh"]\nhide = ["~/more", "~/not-there"]\nwrite = ["~/.profile", "${home}/more/secret"]\n`,
  )
  t.match(await run(`${script}; ${writes('x', join(home, '.ssh'))}; echo changed >~/.profile`, ['--sandbox=keys']), {
    code: 0,
    stdout: 'key\nplain\nmore\nno\n',
  })
  t.equal(readFileSync(join(home, '.profile'), 'utf8'), 'changed\n')
  t.match(await run(writes('x', join(home, 'more')), ['--sandbox', '--add-dir', join(home, 'more')]), { stdout: 'yes\n' }, '--add-dir')
  t.match(
    await run('cat ~/more/secret', ['--sandbox=keys', '--add-dir', '../more']),
    { code: 0, stdout: 'more\n' },
    '--add-dir, from where one is',
  )
  zag.configure('[sandbox.default]\nread = ["~"]\nhide = ["~/more"]\n')
  t.match(await run(script), { code: 0, stdout: 'changed\n' }, 'the profile default')
  const shown = JSON.parse((await zag.go('session', ['show', '--json', '--latest'])).stdout)
  t.match(shown, { flags: { sandbox: true }, sandbox: { profile: 'default', net: true, hide: ['~/more'] }, root: project })
})

t.test('the network, by flag and by profile', { skip }, async t => {
  const { zag, run } = scene(t)
  const links = 'grep -c : /proc/net/dev'
  const outside = spawnSync('sh', ['-c', links], { encoding: 'utf8' }).stdout
  const only = '1\n'
  t.match(await run(links, ['--sandbox']), { stdout: outside })
  t.match(await run(links, ['--sandbox', '--sandbox-net', 'off']), { stdout: only })
  zag.configure('[sandbox.deaf]\nnet = false\n')
  t.match(await run(links, ['--sandbox=deaf']), { stdout: only })
  t.match(await run(links, ['--sandbox=deaf', '--sandbox-net=on']), { stdout: outside })
})

t.test('zag works inside', { skip }, async t => {
  const { zag, run } = scene(t)
  const script = `zag whoami | head -n 1; zag log 'from inside'; zag ps -q | wc -l
id=$(zag spawn -p sh 'echo child; sleep 0.1'); zag wait "$id" | cut -f 2; zag output "$id"
touch "$ZAG_HOME/config.toml" 2>/dev/null || echo unchanged
zag ps kill self handed`
  const { code, stdout, stderr } = await run(script)
  t.match({ code, stdout, stderr }, { code: 0, stdout: 'handed', stderr: '' })
  const [outer, inner] = zag.ids() as [string, string]
  t.match(readFileSync(zag.file(outer, 'stdout'), 'utf8'), /^session_id=\S+\n1\ncompleted\nchild\nunchanged\n/)
  t.match(await zag.go('events', [outer, '--type', 'user_event', '--count']), { stdout: /1/ })
  t.match(JSON.parse((await zag.go('ps', ['show', '--json', inner])).stdout), { status: 'completed', parent: outer })
  t.equal(readFileSync(join(zagHome(zag.home), 'config.toml'), 'utf8'), SHOWN)
})

t.test('where there is no config.toml, no agent writes one', { skip }, async t => {
  const zag = new Zag(t)
  const home = realpathSync(zag.home)
  const { top: project } = repository(join(home, 'project'))
  const config = join(zagHome(home), 'config.toml')
  // Without a configuration the rest of the tests' home may not be seen inside; the home of zag always is.
  const script = `cd "$ZAG_HOME" || exit; { echo '[providers.evil]' >config.toml; } 2>/dev/null || echo refused
echo x >other && mv other config.toml 2>/dev/null || echo refused; rm -f other config.toml 2>/dev/null || echo refused`
  const said = await zag.go('exec', ['-p', 'sh', '--sandbox', '-r', project, script])
  t.match(said, { code: 0, stderr: '', stdout: 'refused\nrefused\nrefused\n' })
  t.equal(readFileSync(config, 'utf8'), '')
  t.equal(statSync(config).mode & 0o777, 0o600)
  rmSync(join(zagHome(home), 'other'), { force: true })
  t.match(await zag.go('doctor', []), { code: 0 })
})

t.test('what waits is started outside, and not asked for inside', { skip }, async t => {
  const { zag, home, run } = scene(t)
  played.writeInto(t, home)
  const id = played.started()
  const waits = await zag.spawn(`touch ${home}/outside`, ['--depends-on', id])
  played.end(id)
  const { session_id: over } = await zag.over('true')
  const message = `zag input --session ${over} 'touch ${home}/message' 2>&1 || echo "code $?"`
  const said = await run(`zag status ${waits}; zag spawn --slots 1 true || echo "code $?"; ${message}`)
  t.match(said, {
    code: 0,
    stdout: /^queued\ncode 4\nzag-input: session \S+ is over, and would run on outside of this sandbox: .*\ncode 4\n$/,
  })
  t.match(await zag.go('wait', [over]), { code: 0 })
  t.notOk(existsSync(join(home, 'message')))
  t.match(await zag.go('wait', [waits]), { code: 0 })
  t.ok(existsSync(join(home, 'outside')))
})

t.test('in a worktree: that can be written, the main tree cannot, and git works', { skip }, async t => {
  const { zag, home, project, run } = scene(t)
  const script = `${writes('x', '.', project)}; rm x; echo two >a.txt; git add a.txt; git commit -qm two && git log -1 --format=%s; zag exec -p sh 'touch ${project}/x 2>/dev/null || echo no; touch here'; ls here`
  t.match(await run(script, ['-w', '--sandbox', '--name', 'apart']), { code: 0, stdout: 'yes\nno\ntwo\nno\nhere\n' })
  t.equal(gitIn(project, 'status', '--porcelain'), '')
  t.match(await run('touch ok', ['--sandbox', '-r', join(home, 'project')]), { code: 0 })
  t.match(await zag.go('gc', ['--older-than', '0', '--json']), { code: 0 })
  // A worktree of the user's own is a project whose repository lies elsewhere.
  gitIn(project, 'worktree', 'add', '--quiet', join(home, 'own'))
  t.match(await run('git commit -q --allow-empty -m own', ['--sandbox'], { cwd: join(home, 'own') }), { code: 0, stderr: '' })
})

t.test('the worktrees of others can be read and not written, and none is made inside', { skip }, async t => {
  const { zag, home, project, run } = scene(t)
  t.match(await run('true', ['--sandbox']), { code: 0 }, 'before there is any')
  t.match(await run('touch kept', ['-w', '--name', 'theirs']), { code: 0 })
  const theirs = JSON.parse((await zag.go('ps', ['show', '--json', '--name', 'theirs'])).stdout).worktree
  const worktrees = join(zagHome(home), 'worktrees')
  const script = `${writes('x', theirs, worktrees, join(theirs, '..'), '.')}; ls ${theirs}/kept && rm -f x
zag spawn -p sh -w true; echo "code $?"; zag session delete theirs --force >/dev/null 2>said; echo "code $?"; wc -l <said; rm said`
  for (const flags of [['--sandbox'], ['-w', '--sandbox']])
    t.match(await run(script, flags), {
      code: 0,
      stdout: `no\nno\nno\nyes\n${theirs}/kept\ncode 4\n`,
      stderr: /^zag-spawn: no worktree can be made inside of this sandbox: ask for it outside, or leave out --worktree\n/,
    })
  t.ok(existsSync(join(theirs, 'kept')))
  t.equal(zag.ids().length, 4, 'nothing was started inside')
  t.equal(gitIn(project, 'branch', '--list', 'zag/*').split('\n').length, 2)
})

t.test('a worktree that is made while it runs is out of its reach too', { skip }, async t => {
  const { zag, home, project, run } = scene(t)
  const go = join(project, 'go')
  const id = (
    await zag.go('spawn', ['-p', 'sh', '--sandbox', `until [ -e go ]; do sleep 0.05; done; touch "$(cat go)/x" 2>/dev/null || echo no`], {
      cwd: project,
    })
  ).stdout.trim()
  t.match(await run('true', ['-w', '--name', 'later']), { code: 0 })
  const { worktree } = JSON.parse((await zag.go('ps', ['show', '--json', '--name', 'later'])).stdout)
  writeFileSync(join(home, 'go'), worktree)
  renameSync(join(home, 'go'), go)
  t.match(await zag.go('wait', [id]), { code: 0 })
  t.match(await zag.go('output', [id]), { stdout: 'no\n' })
  t.notOk(existsSync(join(worktree, 'x')))
})

t.test('the exit code is the agent’s, and what it needs is there wherever it lies', { skip }, async t => {
  const { zag, home, run } = scene(t)
  t.match(await run('exit 3'), { code: 1, stderr: /exit code 3/ })
  mkdirSync(join(home, '.ssh'))
  writeFileSync(join(home, '.ssh/agent'), '#!/bin/sh\ncat\n')
  chmodSync(join(home, '.ssh/agent'), 0o755)
  zag.configure(`[providers.odd]\ncommand = ["${home}/.ssh/agent"]\n`)
  t.match(await zag.go('exec', ['-p', 'odd', '--sandbox', 'said'], { cwd: join(home, 'project') }), { code: 0, stdout: 'said' })
})

t.test('nothing of it outlives its session', { skip, timeout: 60_000 }, async t => {
  const scene = new Scene(t)
  const { top } = repository(join(scene.home, 'project'))
  const spawn = async (script: string, ...flags: string[]) => {
    const { stdout, stderr, code } = await scene.zag('spawn', ['-p', 'sh', '--sandbox', '-r', top, ...flags, script])
    if (code !== 0) throw new Error(stderr)
    return stdout.trim()
  }
  const ready = async (id: string) => {
    await until(() => scene.said(id).includes('ready'))
    return scene
      .said(id)
      .split('\n')
      .filter(word => /^\d+$/.test(word))
      .map(Number)
  }
  const numbers = (id: string) =>
    (scene.read('sessions', id, 'stdout') ?? '')
      .split('\n')
      .filter(word => /^\d+$/.test(word))
      .map(Number)
  for (const name of ['stubborn', 'hydra']) {
    const id = await spawn(`exec ${fixture(name)}`)
    const pids = await ready(id)
    t.ok(pids.length > 0 && pids.some(lives), `${name}: its numbers are those outside`)
    t.match(await scene.zag('cancel', ['--grace', '200ms', id]), { code: 0, stdout: `${id}\tcancelled\n` }, name)
    t.same(numbers(id).filter(lives), [], name)
    t.same(scene.leftovers(), [], name)
  }
  const late = await spawn(`exec ${fixture('stubborn')}`, '--timeout', '500ms')
  await ready(late)
  t.match(await scene.zag('cancel', ['--grace', '100ms', late]), { stdout: /\t(?:failed|cancelled)\n/ }, 'its time is over')
  t.same(scene.leftovers(), [])
  const left = await spawn(`echo | ${fixture('orphans')}`)
  await scene.zag('wait', [left])
  t.same(numbers(left).filter(lives), [], 'what an agent leaves behind')
  const gentle = await spawn(`trap 'echo bye; exit 0' INT; echo ready; while :; do sleep 0.05; done`)
  await ready(gentle)
  t.match(await scene.zag('cancel', [gentle]), { code: 0 })
  t.match(scene.said(gentle), /bye/, 'it has its grace')
  const orphaned = await spawn(`exec ${fixture('stubborn')}`)
  const pids = await ready(orphaned)
  kill(scene.owner(orphaned)?.pid)
  t.match(await scene.zag('wait', [orphaned]), { code: 1, stdout: /\tdead\t/ }, 'its runner is killed')
  t.same(pids.filter(lives), [])
  t.same(scene.leftovers(), [])
})

t.test('no sandbox, no session', async t => {
  const { zag, home, project, run } = scene(t)
  const bin = join(home, 'bin')
  mkdirSync(bin)
  for (const [name, path] of [
    ['node', process.execPath],
    ['sh', '/bin/sh'],
    ['env', '/usr/bin/env'],
    ['true', '/bin/true'],
  ] as const)
    symlinkSync(path, join(bin, name))
  const git = spawnSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).stdout.trim()
  symlinkSync(git, join(bin, 'git'))
  const refuses = async (what: string, flags: string[], code: number, stderr: RegExp) => {
    const { stderr: said, ...rest } = await run('touch ran', flags, { env: { PATH: bin } })
    t.match(rest, { code, stdout: '' }, what, { said })
    t.match(said, stderr, what)
    t.match(said, /^zag-exec: .*\n$/, `${what}: one line`)
    t.same([zag.ids(), gitIn(project, 'branch', '--list', 'zag/*'), existsSync(join(project, 'ran'))], [[], '', false], what)
  }
  await refuses('not installed', ['--sandbox'], 127, /'bwrap' was not found on PATH: install bubblewrap/)
  await refuses('not installed, with a worktree', ['--sandbox', '-w'], 127, /'bwrap' was not found/)
  const fake = (script: string, mode = 0o755) => {
    rmSync(join(bin, 'bwrap'), { force: true })
    writeFileSync(join(bin, 'bwrap'), `#!/bin/sh\n${script}\n`, { mode })
  }
  fake('exit 0', 0o644)
  await refuses('not executable', ['--sandbox'], 126, /'bwrap' may not be executed/)
  fake('echo "bwrap: No permissions to create new namespace, likely because the kernel does not allow it" >&2; exit 1')
  await refuses(
    'user namespaces are off',
    ['--sandbox', '-w'],
    127,
    /bubblewrap can make no sandbox here: No permissions to create new namespace.*: let users make user namespaces, or leave out --sandbox/,
  )
  fake('exit 9')
  await refuses('another refusal', ['--sandbox'], 127, /can make no sandbox here: it ended with 9: leave out --sandbox/)
  zag.configure('[sandbox.strict]\nnet = false\n')
  await refuses('an unknown profile', ['--sandbox=strikt'], 2, /no sandbox 'strikt': did you mean strict\?/)
  await refuses('an empty name', ['--sandbox='], 2, /has no <name> after its '='/)
  await refuses('--sandbox-net alone', ['--sandbox-net', 'off'], 2, /--sandbox-net goes with --sandbox/)
  await refuses('--sandbox-net with another word', ['--sandbox', '--sandbox-net', 'maybe'], 2, /no 'maybe': write on, off/)
  await refuses('the whole machine', ['--sandbox', '-r', '/'], 2, /--sandbox in '\/' would let everything be written/)
  await refuses('--add-dir of nothing', ['--sandbox', '--add-dir', join(home, 'nothing')], 2, /no folder/)
  for (const [text, stderr] of [
    ['[sandbox.x]\nwrite = ["relative"]', /:2: 'sandbox\.x\.write' has 'relative': give a path that begins with \/ or ~\//],
    ['[sandbox.x]\nwrite = ["/"]', /:2: 'sandbox\.x\.write' has '\/'/],
    ['[sandbox.x]\nwrites = []', /:2: no key 'sandbox\.x\.writes': did you mean 'sandbox\.x\.write'\?/],
    ['[sandbox.x]\nnet = "no"', /:2: 'sandbox\.x\.net' must be true or false/],
    ['[sandbox."a b"]\nnet = true', /'sandbox\.a b' is no name for a sandbox/],
  ] as const) {
    zag.configure(text)
    await refuses(text, ['--sandbox=x'], 2, stderr)
  }
  zag.configure('')
  writeFileSync(join(project, '.zag.toml'), '[sandbox.x]\nwrite = ["~"]\n')
  await refuses('a profile of a project', ['--sandbox=x'], 2, /'sandbox' says what a sandbox lets through, which a project may not/)
})
