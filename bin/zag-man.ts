#!/usr/bin/env node
import { EXIT, quoted, usage } from '../lib/base/exit.js'
import { command } from '../lib/command/command.js'
import { printTable } from '../lib/command/table.js'
import { label, type Page, pageOf, pages, purposeOf, show } from '../lib/install/page.js'

export default command(import.meta, {
  name: 'zag-man',
  does: 'open a page of the manual',
  usage: ['[--path] [[<section>] <page>]', '--list'],
  flags: {
    path: { type: 'boolean', does: 'print the path of the page' },
    list: { type: 'boolean', does: 'list the pages and what each is about' },
  },
  operands: { name: 'page', max: 2 },
  exits: {
    [EXIT.ok]: 'shown',
    [EXIT.no]: 'man says so: its own exit code, whatever it is, is handed on',
    [EXIT.cannotRun]: 'man cannot be run',
    [EXIT.notFound]: 'neither man nor mandoc was found',
  },
  examples: [
    ['zag-man wait', 'the page of a program'],
    ['zag-man 5 log', 'the log format: the page of that name in section 5'],
    ['zag-man 7 session', 'how sessions are named'],
  ],
  async run({ operands, path, list }, { out }) {
    if (list && operands.length > 0) throw usage('--list takes no page')
    if (list)
      return printTable(
        out,
        ['PAGE', 'ABOUT'],
        pages().map(page => [label(page), purposeOf(page)]),
      )
    const page = meant(operands)
    if (path) return out.line(page.path)
    const { code, text } = await show(page, { paged: out.isTerminal })
    if (text !== undefined) out.text(text)
    return code
  },
})

function meant(words: string[]): Page {
  const [first = 'zag', second] = words
  if (second === undefined) return pageOf(first)
  if (!/^[1-9]$/.test(first)) throw usage(`${quoted(first)} is no section: write zag man 5 log`)
  return pageOf(second, first)
}
