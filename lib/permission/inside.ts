// All that a shell line may run, for deny rules: they look at every command anywhere in it, in substitutions, functions and quoted
// lines for another shell too, at what sudo, env, xargs and their like start, and at programs by their name alone, however quoted.
//
// Where something is only known when it runs, it is UNKNOWN and fits whatever could stand there: a deny rule refuses too much rather
// than too little.

import { type Command, forEachChild, type ParsedScript, type Pipeline, parse, type SyntaxNode } from 'unbash'
import { type Text, textOf, UNKNOWN } from './glob.js'
import { RUNS_OTHERS } from './programs.js'
import { normalWord, quote } from './words.js'

const DEEPEST = 8
/** A line with more commands, or more words after one that runs others, is refused by any deny rule: nobody looks through it. */
const MOST = 4000
/** The same for the characters of all that the words may begin: a line of an agent must not keep its runner busy. */
const MOST_TEXT = 2_000_000

/** A word as far as it is known. */
interface Known {
  text: Text
  value?: string
}

/** Every text that a deny rule for commands has to look at; nothing if there are too many to look through. */
export function everyCommand(line: string): Text[] | undefined {
  const texts: Text[] = [textOf(line.trim()), textOf(line.trim().replace(/\s+/g, ' '))]
  try {
    lineInto(texts, line, 0)
  } catch (error) {
    if (error instanceof TooMany) return undefined
    rawInto(texts, line)
  }
  return texts.length > MOST ? undefined : texts
}

class TooMany extends Error {}

function lineInto(texts: Text[], line: string, depth: number): void {
  if (depth > DEEPEST) throw new TooMany()
  nodeInto(texts, parse(line), line, depth)
}

function nodeInto(texts: Text[], node: SyntaxNode, line: string, depth: number): void {
  if (texts.length > MOST) throw new TooMany()
  if (node.type === 'Script') {
    const source = (node as ParsedScript).source ?? line
    if ((node as ParsedScript).errors?.length) rawInto(texts, source)
    line = source
  }
  if (node.type === 'Command') commandInto(texts, node, line, depth)
  if (node.type === 'Pipeline') pipedInto(texts, node, depth)
  forEachChild(node, child => nodeInto(texts, child, line, depth))
}

function commandInto(texts: Text[], { name, prefix, suffix }: Command, line: string, depth: number): void {
  if (!name) return
  const words = [name, ...suffix.filter(each => each.type === 'Word' || each.type === 'Assignment')].map(known)
  const redirects = [...prefix, ...suffix].filter(each => each.type !== 'Word' && each.type !== 'Assignment')
  const behind = redirects.map(({ pos, end }) => ({ text: textOf(line.slice(pos, end)) }))
  if (behind.length > 0) variantsInto(texts, [...words, ...behind])
  wordsInto(texts, words, depth, false)
  if (!runsOthers(words[0])) return
  for (const redirect of redirects) {
    if (redirect.type === 'HereDoc') lineInto(texts, redirect.body.text, depth + 1)
    if (redirect.type === 'HereString' && redirect.target) lineInto(texts, known(redirect.target).value ?? redirect.target.text, depth + 1)
  }
}

/** What is printed into a shell is run by it: `echo rm x | sh`. */
function pipedInto(texts: Text[], { commands }: Pipeline, depth: number): void {
  const names = commands.map(command => (command.type === 'Command' && command.name ? known(command.name) : undefined))
  const last = names.findLastIndex((name, at) => at > 0 && name !== undefined && runsOthers(name))
  for (const command of commands.slice(0, Math.max(0, last))) {
    if (command.type === 'Command' && command.name) wordsInto(texts, [command.name, ...command.args].map(known), depth, true)
  }
}

function runsOthers(name: Known | undefined): boolean {
  return name?.value === undefined || RUNS_OTHERS.has(nameOf(name.value))
}

function known(word: Parameters<typeof normalWord>[0]): Known {
  if (word.type === 'Assignment') return { text: textOf(word.text), value: word.text }
  try {
    const { text, value } = normalWord(word)
    return value === undefined ? { text: [UNKNOWN] } : { text: textOf(text), value }
  } catch {
    // It runs something, or is nothing that can be judged: it may become any text.
    return { text: [UNKNOWN] }
  }
}

/** The command itself, and if it runs others, or what it prints is run, all that its arguments may begin. */
function wordsInto(texts: Text[], words: readonly Known[], depth: number, isRun: boolean): void {
  variantsInto(texts, words)
  const [first, ...rest] = words
  if (!isRun && !runsOthers(first)) return
  mustBeFew(rest)
  rest.forEach((word, at) => {
    variantsInto(texts, rest.slice(at))
    if (word.value && /[\s;&|$`(]/.test(word.value)) lineInto(texts, word.value, depth + 1)
    // `env --split-string='rm x'`, `sh -c'rm x'`
    const attached = /^-{1,2}[\w-]+?=?(\S*\s[\s\S]*)$/.exec(word.value ?? '')?.[1]
    if (attached) lineInto(texts, attached, depth + 1)
  })
}

/** What follows each word is a text of its own. */
function mustBeFew(words: readonly Known[]): void {
  const characters = words.reduce((sum, { text }) => sum + text.length, 0)
  if (words.length > 200 || characters * words.length > MOST_TEXT) throw new TooMany()
}

/** The words with quotes where they are needed and without any, the program with its folder and without. */
function variantsInto(texts: Text[], words: readonly Known[]): void {
  const [first, ...rest] = words
  if (!first) return
  const plain = (word: Known): Text => (word.value === undefined ? word.text : textOf(word.value))
  const starts: Known[] = [first]
  if (first.value?.includes('/')) starts.push({ text: textOf(quote(nameOf(first.value))), value: nameOf(first.value) })
  for (const start of starts) {
    texts.push(joined([start.text, ...rest.map(({ text }) => text)]))
    if ([start, ...rest].some(word => word.value !== undefined && word.value.length !== word.text.length))
      texts.push(joined([start, ...rest].map(plain)))
  }
}

function joined(words: readonly Text[]): Text {
  return words.flatMap((word, at) => (at === 0 ? word : [' ', ...word]))
}

const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1)

/** What cannot be parsed: each word begins a command, up to the next sign that may end one. */
function rawInto(texts: Text[], line: string): void {
  for (const part of line.split(/[;&|\n(){}`<>]/)) {
    const words = part
      .replace(/\$?['"\\]/g, '')
      .split(/\s+/)
      .filter(word => word !== '')
    const each = words.map((word): Known => (word.includes('$') ? { text: [UNKNOWN] } : { text: textOf(word), value: word }))
    mustBeFew(each)
    each.forEach((_, at) => {
      variantsInto(texts, each.slice(at))
    })
  }
}
