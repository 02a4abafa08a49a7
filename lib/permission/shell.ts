// A shell line as the simple commands it runs, each in normal form, so that each can be looked up in the rules.
//
// What is not plainly a list of such commands is outside: only a rule for `bash` without parameters allows it. When in doubt it is
// outside: agents run their lines in bash, zsh or a plain POSIX shell, so what these read differently is no list of commands either.

import { type Command, type CompoundList, type Pipeline, type PipelineNode, parse, type Redirection, type Statement } from 'unbash'
import { CHANGES_OTHERS, MODIFIERS } from './programs.js'
import { normalWord, Outside, quote } from './words.js'

// biome-ignore lint/suspicious/noControlCharactersInRegex: parsers differ on what these are between words
const STRANGE = /[\u0000-\u0008\u000b-\u001f\u007f]/

/** What to do when a line is outside: the commands in it, or why none can be told. */
export type Line = { commands: string[] } | { outside: string }

/** A word in normal form, and as the program gets it where that is known. */
export interface WordOf {
  text: string
  value?: string
}

/** A simple command: its words, and as a text, with what it reads behind them. */
export interface Simple {
  text: string
  words: WordOf[]
  /** What the variables of the loops around it go through. */
  loops?: Record<string, WordOf[]>
}

/** The words of a command, with all that the variable of a loop may be in its place. */
export function everyWord({ words, loops = {} }: Simple): WordOf[] {
  return words.flatMap(word => {
    const names = word.value === undefined ? Object.keys(loops).filter(name => new RegExp(`\\$\\{?${name}\\b`).test(word.text)) : []
    const [, quoted, ...found] = /^("?)\$(?:(\w+)|\{(\w+)\})\1$/.exec(word.text) ?? []
    const through = names.length === 1 && names.some(name => found.includes(name)) ? (loops[names[0] ?? ''] ?? []) : undefined
    if (!through) return names.length === 0 ? [word] : [{ text: `${word.text} of a loop` }]
    return quoted ? through : through.flatMap(each => split(word, each))
  })
}

/** What is not in quotes is split again when a variable is put in, and globs in it are names of files, which may have blanks too. */
function split({ text }: WordOf, { value }: WordOf): WordOf[] {
  if (value === undefined || /[*?[\]\\]/.test(value)) return [{ text: `${text} of a loop` }]
  const parts = value.split(/\s+/).filter(part => part !== '')
  return parts.map(part => ({ text: quote(part), value: part }))
}

/** The simple commands of a line in normal form, or why it is outside every rule but `bash`. */
export function simpleCommands(line: string): Line {
  const found = simpleOnes(line)
  return 'outside' in found ? found : { commands: found.commands.map(({ text }) => text) }
}

/** The same with the words of each command. */
export function simpleOnes(line: string): { commands: Simple[] } | { outside: string } {
  try {
    if (STRANGE.test(line)) throw new Outside('it has a control character in it')
    const script = parse(line)
    const [error] = script.errors ?? []
    if (error) throw new Outside(`it is no whole shell line: ${error.message}`)
    checkGaps(line, script.commands)
    const commands = script.commands.flatMap(ofStatement)
    if (commands.length === 0) throw new Outside('there is no command in it')
    checkHidden(line, commands)
    return { commands }
  } catch (error) {
    if (error instanceof Outside) return { outside: error.message }
    // The parser gave up, on nesting without end for instance: what it cannot read is outside.
    return { outside: `it cannot be read: ${(error as Error).message}` }
  }
}

/** Between statements there must be nothing that the parser passed over. */
function checkGaps(line: string, statements: readonly Statement[]): void {
  let at = 0
  for (const { pos, end } of [...statements, { pos: line.length, end: line.length }]) {
    if (!/^(?:[\s;]|\\\n|#[^\n]*(?:\n|$))*$/.test(line.slice(at, pos)) && !line.slice(0, at).includes('<<')) {
      throw new Outside('it has something between its commands that no rule knows')
    }
    at = end
  }
}

/** `test -v 'a[$(rm b)]'` runs the text: where these are, no quoted text may look like a substitution. */
function checkHidden(line: string, commands: readonly Simple[]): void {
  const evaluates = commands.some(({ words }) => words.some(({ value }) => value === 'test' || value === '[' || value === 'printf'))
  if (evaluates && /`|\$\(/.test(line)) throw new Outside('it has a text in it that looks like a substitution, and test or printf')
}

function ofStatement({ command, background }: Statement): Simple[] {
  if (background) throw new Outside('it runs a command in the background')
  return command.type === 'AndOr' ? command.commands.flatMap(ofNode) : ofNode(command)
}

const ofList = (list: CompoundList) => list.commands.flatMap(ofStatement)

function ofNode(node: PipelineNode): Simple[] {
  switch (node.type) {
    case 'Command':
      return [ofCommand(node)]
    case 'Pipeline':
      return ofPipeline(node)
    case 'Subshell':
    case 'BraceGroup':
      return ofList(node.body)
    case 'If':
      return [
        ...ofList(node.clause),
        ...ofList(node.then),
        ...node.elif.flatMap(({ clause, then }) => [...ofList(clause), ...ofList(then)]),
        ...(node.else ? ofList(node.else) : []),
      ]
    case 'While':
      return [...ofList(node.clause), ...ofList(node.body)]
    case 'For':
      checkName(node.name.text)
      if (!node.wordlist) throw new Outside('it is a loop over words that nobody knows')
      return throughLoop(ofList(node.body), node.name.text, node.wordlist.map(normalWord))
    case 'Redirected':
      for (const redirect of node.redirects) if (reads(redirect, true)) throw new Outside('a file or text is read into several commands')
      return ofNode(node.command)
    default:
      throw new Outside(`it has a ${KINDS[node.type] ?? 'construct'} in it that no rule knows`)
  }
}

/** A loop within another of the same name makes what comes behind it uncertain: it may be any word of both. */
function throughLoop(body: Simple[], name: string, words: WordOf[]): Simple[] {
  return body.map(simple => {
    const inner = simple.loops ?? {}
    return { ...simple, loops: { ...inner, [name]: [...(Object.hasOwn(inner, name) ? (inner[name] ?? []) : []), ...words] } }
  })
}

const KINDS: Partial<Record<PipelineNode['type'], string>> = {
  Function: 'function',
  Coproc: 'coprocess',
  Case: 'case',
  Select: 'select',
  ArithmeticFor: 'loop with arithmetic',
  ArithmeticCommand: 'arithmetic command',
  TestCommand: '[[',
}

function ofPipeline({ prefixes, commands }: Pipeline): Simple[] {
  const all = commands.flatMap(ofNode)
  const [first] = all
  // The word `time` is seen by rules as any program is that runs what follows.
  if (first && prefixes.some(({ type }) => type === 'Time')) {
    all[0] = { text: `time ${first.text}`, words: [{ text: 'time', value: 'time' }, ...first.words] }
  }
  return all
}

/** A variable that the shell or a program could take for more than a word. */
function checkName(name: string): void {
  const special = /^(?:path|cdpath|fpath|manpath|mailpath|module_path|fignore|histchars|psvar|prompt|argv|status|precmd|chpwd|.*_proxy)$/
  if (!/^[a-z][a-z0-9_]*$/.test(name) || special.test(name)) throw new Outside(`it sets ${name}, which may change what runs`)
}

function ofCommand({ name, prefix, suffix }: Command): Simple {
  if (prefix.some(each => each.type === 'Assignment')) throw new Outside('it sets a variable for a command, which may change what runs')
  if (!name) throw new Outside('it redirects without a command')
  const words: Simple['words'] = [normalWord(name)]
  const behind: string[] = []
  const last = suffix.length - 1
  for (const each of prefix) if (each.type !== 'Assignment') behind.push(...redirection(each, false))
  suffix.forEach((each, at) => {
    if (each.type === 'Word' || each.type === 'Assignment') words.push(normalWord(each))
    else behind.push(...redirection(each, at === last))
  })
  checkProgram(words)
  return { text: [...words.map(({ text }) => text), ...behind].join(' '), words }
}

function checkProgram(words: Simple['words']): void {
  const behind = MODIFIERS.has(words[0]?.value ?? '')
    ? words.findIndex(({ value }) => !MODIFIERS.has(value ?? '') && !value?.startsWith('-'))
    : 0
  const [{ value } = { value: undefined }, ...rest] = words.slice(Math.max(0, behind))
  if (value === undefined) throw new Outside('an expansion decides which program runs')
  const program = value.slice(value.lastIndexOf('/') + 1)
  if (CHANGES_OTHERS.has(program)) throw new Outside(`${program} may change what other commands mean`)
  if (['test', '[', 'printf'].includes(value) && rest.some(word => /^-[vR]/.test(word.value ?? ''))) {
    throw new Outside(`${value} with -v may run what a name holds`)
  }
}

/** What a redirection adds to the text of its command: nothing if it only drops or joins outputs. Throws Outside if it writes. */
function redirection(redirect: Redirection, isLast: boolean): string[] {
  return reads(redirect, isLast) ?? []
}

function reads(redirect: Redirection, isLast: boolean): string[] | undefined {
  if (redirect.descriptor?.type === 'FileDescriptorVariable') throw new Outside('it sets a variable to a descriptor')
  const number = redirect.descriptor ? String(redirect.descriptor.value) : ''
  if (redirect.type === 'HereDoc') return [`${number}<<< ${hereText(redirect)}`]
  if (!redirect.target) throw new Outside('a redirection leads nowhere')
  const { text, value } = normalWord(redirect.target)
  if (redirect.type === 'HereString') return [`${number}<<< ${text}`]
  const { operator } = redirect
  if (operator === '<') {
    if (value === undefined || /^\/dev\/(?:tcp|udp)\b/.test(value)) throw new Outside('it reads from what nobody knows')
    return [`${number}< ${text}`]
  }
  if ((operator === '>&' || operator === '<&') && /^(?:\d+-?|-)$/.test(value ?? '')) return undefined
  const drops = value === '/dev/null' && operator !== '<>' && operator !== '<&'
  // A plain shell reads `cmd &>/dev/null word` as two commands.
  if (drops && (!operator.startsWith('&') || isLast)) return undefined
  throw new Outside(`it redirects to ${value === undefined ? 'what nobody knows' : quote(value)}`)
}

function hereText({ body, delimiter, closing }: Extract<Redirection, { type: 'HereDoc' }>): string {
  if (!delimiter || !closing) throw new Outside('the end of a text for a command is missing')
  if (!/^(?:\w+|'\w+'|"\w+")$/.test(delimiter.text)) throw new Outside('shells may differ on where a text for a command ends')
  if (delimiter.quoted) return quote(body.text)
  if (/[`$\\]/.test(body.text)) throw new Outside('a text for a command has expansions in it')
  return quote(body.text)
}
