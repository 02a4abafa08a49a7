// Names, ids, durations, fences and quotes: whatever the text, it is refused in one line, or it comes back as it was.

import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import t from 'tap'
import { Fault } from '../../lib/base/exit.js'
import { unfenced } from '../../lib/base/fence.js'
import { isId, newId, timeOf } from '../../lib/base/id.js'
import { checkName, keyOf, nearest, ofKey } from '../../lib/base/name.js'
import { durationOf, formatDuration, parseDuration, parseMoment } from '../../lib/base/time.js'
import { assignments } from '../../lib/command/shell.js'
import { fileNameOf, limited, wrap } from '../../lib/session/context.js'
import { block, escapeTags, unescapeTags } from '../../lib/session/fence.js'
import { cases, orFault, sample, text } from './fuzz.js'

t.test('a name is refused or becomes a path of its own below the index', async () => {
  const wellFormed = text().filter(word => Buffer.from(word).toString() === word)
  fc.assert(
    fc.property(wellFormed, wellFormed, (a, b) => {
      if (orFault(() => checkName('tag', a)) instanceof Fault) return
      const parts = keyOf(a).split('/')
      if (parts.some(part => part === '' || part.startsWith('.') || Buffer.byteLength(part) > 255 || !/^[\w%.+-]*$/.test(part)))
        return false
      return ofKey(keyOf(a)) === a && (a === b || keyOf(a) !== keyOf(b))
    }),
    cases(1000),
  )
})

t.test('a path that keyOf did not make is nobody', async () => {
  fc.assert(
    fc.property(text(), path => {
      const name = ofKey(path)
      return name === undefined || keyOf(name) === path
    }),
    cases(1000),
  )
})

/** As RFC 9562 has it, in small letters. */
const VERSION_7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

t.test('an id is one, and nothing else is', async () => {
  fc.assert(
    fc.property(fc.nat(35), fc.constantFrom(...'0123456789abcdefg-A\n/'), (at, sign) => {
      const id = newId()
      const other = id.slice(0, at) + sign + id.slice(at + 1)
      return isId(id) && Math.abs(timeOf(id) - Date.now()) < 60_000 && !isId(`${id}\n`) && (!isId(other) || VERSION_7.test(other))
    }),
    cases(500),
  )
})

t.test('durations and moments are numbers or wrong usage', async () => {
  const unit = fc.constantFrom('', 'ms', 's', 'm', 'h', 'd', 'x', 'T', 'Z', '-', ':', '.', '1', '02-30')
  const word = fc.oneof(
    text(),
    fc.array(fc.tuple(fc.nat(99_999), unit), { maxLength: 4 }).map(parts => parts.flat().join('')),
  )
  fc.assert(
    fc.property(word, of => {
      const [ms, moment] = [orFault(() => parseDuration(of)), orFault(() => parseMoment(of))]
      if (ms instanceof Fault !== (durationOf(of) === undefined)) return false
      const isFine = (value: number | Fault, least: number) =>
        value instanceof Fault ? value.exit === 2 : Number.isFinite(value) && value >= least
      return isFine(ms, 0) && isFine(moment, -1e15) && formatDuration(ms instanceof Fault ? 0 : ms).length < 12
    }),
    cases(2000),
  )
})

t.test('the nearest words are some of those there are', async () => {
  fc.assert(
    fc.property(text(), fc.array(text(), { maxLength: 5 }), (word, candidates) => {
      const found = nearest(word, candidates)
      return found.length <= 3 && found.every(each => candidates.includes(each))
    }),
    cases(500),
  )
})

const NAMES = ['session-result', 'session-message', 'conversation-message', 'attached-file']
/** Text that is full of tags. */
const tagged = () =>
  fc
    .array(
      fc.oneof(
        fc.constantFrom('<', '</', '\\', '<\\', '</\\', ' index="1">', '>', '\n', ...NAMES, ...NAMES.map(name => name.toUpperCase())),
        text(),
      ),
      {
        maxLength: 10,
      },
    )
    .map(pieces => pieces.join(''))

