// Gemini, the real program, against a model server: what every agent is put through.

import { AGENTS } from './agents.js'
import { runCases } from './cases.js'

await runCases(AGENTS.gemini)
