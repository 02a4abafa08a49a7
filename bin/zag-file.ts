#!/usr/bin/env node
import { EXIT, quoted, usage } from '../lib/base/exit.js'
import { command } from '../lib/command/command.js'
import { field } from '../lib/command/output.js'
import { checkFile, patchFiles, readBytes, readText } from '../lib/file/guard.js'
import { runLocked } from '../lib/file/hold.js'
import { whoHere } from '../lib/session/who.js'
import { readIfThere } from '../lib/store/file.js'

const whoFlags = {
  session: { type: 'string', value: 'session', does: 'for this session, if not for the one around' },
  group: { type: 'string', value: 'group', does: "the file times of this group, if not the session's or the project's" },
  root: { type: 'string', short: 'r', value: 'folder', does: "the project, if not the session's or that of this folder" },
} as const
const timeoutFlag = { type: 'time', value: 'time', does: 'give up after so long if somebody else has the lock' } as const
const path = { name: 'path', min: 1 } as const
const whoUsage = '[--session <session>] [--group <group>] [-r <folder>]'
const whoExits = {
  [EXIT.none]: 'no such session, or several fit',
  [EXIT.system]: 'a file is not there, not in the project, no file, or too large',
} as const

export default command(import.meta, {
  name: 'zag-file',
  does: 'read and change files that others change too',
  commands: {
    read: {
      does: 'print files, and note that they were read',
      usage: [`[--lines <from-to> | --note] ${whoUsage} <path>...`],
      flags: {
        ...whoFlags,
        lines: { type: 'string', value: 'from-to', does: 'only these lines: 10-20, 10-, 10' },
        note: { type: 'boolean', does: 'print nothing' },
      },
      operands: path,
      exits: { ...whoExits, [EXIT.ok]: 'printed and noted' },
      examples: [['zag-file read src/main.c', 'from now on its present version may be changed']],
      async run({ operands, lines, note, ...asked }, { out }) {
        if (lines !== undefined && note) throw usage('--lines or --note, not both')
        const who = whoHere(asked)
        const portion = lines === undefined ? undefined : portionOf(lines)
        for (const name of operands) {
          const text = portion ? await readText(who, name, portion) : await readBytes(who, name)
          if (!note) out.text(text)
          if (portion && text.length > 0) out.text('\n')
        }
      },
    },
    check: {
      does: 'say whether files are as they were read',
      usage: [`${whoUsage} <path>...`],
      flags: whoFlags,
      operands: path,
      exits: {
        ...whoExits,
        [EXIT.ok]: 'all are as they were read',
        [EXIT.system]: 'one is not, or was never read, or cannot be looked at',
      },
      examples: [['zag-file check src/main.c && ed src/main.c', 'only if nobody else has changed it']],
      async run({ operands, ...asked }, { err }) {
        const who = whoHere(asked)
        let code: number = EXIT.ok
        for (const name of operands) {
          const why = await checkFile(who, name)
          if (why === undefined) continue
          err.complain(why)
          code = EXIT.system
        }
        return code
      },
    },
    patch: {
      does: 'change files by a patch, all of them or none',
      usage: [`[--timeout <time>] [--json] ${whoUsage} [<patch> | -]`],
      flags: { ...whoFlags, timeout: { ...timeoutFlag, default: '10s' }, json: { type: 'boolean', does: 'rows as JSON' } },
      operands: { name: 'patch', max: 1 },
      exits: {
        ...whoExits,
        [EXIT.ok]: 'changed',
        [EXIT.no]: 'the patch does not fit; nothing was changed',
        [EXIT.notNow]: 'a file is locked; nothing was changed',
        [EXIT.system]: 'a file is not as it was read, not in the project, or cannot be written; nothing was changed',
      },
      examples: [
        [
          String.raw`printf '%s\n' '*** Begin Patch' '*** Add File: notes' '+a note' '*** End Patch' | zag-file patch`,
          'a new file, by a patch on stdin',
        ],
      ],
      async run({ operands: [file = '-'], timeout, ...asked }, { stdin, out }) {
        const text = file === '-' ? await stdin.text() : readIfThere(file)
        if (text === undefined) throw usage(`no file ${quoted(file)}: give the patch on stdin, or a file with it`)
        for (const { path, did, from } of await patchFiles(whoHere(asked), text, { wait: timeout })) {
          out.row({ path, did, from }, from === undefined ? `${did} ${field(path)}` : `${did} ${field(from)} to ${field(path)}`)
        }
      },
    },
    lock: {
      does: 'run a command while nobody else writes files',
      usage: [`[--timeout <time>] ${whoUsage} <path>... -- <command> [<word>...]`],
      flags: { ...whoFlags, timeout: timeoutFlag },
      operands: path,
      afterDashes: { name: 'command' },
      exits: {
        ...whoExits,
        [EXIT.ok]: 'the command gave 0; else its own code, 128 + n if signal n ended it',
        [EXIT.notNow]: 'a file is locked; the command was not run',
        [EXIT.cannotRun]: 'the command cannot be run',
        [EXIT.notFound]: 'the command was not found',
      },
      examples: [['zag-file lock go.sum -- go mod tidy', 'two agents at once take turns']],
      async run({ operands, afterDashes, timeout, ...asked }, { err }) {
        if (!afterDashes?.length) throw usage("a command is needed after '--'")
        const wait = timeout ?? Number.POSITIVE_INFINITY
        return runLocked(whoHere(asked), operands, afterDashes, { wait, passInterrupt: !err.isTerminal })
      },
    },
  },
})

function portionOf(text: string): { line: number; limit?: number } {
  const [, from = '', dash, to = ''] = /^([1-9]\d{0,8})(-)?([1-9]\d{0,8})?$/.exec(text) ?? []
  const [first, last] = [Number(from), to === '' ? undefined : Number(to)]
  if (from === '' || (last !== undefined && (!dash || last < first)))
    throw usage(`--lines ${quoted(text)} are no lines: give 10-20, 10- or 10`)
  if (!dash) return { line: first, limit: 1 }
  return { line: first, limit: last === undefined ? undefined : last - first + 1 }
}
