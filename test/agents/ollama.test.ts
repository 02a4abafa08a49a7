// Models of an Ollama server, of which the model server plays the part: what every agent is put through.

import { AGENTS } from './agents.js'
import { runCases } from './cases.js'

await runCases(AGENTS.ollama)
