// Options by which a program that reads, checks or builds a project does more than that: writes a file that they name, changes
// sources, loses changes, runs another program, or turns to another project. `*` in a rule does not stand for them: who allowed
// `git diff *` did not allow `git diff --output=.bashrc`. Nor does it stand for a word of which nobody can tell that it is none of them.
//
// A table has options as they are to be seen: `--long`, `-s` as a letter among others behind one dash, `@` before a file of options, and
// words that are no options as they are.
//
// It knows the programs of which rules are derived (subcommands.ts); of all others an allow rule allows what it says.

import { everyWord, type Simple, type WordOf } from './shell.js'
import { globOf } from './words.js'

const PACKAGES = `--prefix --dir --cwd --script-shell --shell --node-options --userconfig --globalconfig --use-yarnrc --env-file --global --git
  --editor --viewer -C -g`
const TESTERS = `--config --rootDir --globalSetup --globalTeardown --setupFiles --setupFilesAfterEnv --require --import --loader --outputFile --init --env
  --coverageDirectory --cacheDirectory --reporter --reporters --runner --testRunner --environment --transform --node-arg --node-option
  --extension --root --dir --update --updateSnapshot --preset --testEnvironment --resolver --snapshotSerializers --testResultsProcessor
  --watchPlugins --prettierPath --filter --modulePaths --dependencyExtractor --haste --globals --projects --execArgv --plugin --file
  -c -r -u -R init`

const OPTIONS: Record<string, string> = {
  git: '--output --ext-diff --textconv --filters --open-files-in-pager --exec --upload-pack --receive-pack',
  'git switch': '--discard-changes --force --force-create -f -C',
  'git grep': '-O',
  'git merge': '--abort --quit',
  'git cherry-pick': '--abort --quit',
  npm: PACKAGES,
  pnpm: PACKAGES,
  yarn: PACKAGES,
  bun: `${PACKAGES} --preload -r`,
  cargo: '--config --manifest-path --lockfile-path --target-dir --out-dir --artifact-dir --fix --open -C -Z',
  go: `--exec --toolexec --vettool --modfile --overlay --pkgdir --ldflags --gcflags --asmflags --gccgoflags --compiler --o --C --c --w --u
    --fix --coverprofile --cpuprofile --memprofile --blockprofile --mutexprofile --trace --outputdir --gocoverdir --fuzz --fuzzcachedir
    --testlogfile`,
  docker: '--volumes --rmi --output -v -o',
  kubectl: '--kubeconfig --profile --profile-output --cache-dir --server -s',
  terraform: '--out --chdir --state --state-out --backup --generate-config-out',
  pip: '--log --python',
  pip3: '--log --python',
  dotnet: `--output --artifacts-path --settings --logger --property --target --results-directory --test-adapter-path -o -s -l -p -t`,
  gradle: '--init-script --project-dir --include-build --gradle-user-home --settings-file --build-file -I -p -g -c -b',
  mvn: '--file --settings --global-settings --toolchains -f -s -t',
  swift: '--package-path --scratch-path --build-path --toolset --sdk --xunit-output -X',
  pytest: `--junitxml --junit-xml --rootdir --config-file --basetemp --override-ini --pastebin --pyargs --confcutdir --log-file --debug
    -c -p -o @`,
  jest: TESTERS,
  vitest: TESTERS,
  mocha: TESTERS,
  ava: TESTERS,
  tap: TESTERS,
  tsc: `--outDir --outFile --declarationDir --tsBuildInfoFile --generateTrace --generateCpuProfile --init --d --build --clean -b @`,
  eslint: `--fix --fix-type --output-file --config --rulesdir --plugin --parser --resolve-plugins-relative-to --cache-location
    --cache-file --format --init -o -c -f`,
  biome: '--write --fix --apply --apply-unsafe --unsafe --config-path --suppress --log-file init migrate',
  mypy: `--install-types --config-file --python-executable --cache-dir --junit-xml --any-exprs-report --html-report --txt-report --xml-report
    --linecount-report --cobertura-xml-report --xslt-html-report --xslt-txt-report --linecoverage-report --lineprecision-report`,
  ruff: '--fix --fix-only --unsafe-fixes --add-noqa --output-file --config --cache-dir -o',
  pyright: '--createstub --pythonpath --project -p',
  flake8: '--output-file --config --append-config --tee',
  zag: '--into',
}

/** They know options by their whole names alone, and have many that begin as others do. */
const NO_SHORT_FORMS = new Set(['go', 'terraform'])

/** A word that a rule has to spell: all of it, and at least so much of it without a star. */
export interface Reaching {
  text: string
  name: string
}

/** The words of a command that are options which reach further, or may be. */
export function reaching(simple: Simple): Reaching[] {
  const words = everyWord(simple)
  const values = words.map(({ value }) => value)
  const options = optionsOf(values)
  return options.length === 0 ? [] : words.slice(1).flatMap(word => reachOf(word, options, NO_SHORT_FORMS.has(values[0] ?? '')))
}

function optionsOf([program = '', first, second = '', ...rest]: readonly (string | undefined)[]): string[] {
  const isModule = /^python3?$/.test(program) && first === '-m'
  const names = [isModule ? second : program, ...[first, second, ...rest].map(word => `${program} ${word}`)]
  return [...new Set(names)].flatMap(name => (Object.hasOwn(OPTIONS, name) ? (OPTIONS[name]?.split(/\s+/) ?? []) : []))
}

function reachOf({ text, value }: WordOf, options: readonly string[], isWhole: boolean): Reaching[] {
  if (value === undefined) return mayBeOption(text) ? [{ text, name: text }] : []
  const names = options.filter(option => isOption(value, option, isWhole))
  const letters = names.filter(name => /^-[^-]/.test(name)).map(name => text.lastIndexOf(name.charAt(1), nameOf(text).length - 1))
  const isShort = names.length > 0 && letters.length === names.length
  return names.length === 0 ? [] : [{ text, name: isShort ? text.slice(0, Math.max(...letters) + 1) : nameOf(text) }]
}

/** What begins plainly, with no dash, stays so if it is one word: a glob, braces around plain words, or in double quotes. */
function mayBeOption(text: string): boolean {
  const glob = globOf(text)
  if (glob !== undefined) return !/^[\w./@:+,%]/.test(glob)
  return !/^"[\w./@:+,%](?:[^"$\\`[]|\$[A-Za-z_]\w*|\$\{[A-Za-z_]\w*\})*"$/.test(text)
}

/** Long ones may be shortened, and by some programs written with one dash, in other letters, or as a part of a setting. */
function isOption(word: string, option: string, isWhole: boolean): boolean {
  if (!option.startsWith('-')) return option === '@' ? word.startsWith('@') : word === option
  if (!/^--?[^-]/.test(word)) return false
  const name = nameOf(word)
  if (!option.startsWith('--')) return !word.startsWith('--') && name.includes(option.charAt(1))
  const whole = plainName(option)
  const least = isWhole ? Number.POSITIVE_INFINITY : word.startsWith('--') ? 1 : 2
  return name.split('.').some(part => plainName(part) === whole || (plainName(part).length >= least && whole.startsWith(plainName(part))))
}

const plainName = (option: string) => option.replace(/[-_]/g, '').toLowerCase()
const nameOf = (word: string) => /^[^=]*/.exec(word)?.[0] ?? word
