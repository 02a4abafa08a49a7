// Packages that only the benchmark needs: acpx, and Node in other versions than the one that runs it. They have a lock of their own in
// scripts/bench/peers, and `npm run bench` installs them there; without them their rows say so.

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { installed } from './place.js'

const MODULES = join(import.meta.dirname, '../../scripts/bench/peers/node_modules')
const AGENTS = join(import.meta.dirname, '../../test/agents')

/** The program of acpx, which runs under Node 22 and later only. */
export const ACPX = join(MODULES, 'acpx/dist/cli.js')

/** A Node that programs can be run with. */
export interface Node {
  /** Such as `Node 22`. */
  name: string
  path: string
}

const major = (version: string) => Number(/\d+/.exec(version)?.[0])

/** The Node of this process. */
export const OWN: Node = { name: `Node ${major(process.version)}`, path: process.execPath }

/** This one, and the packages of other versions that are installed, oldest first. */
export function nodes(): Node[] {
  const others = [20, 22, 24]
    .filter(version => version !== major(process.version))
    .map(version => ({ name: `Node ${version}`, path: join(MODULES, `node${version}/bin/node`) }))
    .filter(({ path }) => existsSync(path))
  return [OWN, ...others].sort((a, b) => major(a.name) - major(b.name))
}

/** What acpx can be run with, if it is installed. */
export function nodeForAcpx(): Node | undefined {
  return existsSync(ACPX) ? nodes().findLast(({ name }) => major(name) >= 22) : undefined
}

/** An environment in which `node` is that one. */
export function under({ path }: Node, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, PATH: `${dirname(path)}${delimiter}${env.PATH}` }
}

/** The versions of all that was measured, as they tell them. */
export function versions(): string[] {
  const others = nodes()
    .filter(node => node !== OWN)
    .map(({ path }) => said([path, '--version']))
  const told = [['bash'], ['tail'], ['grep'], ['xargs'], ['parallel'], ['tsp', '-V']].map(([program = '', flag = '--version']) =>
    said([program, flag]),
  )
  return [...others.map(version => `Node ${version}`), versionOf(MODULES, 'acpx'), ...told, nq(), ...agents()].filter(text => text !== '')
}

/** nq does not tell its version; the system may know what it installed. */
function nq(): string {
  if (!installed('nq')) return ''
  return said(['dpkg-query', '-W', 'nq']).replace('\t', ' ') || 'nq, version unknown'
}

/** The packages of the agents that are installed. */
function agents(): string[] {
  const { dependencies } = JSON.parse(readFileSync(join(AGENTS, 'package.json'), 'utf8'))
  return Object.keys(dependencies).map(name => versionOf(join(AGENTS, 'node_modules'), name))
}

/** Nothing if it is not installed. */
function versionOf(modules: string, name: string): string {
  const file = join(modules, name, 'package.json')
  return existsSync(file) ? `${name} ${JSON.parse(readFileSync(file, 'utf8')).version}` : ''
}

/** The first line of what a program prints, without the words behind its version. */
function said([program = '', ...args]: string[]): string {
  const { stdout } = spawnSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  return (/^.*?\d[\w.-]*/.exec(stdout ?? '')?.[0] ?? '').trim()
}
