// Flags that several programs share, each written once. A flag of one program stays in its own file.

import { EXIT } from '../base/exit.js'
import type { Flags } from './data.js'

/** How sessions are named besides by operands: zag-session(7). They add up. */
export const pickFlags = {
  tag: { type: 'strings', value: 'tag', does: 'sessions with this tag; of several tags, with all of them' },
  name: { type: 'string', value: 'name', does: 'the newest session with this name' },
  parent: { type: 'string', value: 'session', does: 'sessions that this one started' },
  state: { type: 'string', value: 'state,...', does: 'only sessions in one of these states' },
  latest: { type: 'boolean', does: 'the newest session' },
  all: { type: 'boolean', does: 'every session' },
  root: { type: 'string', short: 'r', value: 'folder', does: 'only sessions of the project in this folder' },
} as const satisfies Flags

/** What every program that takes sessions can end with. */
export const pickExits = { [EXIT.none]: 'a session that was named is not there, or several fit; or none has the tag' } as const

/** What stands for all of these in a synopsis. */
export const pickUsage = '{ <session>... | - | --tag <tag> | --name <name> | --parent <session> | --latest | --all }'

/** The same in programs whose operands are something else: sessions are named by --session. */
export const aboutFlags = {
  session: { type: 'strings', value: 'session', does: 'a session, by id, part of it, or name' },
  ...pickFlags,
} as const satisfies Flags

export const aboutUsage = '[--session <session>] [--tag <tag>] [--name <name>] [--parent <session>] [--latest] [--all]'

/** Which events are meant, in programs that follow logs: lib/session/filter.ts reads it. */
export const filterFlag = {
  filter: { type: 'strings', value: 'key=value,...', does: 'only events with these fields; input.command is a field within one' },
} as const satisfies Flags

export const filterUsage = '[--filter <key=value>]'
