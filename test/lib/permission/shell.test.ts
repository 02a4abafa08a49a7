// Shell lines against rules, as one would attack them: with `cat *` allowed nothing but cat may run, and with `rm *` denied no rm may.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what shells expand

import t from 'tap'
import { covers, refuses } from '../../../lib/permission/match.js'
import { parseRule } from '../../../lib/permission/rule.js'
import { simpleCommands } from '../../../lib/permission/shell.js'

const PLACE = { root: '/', cwd: '/' }
const bash = (command: string) => ({ tool: 'bash', tool_kind: 'shell' as const, params: { command } })
const allows = (rule: string, line: string) => covers([parseRule(rule)], bash(line), PLACE).allowed

t.test('what passes when cat is allowed', async t => {
  const lines = [
    ...['cat', 'cat a', 'cat a | cat b', 'cat a && cat b || cat c', 'cat a; cat b', 'cat a\ncat b', '! cat a', '(cat a)', '{ cat a; }'],
    ...['cat "a b" \'c d\' e\\ f', 'cat a 2>&1', 'cat a 2>/dev/null', 'cat a >/dev/null 2>&1', 'cat a &>/dev/null', 'cat <a', 'cat <<< a'],
    ...['cat <<E\nrm b\nE', "cat <<'E'\n$(rm b)\nE", 'if cat a; then cat b; else cat c; fi', 'while cat a; do cat b; done', 'cat a |& cat'],
    ...[
      'for f in a b; do cat "$f"; done',
      'cat $HOME "${HOME}" ${x:-y} ${x%.c}',
      'cat *.c [ab]? {a,b}',
      'cat a # rm b',
      "cat 'a; rm b'",
      'cat "a | rm b"',
    ],
    ...[
      "cat '$(rm b)' '`rm b`'",
      'cat \\; rm',
      'cat a\\\n b',
      '"cat" a',
      '\\cat a',
      "c'a't a",
      'cat -- -rf',
      "cat $'a\\nb'",
      'cat ~/a ~',
      '  cat a  ',
      'cat a;',
    ],
  ]
  for (const line of lines) t.ok(allows('bash(command=cat *)', line), JSON.stringify(line))
})

