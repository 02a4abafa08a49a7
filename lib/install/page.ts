// The pages of the manual that came with this zag: which there are, which one a word means, and how it is shown.
//
// A word never becomes a path: it is looked up among the names of the files there are.

import { constants } from 'node:os'
import { join } from 'node:path'
import { EXIT, Fault, quoted, reason, usage } from '../base/exit.js'
import { nearest } from '../base/name.js'
import { manual } from '../base/paths.js'
import { findProgram } from '../process/program.js'
import { listIfThere, readIfThere } from '../store/file.js'

export interface Page {
  /** `zag-wait` */
  name: string
  section: string
  path: string
}

/** Of several pages of one name a program's is meant, then a topic, then a file format. */
const SECTIONS = ['1', '7', '5']

/** All pages, programs first. Throws a Fault (5) if there are none. */
export function pages(): Page[] {
  const found = listIfThere(manual()).flatMap(file => {
    const [, name, section] = /^(zag(?:-[a-z-]+)?)\.([1-9])$/.exec(file) ?? []
    return name && section ? [{ name, section, path: join(manual(), file) }] : []
  })
  if (found.length === 0) throw new Fault(`no pages in ${quoted(manual())}: install zag again; zag --help shows the programs`, EXIT.system)
  const rank = ({ section }: Page) => (SECTIONS.indexOf(section) + SECTIONS.length + 1) % (SECTIONS.length + 1)
  return found.sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1))
}

/** The page that `wait`, `zag-wait` or `wait.1` means. Throws usage (2) with the nearest ones. */
export function pageOf(word: string, section?: string): Page {
  const all = pages()
  const [, stem, ending] = /^(.+)\.([1-9])$/.exec(word) ?? []
  const name = stem ?? word
  const wanted = section ?? ending
  const named = all.filter(page => page.name === name || page.name === `zag-${name}`)
  const page = named.find(one => wanted === undefined || one.section === wanted)
  if (page) return page
  throw usage(`no page ${quoted(word)}${section === undefined ? '' : ` in section ${section}`}: ${advice(name, named, all)}`)
}

function advice(name: string, named: Page[], all: Page[]): string {
  if (named.length > 0) return `there is ${named.map(label).join(', ')}`
  const short = (word: string) => word.replace(/^zag-/, '')
  const near = nearest(short(name), new Set(all.map(page => short(page.name))))
  return near.length > 0 ? `did you mean ${near.join(', ')}? zag man --list shows all` : 'zag man --list shows all'
}

/** `zag-wait(1)` */
export function label({ name, section }: Page): string {
  return `${name}(${section})`
}

/** What a page is about, in the line that it says so itself. */
export function purposeOf({ path }: Page): string {
  const line = /^\.Nd (.*)$/m.exec(readIfThere(path) ?? '')?.[1] ?? ''
  return line.replace(/\\&/g, '').replace(/\\(.)/g, '$1')
}

/** What showing a page came to: the exit code, and the text if it is still to be printed. */
export interface Shown {
  code: number
  text?: string
}

/**
 * Shows a page with man, or mandoc where there is no man; with a pager if `paged`. Throws a Fault: 127 if there is
 * neither, 126 if it cannot be run.
 */
export async function show(page: Page, { paged }: { paged: boolean }): Promise<Shown> {
  const man = findProgram('man', process.env.PATH).path
  if (man) return start(man, [page.path], 'inherit')
  const mandoc = findProgram('mandoc', process.env.PATH).path
  if (!mandoc) throw new Fault(`neither man nor mandoc is on PATH: the page is ${quoted(page.path)}${helpOf(page)}`, EXIT.notFound)
  if (paged) return start(mandoc, ['-a', page.path], 'inherit')
  const { code, text = '' } = await start(mandoc, [page.path], 'pipe')
  // Into a pipe, too, it prints bold and underlined as on a typewriter.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the backspace is what it overstrikes with
  return { code, text: text.replace(/[^\n]\x08/gu, '') }
}

function helpOf({ name, section }: Page): string {
  return section === '1' ? `; '${name.replace('-', ' ')} --help' shows the options` : ''
}

async function start(program: string, args: string[], stdout: 'inherit' | 'pipe'): Promise<Shown> {
  const { execaSync } = await import('execa')
  // An interrupt is for the pager, which goes on after it.
  const ignore = () => {}
  process.on('SIGINT', ignore)
  const ended = execaSync(program, args, { stdin: 'inherit', stdout, stderr: 'inherit', stripFinalNewline: false, reject: false })
  process.off('SIGINT', ignore)
  const { exitCode, signal, stdout: text } = ended
  if (exitCode !== undefined) return { code: exitCode, text }
  if (signal !== undefined) return { code: 128 + constants.signals[signal], text }
  throw new Fault(`cannot run ${quoted(program)}: ${reason(ended.cause)}`, EXIT.cannotRun, { cause: ended.cause })
}
