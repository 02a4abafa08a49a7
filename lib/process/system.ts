// The processes of this machine, whichever system it has.

import type { System } from './entry.js'
import { linux } from './linux.js'
import { macos } from './macos.js'

export const system: System = process.platform === 'darwin' ? macos : linux