t.test('what is escaped has no tag in it, and can be had back', async () => {
  fc.assert(
    fc.property(tagged(), said => {
      const escaped = escapeTags(said)
      return !new RegExp(`</?(?:${NAMES.join('|')})`, 'i').test(escaped) && unescapeTags(escaped) === said
    }),
    cases(2000),
  )
})

t.test('of results that were wrapped together each can be had back', async () => {
  const given = fc.record({
    id: fc.uuid(),
    name: fc.option(tagged(), { nil: undefined }),
    state: fc.constantFrom('completed', 'failed'),
    text: tagged(),
  })
  fc.assert(
    fc.property(fc.array(given, { minLength: 1, maxLength: 4 }), all => {
      const wrapped = wrap(all)
      const found = [
        ...wrapped.matchAll(
          /^<session-result index="(\d+)" session="([^"]*)"(?: name="([^"]*)")?(?: state="[^"]*")?( escaped="true")?>\n(.*?)^<\/session-result>$/gms,
        ),
      ]
      if (found.length !== all.length) return false
      return found.every(([, index, id, name, escaped, body = ''], at) => {
        const one = all[at]
        const said = one?.text.endsWith('\n') ? body : body.slice(0, -1)
        const isSame = (escaped ? unescapeTags(said) : said) === one?.text
        return isSame && index === String(at + 1) && id === one?.id && (name === undefined || attribute(name) === one?.name)
      })
    }),
    cases(1000),
  )
})

const attribute = (value: string) =>
  value
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&amp;/g, '&')

t.test('an attribute cannot end its tag', async () => {
  fc.assert(
    fc.property(tagged(), tagged(), (name, said) => {
      const [head = ''] = block('session-message', [['from', name]], said).split(/>\n/, 1)
      return !/[<>"]/.test(head.slice('<session-message from="'.length).replace(/" ?(escaped="true)?"?$/, ''))
    }),
    cases(1000),
  )
})

t.test('head and tail are of the text, and no longer than was asked for', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), fc.nat(300), (said, limit) => {
      const short = limited(said, limit, '/x')
      if (Buffer.byteLength(said) <= limit) return short === said
      const [, head, missing, tail] = /^(.*)\n\[\.\.\. (\d+) bytes left out; the whole is in \/x \.\.\.\]\n(.*)$/s.exec(short) ?? []
      if (head === undefined || tail === undefined) return false
      const isOfText = said.startsWith(head) && said.endsWith(tail) && !/\p{Cs}/u.test(short)
      const kept = Buffer.byteLength(head) + Buffer.byteLength(tail)
      return isOfText && kept <= limit && kept + Number(missing) === Buffer.byteLength(said)
    }),
    cases(1000),
  )
})

t.test('a file name of a name is one', async () => {
  fc.assert(
    fc.property(text(), name => {
      const file = fileNameOf(newId(), name)
      return file !== '' && !file.startsWith('.') && !/[/\0\n]/.test(file) && Buffer.byteLength(file) <= 255
    }),
    cases(1000),
  )
})

t.test('a fence around all is taken off, and nothing else', async () => {
  fc.assert(
    fc.property(text(), said => unfenced(`\`\`\`json\n${said}\n\`\`\``) === said || said.includes('```')),
    cases(1000),
  )
  fc.assert(
    fc.property(text(), said => said.trim().startsWith('```') || unfenced(said) === said),
    cases(1000),
  )
})

t.test('what a shell gets quoted it takes as it is', async t => {
  const values = sample(
    text().filter(value => !value.includes('\0') && Buffer.from(value).toString() === value),
    300,
  )
  const script = values.map(value => `${assignments({ x: value }, 'shell')[0]}; printf '%s\\0' "$x"`).join('\n')
  const { stdout, stderr } = spawnSync('sh', { input: script })
  t.equal(stderr.toString(), '')
  t.same(stdout.toString().split('\0').slice(0, -1), values)
})
