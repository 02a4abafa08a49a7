// Options by which a program that reads, checks or builds a project does more than that: writes a file that they name, changes
// sources, loses changes, runs another program, or turns to another project. `*` in a rule does not stand for them: who allowed
// `git diff *` did not allow `git diff --output=.bashrc`.
//
// It knows the programs of which rules are derived (subcommands.ts); of all others an allow rule allows what it says.

import { everyWord, type Simple } from './shell.js'

const PACKAGES = '--prefix --dir --cwd --script-shell --shell --node-options --userconfig --globalconfig --global -C -g'
const TESTERS = `--config --rootDir --globalSetup --globalTeardown --setupFiles --setupFilesAfterEnv --require --import --loader --outputFile
  --coverageDirectory --cacheDirectory --reporter --reporters --runner --testRunner --environment --transform --node-arg --node-option
  --extension --root --dir --update --updateSnapshot -c -r -u`

const OPTIONS: Record<string, string> = {
  git: '--output --ext-diff --textconv --filters --open-files-in-pager --exec --upload-pack --receive-pack',
  'git switch': '--discard-changes --force --force-create -f -C',
  'git merge': '--abort --quit',
  'git cherry-pick': '--abort --quit',
  npm: PACKAGES,
  pnpm: PACKAGES,
  yarn: PACKAGES,
  bun: `${PACKAGES} --preload -r`,
  cargo: '--config --manifest-path --target-dir --out-dir --artifact-dir --fix -C -Z',
  go: '--exec --toolexec --vettool --modfile --overlay --o --C --w --u --fix --coverprofile --cpuprofile --memprofile --trace --outputdir',
  docker: '--volumes --rmi -v',
  kubectl: '--kubeconfig',
  terraform: '--out --chdir --state --state-out --backup --generate-config-out',
  pip: '--log --python',
  pip3: '--log --python',
  dotnet: '--output --artifacts-path --settings --logger -o -s -l',
  gradle: '--init-script --project-dir --include-build --gradle-user-home --settings-file --build-file -I -p -g -c -b',
  mvn: '--file --settings --global-settings --toolchains -f -s -t',
  swift: '--package-path --scratch-path --build-path --toolset --sdk',
  pytest: `--junitxml --junit-xml --rootdir --config-file --basetemp --override-ini --pastebin --pyargs --confcutdir --log-file --debug
    -c -p -o`,
  jest: TESTERS,
  vitest: TESTERS,
  mocha: TESTERS,
  ava: TESTERS,
  tap: TESTERS,
  tsc: `--outDir --outFile --declarationDir --tsBuildInfoFile --generateTrace --generateCpuProfile --init --d --build --clean -b`,
  eslint: `--fix --fix-type --output-file --config --rulesdir --plugin --parser --resolve-plugins-relative-to --cache-location
    --cache-file --format --init -o -c -f`,
  biome: '--write --fix --apply --apply-unsafe --unsafe --config-path --suppress --log-file',
  mypy: `--install-types --config-file --python-executable --cache-dir --junit-xml --any-exprs-report --html-report --txt-report --xml-report
    --linecount-report --cobertura-xml-report --xslt-html-report --xslt-txt-report --linecoverage-report --lineprecision-report`,
  ruff: '--fix --fix-only --unsafe-fixes --add-noqa --output-file --config --cache-dir -o',
  pyright: '--createstub --pythonpath --project -p',
}

/** The words of a command that a rule has to spell, as far as what they set is no part of them: `--output` of `--output=x`. */
export function reaching(simple: Simple): string[] {
  const values = everyWord(simple).map(({ value }) => value ?? '')
  const [program = '', first = '', second = ''] = values
  const isModule = /^python3?$/.test(program) && first === '-m'
  const known = [isModule ? second : program, `${program} ${first}`].flatMap(name => (Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : []))
  const options = known.flatMap(text => text?.split(/\s+/) ?? [])
  return options.length === 0 ? [] : values.slice(1).flatMap(word => (options.some(option => isOption(word, option)) ? nameOf(word) : []))
}

/** Long ones may be shortened, and by some programs written with one dash or in other letters; what a short one sets may follow at once. */
function isOption(word: string, option: string): boolean {
  if (!option.startsWith('--')) return word.startsWith(option) && !word.startsWith('--')
  const name = nameOf(word).replace(/^--?/, '').toLowerCase()
  const whole = option.slice(2).toLowerCase()
  const isShort = name.length < 3 || !word.startsWith('--')
  return word.startsWith('-') && (isShort ? name === whole : whole.startsWith(name))
}

const nameOf = (word: string) => /^[^=]*/.exec(word)?.[0] ?? word
