// How many words of a command say what it does, for rules that are made of one command and are to help with the next. What is not
// listed here is only ever allowed as it is: interpreters, what runs other programs, what deletes, what speaks to other machines.

/** Programs that read and print, and nothing else whatever their arguments are. */
const READERS = new Set(
  `ls cat head tail wc pwd echo cut tr du df stat basename dirname realpath readlink which whoami id uname diff cmp comm nl od md5sum sha1sum
  sha256sum true false sleep jq seq grep egrep fgrep`.split(/\s+/),
)

/** Programs that check or test a project: they run its code and that of nobody else. */
export const CHECKERS: ReadonlySet<string> = new Set('pytest jest vitest mocha ava tsc eslint biome mypy pyright shellcheck'.split(' '))

/** Subcommands that do one thing, whatever follows them. */
const SUBCOMMANDS: Record<string, readonly string[]> = {
  git: 'status diff log show add commit blame rev-parse ls-files ls-tree describe shortlog switch merge cherry-pick cat-file name-rev merge-base count-objects'.split(
    ' ',
  ),
  npm: 'test ci ls list outdated view why'.split(' '),
  pnpm: 'test ls list outdated why'.split(' '),
  yarn: 'test list outdated why'.split(' '),
  bun: ['test'],
  cargo: 'build test check clippy fmt doc bench tree metadata'.split(' '),
  go: 'build test vet fmt list doc version'.split(' '),
  ruff: ['check', 'format'],
  tap: ['run', 'list', 'version'],
  docker: 'ps images logs inspect version info stats top'.split(' '),
  kubectl: 'get describe logs top explain version'.split(' '),
  terraform: 'plan validate fmt show output version'.split(' '),
  pip: 'list show freeze check'.split(' '),
  pip3: 'list show freeze check'.split(' '),
  dotnet: 'build test restore'.split(' '),
  swift: 'build test'.split(' '),
  mix: 'test compile format'.split(' '),
  zag: 'status ps output collect summary events listen wait search whoami providers'.split(' '),
}

/** Modules of Python that test and check: most others take code, or run another file. */
const MODULES = 'pytest unittest mypy ruff black flake8 pyright'.split(' ')

/** Subcommands that have subcommands, of which each does one thing. */
const DEEPER: Record<string, Record<string, readonly string[] | 'any'>> = {
  npm: { run: 'any', 'run-script': 'any' },
  pnpm: { run: 'any' },
  yarn: { run: 'any' },
  bun: { run: 'any' },
  docker: { compose: 'up down ps logs build stop start restart pull config ls'.split(' ') },
  gh: {
    pr: 'view list status diff checks'.split(' '),
    issue: 'view list status'.split(' '),
    run: 'view list watch'.split(' '),
    repo: 'view list'.split(' '),
  },
  git: { worktree: ['list'], remote: ['show', 'get-url'], stash: ['list', 'show', 'push', 'apply', 'pop'] },
  python: { '-m': MODULES },
  python3: { '-m': MODULES },
}

/** They run a script that is there, with any arguments. */
const SCRIPTS: Record<string, RegExp> = {
  node: /^[\w./-]+\.[cm]?[jt]s$/,
  python: /^[\w./-]+\.py$/,
  python3: /^[\w./-]+\.py$/,
  ruby: /^[\w./-]+\.rb$/,
  php: /^[\w./-]+\.php$/,
}

/** How many of the first words a rule keeps before ` *`; 0 if it has to be the very command. `undefined` is a word nobody knows before it runs. */
export function depthOf(words: readonly (string | undefined)[]): number {
  const [program, first, second] = words
  if (program === undefined) return 0
  if (READERS.has(program) || CHECKERS.has(program)) return 1
  if (first === undefined) return 0
  const deeper = own(own(DEEPER, program), first)
  if (deeper) {
    const fits = second !== undefined && isWord(second) && (deeper === 'any' || deeper.includes(second))
    return fits ? 3 : own(SUBCOMMANDS, program)?.includes(first) && second === undefined ? 2 : 0
  }
  if (own(SUBCOMMANDS, program)?.includes(first)) return 2
  return own(SCRIPTS, program)?.test(first) && !first.startsWith('-') ? 2 : 0
}

const isWord = (text: string) => /^[A-Za-z0-9@][\w:.@/-]*$/.test(text)

function own<V>(table: Record<string, V> | undefined, key: string): V | undefined {
  return table && Object.hasOwn(table, key) ? table[key] : undefined
}
