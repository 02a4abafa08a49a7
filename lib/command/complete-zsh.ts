// The completion script for zsh (5.0 and later).
//
// Flags are told to _arguments as zsh wants them, with their help; words of sessions go to compadd as arrays, which quotes
// what it inserts. No word is ever evaluated.

import { type FlagSpot, flagsBelow, type Meant, type Spot } from './complete.js'
import { quoteForShell } from './shell.js'

/** The script: a file for fpath, and to be read by `source` as well. `programs` are the names by which it is to be called. */
export function zshScript(spots: readonly Spot[], programs: readonly string[]): string {
  const names = programs.join(' ')
  return `#compdef ${names}
# zsh completion for zag, made by zag-completion from what its programs say of themselves.

# What there is below a place: zag itself, or a program with commands. Flags in valued take the next word.
_zag_below() {
  children=() fallback= valued=
  case $1 in
${spots
  .filter(({ children }) => children.length > 0)
  .map(spot => belowCase(spot, spots))
  .join('\n')}
  esac
}

# The flags and words of a place.
_zag_at() {
  case $1 in
${spots.map(atCase).join('\n')}
  esac
}

${FIXED}
if [[ \${zsh_eval_context[-1]} == loadautofunc ]]; then
  _zag "$@"
else
  compdef _zag ${names}
fi
`
}

function belowCase(spot: Spot, spots: readonly Spot[]): string {
  const valued = flagsBelow(spots, spot.path).flatMap(flag => (flag.valued ? flag.spelt : []))
  const children = spot.children.map(({ word, does }) => `      ${quoteForShell(`${word}:${does}`)}`)
  const set = [`      fallback=${quoteForShell(spot.fallback ?? '')}`, `      valued=${quoteForShell(` ${valued.join(' ')} `)}`]
  return [`    ${quoteForShell(spot.path)}) children=(`, ...children, '      )', ...set, '      ;;'].join('\n')
}

function atCase({ path, flags, operand, after }: Spot): string {
  const specs = [...flags.flatMap(specsOf), ...(operand.kind === 'none' ? [] : [`*:${labelOf(operand)}:${action(operand)}`])]
  const dashes = after ? `_zag_after ${after.kind} && return\n      ` : ''
  return `    ${quoteForShell(path)})\n      ${dashes}_arguments -s -S : \\\n${specs.map(spec => `        ${quoteForShell(spec)}`).join(' \\\n')}\n      ;;`
}

/** One for each spelling; each keeps the other from being offered again. */
function specsOf(flag: FlagSpot): string[] {
  const { spelt, does, valued, repeated, placeholder } = flag
  const once = repeated ? '*' : spelt.length > 1 ? `(${spelt.join(' ')})` : ''
  const value = valued ? `:${escaped(placeholder)}:${action(flag)}` : ''
  return spelt.map(word => `${once}${word}${valued ? (word.startsWith('--') ? '=' : '+') : ''}[${escaped(does)}]${value}`)
}

function labelOf({ kind }: Meant): string {
  return kind === 'choice' ? 'word' : kind
}

function action({ kind, choices }: Meant): string {
  if (kind === 'none') return ' '
  if (kind === 'choice') return `(${choices.join(' ')})`
  if (kind === 'file') return '_files'
  if (kind === 'folder') return '_files -/'
  return kind === 'command' ? '_command_names -e' : ` _zag_words ${kind}`
}

function escaped(text: string): string {
  return text.replace(/[\\:[\]]/g, '\\$&')
}

const FIXED = `# Offers the words of a kind, each with what is said of it, in the order in which they come.
_zag_words() {
  local line
  local -a found shown expl
  for line in "\${(@f)$(zag-completion words $1 -- "\${(Q)PREFIX}" 2>/dev/null </dev/null)}"; do
    [[ -n $line ]] || continue
    found+=("\${line%%$'\\t'*}")
    if [[ $line == *$'\\t'?* ]]; then
      shown+=("\${(r:20:)line%%$'\\t'*}  \${line#*$'\\t'}")
    else
      shown+=("$line")
    fi
  done
  (( $#found )) || return 1
  _wanted -V "$1" expl "$1" compadd -l -d shown -a found
}

# What follows --, if the cursor is there.
_zag_after() {
  local at=\${words[(i)--]}
  (( at < CURRENT )) || return 1
  if [[ $1 == command ]]; then
    shift $at words
    (( CURRENT -= at ))
    _normal
  fi
  return 0
}

# Goes down from a place as far as the words say, and completes there.
_zag_go() {
  local place=$1 fallback valued word
  local -a children
  local -i i at
  while _zag_below "$place"; (( $#children )); do
    at=0
    for (( i = 2; i < CURRENT; i++ )); do
      word=\${words[i]}
      [[ $word == -- ]] && break
      if [[ $word != -?* ]]; then
        at=i
        break
      fi
      [[ $valued == *" $word "* ]] && (( i++ ))
    done
    if (( at == 0 && i == CURRENT )) && [[ $PREFIX != -* ]]; then
      _describe -t commands command children
      [[ -n $fallback ]] && _zag_at "$place"
      return
    fi
    (( at )) || break
    if (( \${children[(I)$word:*]} )); then
      words[at]=()
      (( CURRENT-- ))
      place+=\${place:+/}$word
    elif [[ -n $fallback ]]; then
      place+=/$fallback
      break
    else
      return 1
    fi
  done
  _zag_at "$place"
}

_zag() {
  local name=\${words[1]:t}
  _zag_go "\${\${name#zag}#-}"
}
`
