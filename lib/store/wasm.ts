// Functions over bytes written down as WebAssembly, for loops that look at 16 of them at once. Each name makes the bytes of one
// instruction and of what it works on; a function has a memory of its own, and its parameters and result are 32-bit integers.
//
// Where there is no WebAssembly, or none with vectors, machine() gives nothing, and the caller does without: slowly and right.

export type Code = number[]

/** A function and its memory. */
export interface Machine {
  memory: { buffer: ArrayBuffer; grow(pages: number): number }
  run(...args: number[]): number
}

/** The part of WebAssembly used here, which the types of Node leave out. */
interface Wasm {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object) => { exports: Machine }
}

export interface Program {
  parameters: number
  /** Further variables: first integers, then vectors. */
  integers: number
  vectors: number
  /** Pages of 64 KiB that the memory has at first. */
  pages: number
  body: Code
}

const compiled = new WeakMap<Program, object>()

/** A machine of the program; nothing where it cannot run. */
export function machine(program: Program): Machine | undefined {
  try {
    const { Module, Instance } = (globalThis as unknown as { WebAssembly: Wasm }).WebAssembly
    const module = compiled.get(program) ?? new Module(new Uint8Array(bytesOf(program)))
    compiled.set(program, module)
    return new Instance(module).exports
  } catch {
    // The caller has another way.
    return undefined
  }
}

/** The module: one function, and the memory it looks at. */
function bytesOf({ parameters, integers, vectors, pages, body }: Program): Code {
  const [I32, V128] = [0x7f, 0x7b]
  const sized = (part: Code): Code => [...unsigned(part.length), ...part]
  const named = (name: string, ...what: Code): Code => [...sized([...Buffer.from(name)]), ...what]
  const section = (id: number, part: Code): Code => [id, ...sized(part)]
  const locals = [2, integers, I32, vectors, V128]
  return [
    [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    section(1, [1, 0x60, ...sized(Array<number>(parameters).fill(I32)), 1, I32]),
    section(3, [1, 0]),
    section(5, [1, 0, ...unsigned(pages)]),
    section(7, [2, ...named('memory', 2, 0), ...named('run', 0, 0)]),
    section(10, [1, ...sized([...locals, ...body, 0x0b])]),
  ].flat()
}

export const local = (n: number): Code => [0x20, n]
export const set = (n: number, value: Code): Code => [...value, 0x21, n]
export const constant = (n: number): Code => {
  const bytes: Code = [0x41]
  for (let left = n; ; left >>= 7) {
    if (left < 64) return [...bytes, left]
    bytes.push((left & 0x7f) | 0x80)
  }
}
export const add = (a: Code, b: Code): Code => [...a, ...b, 0x6a]
export const sub = (a: Code, b: Code): Code => [...a, ...b, 0x6b]
export const and = (a: Code, b: Code): Code => [...a, ...b, 0x71]
export const or = (a: Code, b: Code): Code => [...a, ...b, 0x72]
export const shiftedRight = (a: Code, b: Code): Code => [...a, ...b, 0x76]
export const ones = (a: Code): Code => [...a, 0x69]
export const lowestBit = (a: Code): Code => [...a, 0x68]
export const below = (a: Code, b: Code): Code => [...a, ...b, 0x49]
export const differ = (a: Code, b: Code): Code => [...a, ...b, 0x47]
export const not = (a: Code): Code => [...a, 0x45]
export const byteAt = (address: Code, offset = 0): Code => [...address, 0x2d, 0, ...unsigned(offset)]
export const sixteenAt = (address: Code, offset = 0): Code => [...address, 0xfd, 0, 0, ...unsigned(offset)]
export const all = (value: Code): Code => [...value, 0xfd, 0x0f]
export const same = (a: Code, b: Code): Code => [...a, ...b, 0xfd, 0x23]
export const both = (a: Code, b: Code): Code => [...a, ...b, 0xfd, 0x4e]
export const butNot = (a: Code, b: Code): Code => [...a, ...b, 0xfd, 0x4f]
export const either = (a: Code, b: Code): Code => [...a, ...b, 0xfd, 0x50]
export const bits = (a: Code): Code => [...a, 0xfd, 0x64]
export const block = (...body: Code[]): Code => [0x02, 0x40, ...body.flat(), 0x0b]
export const loop = (...body: Code[]): Code => [0x03, 0x40, ...body.flat(), 0x0b]
export const when = (condition: Code, ...body: Code[]): Code => [...condition, 0x04, 0x40, ...body.flat(), 0x0b]
export const leaveIf = (condition: Code, depth: number): Code => [...condition, 0x0d, depth]
export const again = (depth: number): Code => [0x0c, depth]
export const give = (value: Code): Code => [...value, 0x0f]
const unsigned = (n: number): Code => (n < 128 ? [n] : [(n & 0x7f) | 0x80, ...unsigned(n >>> 7)])
export const char = (c: string): Code => all(constant(c.charCodeAt(0)))