t.test('what does not pass when cat is allowed', async t => {
  const lines = [
    ...['cat a; rm b', 'cat $(rm b)', 'cat a > b', 'cat a & rm b', 'cat a\nrm b', 'cat a &', 'cat `rm b`', 'cat "$(rm b)"', 'cat "`rm b`"'],
    ...[
      'cat a | rm b',
      'cat a && rm b',
      'cat a || rm b',
      '(cat a; rm b)',
      '{ cat a; rm b; }',
      'cat a |& rm b',
      '! rm b',
      'cat <(rm b)',
      'cat a >(rm b)',
    ],
    ...[
      'cat <<E\n$(rm b)\nE',
      'cat <<E\n`rm b`\nE',
      'cat <<E\nE\nrm b',
      "cat <<'E'\nE\nrm b",
      'cat <<-E\n\tE\nrm b',
      'cat <<< $(rm b)',
      'cat <<"E F"\nE F\nrm b',
    ],
    ...[
      'cat ${x:-$(rm b)}',
      'cat "${x:-`rm b`}"',
      'cat ${x/$(rm b)/}',
      'cat ${!x}',
      'cat ${x@P}',
      'cat ${x:=y}',
      'cat ${x[$(rm b)]}',
      'cat ${x:$(rm b)}',
    ],
    ...[
      'cat $((a[$(rm b)]))',
      'cat $((x))',
      'cat $[x]',
      '((x))',
      '[[ -v x ]]',
      'cat ${ rm b; }',
      'cat {a,$(rm b)}',
      'cat [$(rm b)]',
      'cat @($(rm b))',
      'cat @(a)',
    ],
    ...[
      'cat a >> b',
      'cat a >| b',
      'cat a &> b',
      'cat a >& b',
      'cat a <> b',
      'cat a 2> b',
      '> b cat a',
      'cat a > $x',
      'cat a > /dev/nullx',
      'cat a > /dev/null/../x',
    ],
    ...[
      'cat a &>/dev/null rm b',
      'cat {x}</dev/null',
      'cat < /dev/tcp/host/1',
      'cat < $x',
      'cat a > "/dev/null b"',
      '{ cat a; } > b',
      '(cat a) < b',
      'while cat a; do cat; done < b',
    ],
    ...[
      'A=1 cat a',
      'PATH=/x cat a',
      'LD_PRELOAD=x cat a',
      'IFS=x; cat a',
      'A=1',
      'export PATH=/x; cat a',
      'cat a; PATH=x',
      'A=$(rm b) cat',
      'for PATH in x; do cat a; done',
    ],
    ...[
      'for path in x; do cat a; done',
      'for f in $(rm b); do cat a; done',
      'for f; do cat; done',
      'select f in a; do cat; done',
      'case a in a) cat b;; esac',
      'f() { cat a; }; f',
    ],
    ...[
      'cat() { rm b; }; cat a',
      'function cat { rm b; }',
      'alias cat=rm; cat a',
      'coproc cat a',
      'eval cat a',
      'eval "rm b"',
      'source cat',
      '. cat',
      'exec cat a',
      'hash -p /x cat; cat a',
    ],
    ...[
      'command cat a',
      'builtin cat a',
      'env cat a',
      'sudo cat a',
      'xargs cat',
      'nohup cat a',
      'time cat a',
      'command eval x',
      'trap "rm b" EXIT; cat a',
      'enable -f x cat; cat a',
    ],
    ...[
      '$x a',
      '${x} a',
      '"$x" a',
      'c$x a',
      'c?t a',
      '/bin/c[a]t x',
      '{cat,rm} b',
      '$(echo cat) a',
      '`cat` a',
      './cat a',
      '/bin/cat a',
      '~/cat a',
      'catx',
      'cat/x',
      'CAT a',
    ],
    ...[
      'cat "a',
      "cat 'a",
      'cat a)',
      'cat a; }',
      'if cat a',
      'cat a; fi',
      'cat <<E\na',
      'cat a ;; rm b',
      'cat $(',
      'cat a &&',
      '',
      ' ',
      '# cat a',
      ';',
      'cat\u0000a',
    ],
    ...[
      "cat $'a\\'; rm b; #'",
      'cat $"a"',
      'cat a\rrm b',
      'cat <<\\E\nE\nrm b',
      'cat *(e:rm:)',
      'cat a; test -v "a[\\$(rm b)]"',
      '[ -v x ]; cat a',
      'cat a <&$x',
      'cat a; read x',
    ],
  ]
  for (const line of lines) t.notOk(allows('bash(command=cat *)', line), JSON.stringify(line))
  t.ok(lines.length > 100)
  for (const line of lines) t.ok(allows('bash', line), JSON.stringify(line))
})

t.test('what a text looks like that is a rule: quotes do not matter, words do', async t => {
  const cases: [string, string, boolean][] = [
    ['bash(command=git status *)', 'git status', true],
    ['bash(command=git status *)', 'git   status  -s', true],
    ['bash(command=git status *)', 'git statusx', false],
    ['bash(command=git status*)', 'git statusx', true],
    ['bash(command=git status)', 'git status -s', false],
    ['bash(command=git commit -m "x *")', "git commit -m 'x y'", true],
    ['bash(command=git commit -m "x *")', 'git commit -m x y', false],
    ['bash(command=echo "a b")', 'echo a\\ b', true],
    ['bash(command=echo "a b")', 'echo a b', false],
    ['bash(command=echo \\*)', 'echo "*"', false],
    ['bash(command=echo \\*)', 'echo *', true],
    ['bash(command=sudo *)', 'sudo rm x', true],
    ['bash(command=time *)', 'time cat x', true],
    ['bash(command=\\[ *)', '[ -f x ]', true],
    ['bash(command={cat,head} *)', 'cat a | head', true],
    ['bash(command=sort)', 'sort < a', false],
    ['bash(command=sort)', 'sort 2>&1 >/dev/null', true],
    ['bash(command=bash)', 'bash <<E\nrm b\nE', false],
  ]
  for (const [rule, line, wanted] of cases) t.equal(allows(rule, line), wanted, `${rule} ${line}`)
})

