import { randomBytes } from 'node:crypto'
import fs, { appendFileSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { countLines } from '../../../lib/store/count.js'
import { claim, replaceFile, writeNew } from '../../../lib/store/file.js'
import { Appender, appendLines, Follower, lastLine, parseLine, scan, scanBlocks } from '../../../lib/store/lines.js'
import { smallDisk } from '../../fixtures/disk.js'
import { until, workers } from '../../fixtures/workers.js'

function linesOf(path: string, options: Parameters<typeof scan>[1] = {}): [string, number, number][] {
  const seen: [string, number, number][] = []
  scan(path, options, (line, offset, number) => {
    seen.push([line.toString(), offset, number])
    return true
  })
  return seen
}

t.test('appends whole lines to a new file that is private', async t => {
  const path = join(t.testdir(), 'log')
  const before = process.umask(0)
  appendLines(path, ['{"a":1}', '{"b":"ü"}'])
  process.umask(before)
  t.equal(readFileSync(path, 'utf8'), '{"a":1}\n{"b":"ü"}\n')
  t.equal(statSync(path).mode & 0o777, 0o600)
  appendLines(path, [])
  t.equal(countLines(path), 2)
})

t.test('a strict umask does not lock the owner out', async t => {
  const path = join(t.testdir(), 'log')
  const before = process.umask(0o777)
  appendLines(path, ['a'])
  process.umask(before)
  t.equal(statSync(path).mode & 0o777, 0o600)
})

t.test('ends a torn line first, also one that appears between two appends', async t => {
  const path = join(t.testdir({ log: '{"a":1}\n{"torn' }), 'log')
  const file = new Appender(path)
  file.append(['{"b":2}'])
  t.equal(readFileSync(path, 'utf8'), '{"a":1}\n{"torn\n{"b":2}\n')
  appendFileSync(path, 'again')
  file.append(['c', 'd'])
  file.append(['e'])
  file.close()
  t.equal(readFileSync(path, 'utf8'), '{"a":1}\n{"torn\n{"b":2}\nagain\nc\nd\ne\n')
})

t.test('a line with a newline, or none at all, is a bug and writes nothing', async t => {
  const path = join(t.testdir(), 'log')
  t.throws(() => appendLines(path, ['ok', 'a\nb']), /holds a newline: 'a\\u000ab'/)
  t.throws(() => appendLines(path, ['']), /empty/)
  t.equal(readFileSync(path, 'utf8'), '')
})

t.test('many lines go in writes of whole lines', async t => {
  const path = join(t.testdir(), 'log')
  const lines = Array.from({ length: 5000 }, (_, n) => `${n}:${'y'.repeat(500)}`)
  appendLines(path, [...lines, 'z'.repeat(3 << 20)])
  t.equal(countLines(path), 5001)
  t.same(
    linesOf(path)
      .map(([line]) => line)
      .slice(0, 5000),
    lines,
  )
})

t.test('what the system refuses names the file', async t => {
  const dir = t.testdir({ file: 'x' })
  t.throws(() => appendLines(join(dir, 'none/log'), ['a']), { exit: 5, message: /^cannot write '.*none\/log': no such file or directory$/ })
  t.throws(() => scan(dir, {}, () => true), { exit: 5, message: /^cannot read '.*': illegal operation on a directory$/ })
  t.throws(() => countLines(join(dir, 'file/x')), { exit: 5, message: /not a directory/ })
  t.throws(() => [...new Follower(join(dir, 'file/x')).take()], { exit: 5, message: /: / })
  const mine = new Error('mine')
  t.throws(
    () =>
      scan(join(t.testdir({ log: 'a\n' }), 'log'), {}, () => {
        throw mine
      }),
    mine,
  )
})

t.test('knows when its file is no longer the one of that name', async t => {
  const dir = t.testdir()
  const file = new Appender(join(dir, 'log'))
  t.notOk(file.moved())
  renameSync(join(dir, 'log'), join(dir, 'old'))
  t.ok(file.moved())
  writeFileSync(join(dir, 'log'), '')
  t.ok(file.moved())
  file.close()
})

t.test('scan gives lines with offsets and numbers, whatever the chunk', async t => {
  const path = join(t.testdir({ log: 'a\n\nbcd\nüü\nlong line here\ntorn' }), 'log')
  const all = [
    ['a', 0, 1],
    ['bcd', 3, 3],
    ['üü', 7, 4],
    ['long line here', 12, 5],
  ]
  for (const chunk of [1, 2, 3, 5, 16, 1000]) t.same(linesOf(path, { chunk }), all, `chunk ${chunk}`)
  t.same(linesOf(path, { from: 7, line: 3 }), all.slice(2))
  t.same(linesOf(join(t.testdirName, 'none')), [])
  t.same(
    scan(path, {}, line => line.toString() !== 'bcd'),
    { end: 7, lines: 3 },
  )
  t.same(
    scan(path, {}, () => true),
    { end: 27, lines: 5 },
  )
  t.same(
    scan(join(t.testdirName, 'none'), { from: 4, line: 2 }, () => true),
    { end: 4, lines: 2 },
  )
  const blocks: [string, number][] = []
  scanBlocks(path, { chunk: 8 }, (block, offset) => {
    blocks.push([block.toString(), offset])
    return blocks.length < 3
  })
  t.same(blocks, [
    ['a\n\nbcd\n', 0],
    ['üü\n', 7],
    ['long line here\n', 12],
  ])
})

t.test('counts lines, in all or before an offset', async t => {
  const path = join(t.testdir({ log: `a\n\nb\n${'x'.repeat(600_000)}\ntorn` }), 'log')
  t.equal(countLines(path), 4)
  t.equal(countLines(path, 3), 2)
  t.equal(countLines(path, 0), 0)
  t.equal(countLines(join(t.testdirName, 'none')), 0)
})

t.test('counts the lines of a long file, from and to anywhere, as one newline after the other would', async t => {
  const bytes = randomBytes(6_000_000)
  // Newlines beside each other, and none for longer than what is read at once.
  bytes.fill(10, 262_100, 262_300)
  bytes.fill(120, 1_000_000, 1_400_000)
  const path = join(t.testdir({ log: '' }), 'log')
  writeFileSync(path, bytes)
  const naive = (to: number, from: number) => {
    let lines = 0
    for (let at = from; at < Math.min(to, bytes.length); at++) if (bytes[at] === 10) lines += 1
    return lines
  }
  const cases: [number, number][] = [
    [bytes.length, 0],
    [bytes.length + 99, 0],
    [bytes.length - 1, 1],
    [5_999_937, 63],
    [5_000_000, 262_144],
    [4_194_304, 0],
    [4_194_400, 95],
  ]
  for (const [to, from] of cases) t.equal(countLines(path, to, from), naive(to, from), `${from} to ${to}`)
  t.equal(countLines(path), naive(bytes.length, 0))
  const Real = (globalThis as unknown as { WebAssembly: { Instance: new (module: object) => object } }).WebAssembly
  t.teardown(() => Object.assign(globalThis, { WebAssembly: Real }))
  // A module that was loaded anew has not yet made what counts.
  const counted = async (way: string, WebAssembly: unknown) => {
    Object.assign(globalThis, { WebAssembly })
    const anew: typeof import('../../../lib/store/count.js') = await import(`../../../lib/store/count.js?${way}`)
    return anew.countLines(path)
  }
  let made = 0
  class Instance extends Real.Instance {
    constructor(module: object) {
      super(module)
      made += 1
    }
  }
  t.equal(
    await counted('with', { ...Object.fromEntries(Object.getOwnPropertyNames(Real).map(name => [name, Real[name as never]])), Instance }),
    naive(bytes.length, 0),
  )
  t.equal(made, 1, 'vectors count it')
  t.equal(await counted('without', undefined), naive(bytes.length, 0), 'also where there is no WebAssembly')
})

t.test('finds the last line that fits', async t => {
  const long = 'L'.repeat(70_000)
  const path = join(t.testdir({ log: `first\n${'a\n'.repeat(5000)}${long}\n${'bb\n'.repeat(5000)}\nlast\ntorn` }), 'log')
  const find = (text: string) => {
    const found = lastLine(path, line => line.toString() === text)
    return found && [found.line.toString(), found.offset]
  }
  t.same(find('last'), ['last', 6 + 10_000 + 70_001 + 15_001])
  t.same(find('torn'), undefined)
  t.same(find('bb'), ['bb', 6 + 10_000 + 70_001 + 15_000 - 3])
  t.same(find(long), [long, 6 + 10_000])
  t.same(find('first'), ['first', 0])
  t.same(find('none'), undefined)
  let seen = 0
  lastLine(path, line => {
    seen += 1
    return line.length > 70_000
  })
  t.equal(seen, 10_003, 'each line is looked at once')
  t.equal(
    lastLine(join(t.testdirName, 'none'), () => true),
    undefined,
  )
  for (const text of ['', 'torn', '\n', '\n\n']) {
    writeFileSync(path, text)
    t.equal(
      lastLine(path, () => true),
      undefined,
    )
  }
})

t.test('only objects are lines', async t => {
  t.same(parseLine('{"a":[1]}'), { a: [1] })
  t.same(parseLine(Buffer.from('{"a":"ü"}\r')), { a: 'ü' })
  for (const bad of ['', 'null', '[]', '1', '"x"', '{"a":', 'x']) t.equal(parseLine(bad), undefined, bad)
})

t.test('a follower gives each line once, as the file grows', async t => {
  const path = join(t.testdir(), 'log')
  const follower = new Follower(path, { chunk: 4 })
  const take = () => [...follower.take()].map(line => [line.bytes.toString(), line.offset, line.number])
  t.same(take(), [], 'not there yet')
  appendFileSync(path, 'one\ntwo is long\nth')
  t.same(take(), [
    ['one', 0, 1],
    ['two is long', 4, 2],
  ])
  t.equal(follower.offset, 16)
  t.equal(follower.lines, 2)
  appendFileSync(path, 'ree')
  t.same(take(), [])
  appendFileSync(path, '\n\nfour\nrest')
  t.same(take(), [
    ['three', 16, 3],
    ['four', 23, 5],
  ])
  t.match(follower.takeRest(), { bytes: Buffer.from('rest'), offset: 28, number: 6, more: false })
  t.equal(follower.takeRest(), undefined)
  appendFileSync(path, '\nfive\n')
  t.same(take().at(-1)?.[0], 'five')
})

t.test('a follower that is left early goes on where it was left', async t => {
  for (const chunk of [3, 7, 1000]) {
    const path = join(t.testdir({ log: 'a\nbb\nccc\ndddd\n' }), 'log')
    const follower = new Follower(path, { chunk })
    const seen: string[] = []
    for (let round = 0; round < 4; round++) {
      for (const line of follower.take()) {
        seen.push(line.bytes.toString())
        break
      }
    }
    t.same(seen, ['a', 'bb', 'ccc', 'dddd'])
    t.equal(follower.offset, 14)
    const later = new Follower(path, { from: 5, line: 2 })
    t.same(
      [...later.take()].map(line => line.number),
      [3, 4],
    )
  }
})

t.test('a follower gives empty lines of a text if asked to', async t => {
  const path = join(t.testdir({ out: 'a\n\n\nb\n\n' }), 'out')
  const lines = [...new Follower(path, { empty: true, chunk: 2 }).take()].map(line => [line.bytes.toString(), line.offset])
  t.same(lines, [
    ['a', 0],
    ['', 2],
    ['', 3],
    ['b', 4],
    ['', 6],
  ])
})

t.test('a follower gives a line without end in parts', async t => {
  const path = join(t.testdir({ out: `${'x'.repeat(25)}\ny\n${'z'.repeat(10)}` }), 'out')
  const follower = new Follower(path, { chunk: 5, longest: 10 })
  const seen = [...follower.take()].map(line => [line.bytes.length, line.offset, line.number, line.more])
  t.same(seen, [
    [10, 0, 1, true],
    [10, 10, 1, true],
    [5, 20, 1, false],
    [1, 26, 2, false],
    [10, 28, 3, true],
  ])
  t.match(follower.takeRest(), { number: 3, more: false, offset: 38 })
})

t.test('a follower begins again when the file became shorter', async t => {
  const path = join(t.testdir({ out: 'one\ntwo\nhalf' }), 'out')
  const follower = new Follower(path)
  t.equal([...follower.take()].length, 2)
  truncateSync(path, 0)
  appendFileSync(path, 'new\n')
  t.same(
    [...follower.take()].map(line => [line.bytes.toString(), line.number]),
    [['new', 1]],
  )
})

t.test('50 writers, some killed: no line is torn, fused or out of order, and none that was acknowledged is missing', async t => {
  const dir = t.testdir()
  const path = join(dir, 'log')
  const start = workers('store-worker', dir)
  const reader = new Follower(path)
  const followed: Record<string, number> = {}
  const running = Array.from({ length: 50 }, (_, n) => start('append', path, `w${n}`, '150'))
  const victims = running.filter((_, n) => n % 3 === 0)
  const killing = Promise.all(
    victims.map(async (worker, n) => {
      await until(() => worker.said().length > n * 8)
      worker.process.kill('SIGKILL')
    }),
  )
  const look = setInterval(() => {
    for (const line of reader.take()) {
      const { who, n } = parseLine(line.bytes) as { who: string; n: number }
      if (n !== (followed[who] ?? 0) + 1) t.fail(`reader: ${who} jumped to ${n}`)
      followed[who] = n
    }
  }, 5)
  t.teardown(() => clearInterval(look))
  await killing
  await Promise.all(running.map(worker => worker.ended))
  clearInterval(look)

  const last: Record<string, number> = {}
  let bad = 0
  scan(path, {}, line => {
    const event = parseLine(line) as { who: string; n: number } | undefined
    if (!event || event.n !== (last[event.who] ?? 0) + 1) bad += 1
    else last[event.who] = event.n
    return true
  })
  t.equal(bad, 0, 'every line is whole and in its writer’s order')
  t.equal(
    running.filter((worker, n) => (last[`w${n}`] ?? 0) < Number(worker.said().at(-1) ?? 0)).length,
    0,
    'what was acknowledged is there',
  )
  t.equal(running.filter((_, n) => last[`w${n}`] === 150).length >= 33, true)
})

t.test('a line that hangs on to one torn at that very moment is written again', async t => {
  const path = join(t.testdir({ log: 'whole\n' }), 'log')
  let others = ['tor', 'other\n']
  const writeSync = (fd: number, bytes: Buffer) => {
    const first = others.shift()
    if (first) fs.appendFileSync(path, first)
    return fs.writeSync(fd, bytes)
  }
  const mocked = await t.mockImport<typeof import('../../../lib/store/lines.js')>('../../../lib/store/lines.js', {
    'node:fs': { ...fs, writeSync },
  })
  const file = new mocked.Appender(path)
  file.append(['mine'])
  t.equal(fs.readFileSync(path, 'utf8'), 'whole\ntormine\nother\nmine\n')
  others = ['a whole line of another\n']
  file.append(['next'])
  file.append(['last'])
  file.close()
  t.equal(fs.readFileSync(path, 'utf8'), 'whole\ntormine\nother\nmine\na whole line of another\nnext\nlast\n')
})

t.test('a write that did not fit is a fault, and the next writer ends what it left', async t => {
  const path = join(t.testdir({ log: '' }), 'log')
  const writeSync = (fd: number, bytes: Buffer) => fs.writeSync(fd, bytes.subarray(0, 4))
  const mocked = await t.mockImport<typeof import('../../../lib/store/lines.js')>('../../../lib/store/lines.js', {
    'node:fs': { ...fs, writeSync },
  })
  const refusal = { exit: 5, message: /^cannot write '.*: no space left on device, 4 of 10 bytes fitted$/ }
  t.throws(() => mocked.appendLines(path, ['{"a":123}']), refusal)
  appendLines(path, ['{"b":1}'])
  t.same(linesOf(path), [
    ['{"a"', 0, 1],
    ['{"b":1}', 5, 2],
  ])
})

const disk = smallDisk()
t.test('a disk that is really full', { skip: !disk && 'a small tmpfs cannot be mounted here' }, async t => {
  if (!disk) return
  t.teardown(disk.unmount)
  const path = join(disk.folder, 'log')
  const line = JSON.stringify({ pad: 'x'.repeat(10_000) })
  const file = new Appender(path)
  let written = 0
  t.throws(
    () => {
      for (; written < 1000; written++) file.append([line])
    },
    { exit: 5, message: /^cannot write '.*log': no space left on device/ },
  )
  t.equal(linesOf(path).filter(([text]) => text === line).length, written, 'what was acknowledged is there')
  t.throws(() => replaceFile(join(disk.folder, 'file'), 'y'.repeat(100_000)), {
    exit: 5,
    message: /^cannot write '.*file': no space left on device$/,
  })
  t.throws(() => claim(join(disk.folder, 'claimed'), 'y'.repeat(100_000)), { exit: 5, message: /: / })
  t.throws(() => writeNew(join(disk.folder, 'new'), 'y'.repeat(100_000)), { exit: 5, message: /: / })
  t.same(fs.readdirSync(disk.folder).sort(), ['ballast', 'log'], 'no part of a file stays')
  fs.unlinkSync(join(disk.folder, 'ballast'))
  file.append(['{"after":true}'])
  file.close()
  t.equal(linesOf(path).at(-1)?.[0], '{"after":true}')
})
