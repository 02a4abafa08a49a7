// Patches: one that was made of two versions of a file makes the one of the other, there and back; any other text is refused and changes
// nothing.

import fc from 'fast-check'
import t from 'tap'
import { Fault } from '../../lib/base/exit.js'
import { applyPatch } from '../../lib/file/apply.js'
import { parsePatch } from '../../lib/file/patch.js'
import { cases, orFault, text } from './fuzz.js'

/** Lines no two of which are the same, so that a place is found wherever it is; with what a patch itself is made of. */
const lines = (start: string) =>
  fc
    .array(fc.constantFrom('', '@@', '*** End Patch', '+', '-', ' ', '\t', '*** Add File: x', 'é'), { maxLength: 8 })
    .map(all => all.map((line, at) => `${line} ${start}${at}`))

const patchOf = (...body: string[]) => ['*** Begin Patch', ...body, '*** End Patch', ''].join('\n')
const whole = (all: string[]) => all.map(line => `${line}\n`).join('')

t.test('there and back', async () => {
  fc.assert(
    fc.property(lines('k'), lines('o'), lines('n'), lines('t'), (head, before, after, tail) => {
      fc.pre(head.length + before.length > 0 && head.length + tail.length > 0 && before.length + after.length > 0)
      const [from, to] = [whole([...head, ...before, ...tail]), whole([...head, ...after, ...tail])]
      const hunk = (minus: string[], plus: string[]) =>
        patchOf(
          '*** Update File: f',
          '@@',
          ...head.map(each => ` ${each}`),
          ...minus.map(each => `-${each}`),
          ...plus.map(each => `+${each}`),
          ...tail.map(each => ` ${each}`),
        )
      const result = (patch: string, content: string) => applyPatch(patch, () => content)[0]?.after
      return result(hunk(before, after), from) === to && result(hunk(after, before), to) === from
    }),
    cases(600),
  )
})

t.test('a file that is added is what was written, and is gone when it is deleted', async () => {
  fc.assert(
    fc.property(lines('a'), all => {
      fc.pre(all.length > 0)
      const [added] = applyPatch(patchOf('*** Add File: f', ...all.map(each => `+${each}`)), () => undefined)
      const [deleted] = applyPatch(patchOf('*** Delete File: f'), () => whole(all))
      return added?.after === whole(all) && added.before === undefined && deleted?.after === undefined && deleted?.before === whole(all)
    }),
    cases(500),
  )
})

const piece = fc.constantFrom(
  ...[
    '*** Begin Patch',
    '*** End Patch',
    '*** Update File: a',
    '*** Add File: b',
    '*** Delete File: a',
    '*** Move to: c',
    '*** End of File',
    '@@',
    '@@ x',
    '@@ -1,2 +3 @@',
  ],
  ...[' x', '-x', '+y', ' ', '', '+', '-', 'x', '\r', '*** Update File: ', '*** Add File: ../b', '*** Move to: a'],
)

t.test('any text is a patch that fits, or one line on why not', async () => {
  const any = fc.oneof(
    text(),
    fc.array(piece, { maxLength: 12 }).map(all => all.join('\n')),
    fc.array(piece, { maxLength: 12 }).map(all => patchOf(...all)),
  )
  const content = fc.constantFrom('x\n', 'x\nx\n', 'y\nx', '', 'x\r\ny\r\n')
  fc.assert(
    fc.property(any, content, (patch, of) => {
      const sections = orFault(() => parsePatch(patch))
      const changes = orFault(() => applyPatch(patch, path => (path === 'a' ? of : undefined)))
      if (sections instanceof Fault) return sections.exit === 2 && changes instanceof Fault && changes.exit === 2
      if (changes instanceof Fault) return changes.exit === 1
      return new Set(changes.map(({ path }) => path)).size === changes.length && changes.every(({ before, after }) => before !== after)
    }),
    cases(1500),
  )
})