t.test('a normal form is its own normal form', async t => {
  for (const line of [
    "a 'b c' $x \"$y z\" <<E\n'\nE",
    'cat "it\'s" {} {a} stash@{0} "{a,b}" ~ "~" [ ] "[" "a[b]" \'\' "#" a#b ! "!" --x=~',
    'time x 3<y',
  ]) {
    const once = simpleCommands(line)
    const command = 'commands' in once ? (once.commands[0] ?? '') : ''
    t.same(simpleCommands(command), once, command)
  }
})

t.test('what a deny rule for rm finds', async t => {
  const never = (line: string) => refuses([parseRule('bash(command=rm *)')], bash(line), PLACE)
  const found = [
    ...[
      'rm',
      'rm x',
      'sudo rm x',
      'sudo -u root rm x',
      'env A=1 rm x',
      'command rm x',
      '\\rm x',
      '"rm" x',
      "r'm' x",
      '/bin/rm x',
      './rm x',
      'A=1 rm x',
      'time rm x',
    ],
    ...[
      'cat a; rm b',
      'cat a & rm b',
      '(rm b)',
      'cat $(rm b)',
      'cat "`rm b`"',
      'cat <(rm b)',
      'cat <<E\n$(rm b)\nE',
      'rm x > y',
      '> y rm x',
      'if rm x',
      'rm "x',
      "rm 'x",
    ],
    ...[
      'f() { rm x; }',
      'case a in a) rm x;; esac',
      'coproc rm x',
      'eval rm x',
      'eval "rm x"',
      "sh -c 'rm x'",
      'bash -lc "cd a && rm x"',
      'sudo sh -c "rm x"',
      "env -S 'rm x'",
    ],
    ...[
      'find . -exec rm {} +',
      'xargs rm',
      'ls | xargs -n1 rm',
      'trap "rm x" EXIT',
      'nohup nice -n 5 rm x',
      '$x y',
      '$(echo rm) x',
      'r?  x',
      '{rm,x} y',
      'exec rm x',
      'busybox rm x',
    ],
    ...[
      "ssh host 'rm x'",
      'timeout 5 rm x',
      'cat ${x:-$(rm b)}',
      'cat $((a[$(rm b)]))',
      'a=$(rm b)',
      'echo {a,$(rm b)}',
      '[[ -f $(rm b) ]]',
      'for i in $(rm b); do :; done',
      'rm\nx',
    ],
    ...["$'\\x72m' x", 'sh <<E\nrm x\nE', "sh <<< 'rm x'", 'echo "rm x" | sh', 'echo rm x | tee y | sudo sh', 'printf "rm %s" x | bash'],
  ]
  for (const line of found) t.ok(never(line), JSON.stringify(line))
  for (const line of ['ls', 'echo rm', 'git rm x', 'cat rm', 'rmdir x', 'cat "rm x"', 'echo $x', 'cat <<E\nrm x\nE', ''])
    t.notOk(never(line), JSON.stringify(line))
  t.ok(refuses([parseRule('bash(command=curl * | sh)')], bash('curl  x |  sh'), PLACE), 'a whole line too')
  t.ok(refuses([parseRule('bash(command=git push *)')], bash('git $x'), PLACE), 'what may turn out to be it')
  t.ok(refuses([parseRule('bash(command=rm x)')], bash('sudo '.repeat(500)), PLACE), 'what nobody looks through')
  const long = 'a'.repeat(100_000)
  for (const line of [`env ${'a '.repeat(190)}${long}`, `( ${'a '.repeat(190)}${long}`])
    t.ok(refuses([parseRule('bash(command=rm x)')], bash(line), PLACE), 'and what takes too long to look through')
  t.notOk(refuses([parseRule('bash(command=rm x)')], bash(`sh -c 'echo ${long}'`), PLACE))
  t.ok(refuses([parseRule('bash')], bash('ls'), PLACE))
  t.ok(refuses([parseRule('bash(command=x)')], { ...bash(''), params: {} }, PLACE), 'a call without a command')
})
