// A scene on a small disk of its own, for what happens when there is no room or nothing may be written.

import { execFileSync, spawnSync } from 'node:child_process'
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { smallDisk } from '../fixtures/disk.js'
import { until } from '../help/run.js'
import { Scene } from './scene.js'

const KIB = 1024

/** Why there can be no disk here, or false. */
export const noRoot = process.getuid?.() === 0 ? false : 'only root may mount a disk and be another user'
const probe = smallDisk()
probe?.unmount()
export const noDisk = noRoot || (probe ? false : 'a tmpfs cannot be mounted here')

/** A scene on a disk of its own. */
export function onDisk(t: Test): { scene: Scene; folder: string; leave(free: number): void; remount(option: string): Promise<unknown> } {
  const disk = smallDisk()
  if (!disk) throw new Error('a tmpfs could be mounted a moment ago')
  const { folder, unmount } = disk
  const scene = new Scene(t, folder)
  t.teardown(unmount)
  return {
    scene,
    folder,
    /** Fills the disk, but for so many bytes. */
    leave(free) {
      const ballast = join(folder, 'ballast')
      truncateSync(ballast)
      const left = Number(execFileSync('stat', ['-f', '-c', '%f', folder])) * 4 * KIB
      writeFileSync(ballast, Buffer.alloc(Math.max(0, left - free)))
    },
    /** A runner that is just ending keeps the disk busy for a moment. */
    remount: option => until(() => spawnSync('mount', ['-o', `remount,${option}`, folder]).status === 0),
  }
}
