// The completion script for bash (3.2 and later).
//
// bash puts what it is given on the command line as it is, so every word is quoted here, in the way in which the word was
// begun: with backslashes, or for the inside of double or single quotes. No word is ever evaluated. `=` and `:` break words for
// bash; they are put together again, and what bash has already is taken off the answer.

import { type FlagSpot, flagsBelow, type Meant, type Spot } from './complete.js'
import { quoteForShell } from './shell.js'

/** The script. `programs` are the names by which it is to be called. */
export function bashScript(spots: readonly Spot[], programs: readonly string[]): string {
  const names = programs.join(' ')
  return `# bash completion for zag, made by zag-completion from what its programs say of themselves.
# shellcheck shell=bash

# What may stand at a place: zag itself, a program, or one of its commands.
__zag_at() {
  children='' fallback='' flags='' values=' ' operand='' after=''
  case $1 in
${spots.map(spot => placeCase(spot, spots)).join('\n')}
  esac
}

${FIXED}
complete -o nosort -F _zag ${names} 2>/dev/null || complete -F _zag ${names}
`
}

function placeCase(spot: Spot, spots: readonly Spot[]): string {
  const below = spot.children.length > 0 ? flagsBelow(spots, spot.path) : spot.flags
  const set = {
    children: spot.children.map(({ word }) => word).join(' '),
    fallback: spot.fallback ?? '',
    flags: spot.flags.flatMap(({ spelt }) => spelt).join(' '),
    values: ` ${below
      .filter(({ valued }) => valued)
      .flatMap(valueWords)
      .join(' ')} `,
    operand: meantWord(spot.operand),
    after: spot.after ? meantWord(spot.after) : '',
  }
  const parts = Object.entries(set).filter(([, value]) => value.trim() !== '')
  return `    ${quoteForShell(spot.path)})${parts.map(([name, value]) => `\n      ${name}=${quoteForShell(value)}`).join('')}\n      ;;`
}

function valueWords({ spelt, ...meant }: FlagSpot): string[] {
  return spelt.map(flag => `${flag}=${meantWord(meant)}`)
}

/** A kind, or choices with bars between them. */
function meantWord({ kind, choices }: Meant): string {
  return kind === 'choice' ? choices.map(choice => `|${choice}`).join('') : kind
}

const FIXED = `# The text that a word stands for as far as it is typed.
__zag_plain() {
  local typed=$1 quote='' char
  plain=''
  while [ -n "$typed" ]; do
    char=\${typed:0:1} typed=\${typed:1}
    case $quote$char in
      \\\\) plain+=\${typed:0:1} typed=\${typed:1} ;;
      \\' | \\") quote=$char ;;
      \\'\\' | \\"\\") quote='' ;;
      \\"\\\\) case \${typed:0:1} in
        [\\"\\\\\\$\\\`]) plain+=\${typed:0:1} typed=\${typed:1} ;;
        *) plain+=$char ;;
      esac ;;
      *) plain+=$char ;;
    esac
  done
}

# Offers a word if it begins with what is typed, quoted as that is.
__zag_offer() {
  local word=$1
  [[ $word == "$plain"* ]] || return 0
  case $style in
    \\")
      word=\${word//\\\\/\\\\\\\\} word=\${word//\\"/\\\\\\"}
      word=\${word//\\$/\\\\\\$} word=\${word//\\\`/\\\\\\\`}
      ;;
    \\') word=\${word//\\'/\\'\\\\\\'\\'} ;;
    *) if [[ $word == *[!A-Za-z0-9_.,:@%+/-]* ]]; then printf -v word %q "$word"; fi ;;
  esac
  [[ $word == "$before"* ]] || return 0
  COMPREPLY+=("$front\${word#"$before"}")
}

# Offers all words of a kind.
__zag_kind() {
  local word
  case $1 in
    '' | none) ;;
    '|'*)
      local IFS='|'
      for word in \${1#|}; do __zag_offer "$word"; done
      ;;
    file | folder | command)
      local how=-f
      [ "$1" = folder ] && how=-d
      if [ "$1" = command ]; then how=-c; else compopt -o filenames 2>/dev/null; fi
      while IFS= read -r word; do
        COMPREPLY+=("$front\${word#"$before"}")
      done < <(compgen "$how" -- "$plain")
      ;;
    *)
      while IFS=$'\\t' read -r word _; do
        __zag_offer "$word"
      done < <(zag-completion words "$1" -- "$plain" 2>/dev/null </dev/null)
      ;;
  esac
}

# The kind of the value that a flag takes; fails for one that takes none.
__zag_value() {
  [[ $values == *" $1="* ]] || return 1
  kind=\${values#*" $1="}
  kind=\${kind%% *}
}

# Whether the next word is the value of this flag, or of the last of these letters.
__zag_takes_next() {
  local kind i
  case $1 in
    --*) __zag_value "$1" ;;
    *)
      for ((i = 1; i < \${#1}; i++)); do
        __zag_value "-\${1:i:1}" && break
      done
      ((i == \${#1} - 1))
      ;;
  esac
}

# The words up to the cursor, put together where bash took them apart, in typed; lead is what bash has of the last one.
__zag_typed() {
  local line=\${COMP_LINE-} i last=0 word glued
  line=\${line:0:\${COMP_POINT:-\${#line}}}
  lead=''
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]-} glued=''
    if [ -z "\${COMP_LINE-}" ]; then
      [[ $word == [=:]* || ($i -gt 0 && \${COMP_WORDS[i - 1]} == *[=:]) ]] && glued=1
    else
      [[ $line == [[:space:]]* ]] || glued=1
      line=\${line#"\${line%%[![:space:]]*}"}
      ((i == COMP_CWORD)) && word=$line
      line=\${line#"$word"}
    fi
    if ((i > 1)) && [ -n "$glued" ]; then
      lead=\${typed[last]}
      if ((i == COMP_CWORD)) && [[ $word == *[=:] ]]; then lead+=$word; fi
      typed[last]+=$word
    else
      last=$i lead=''
      typed[last]=$word
    fi
  done
  typed=("\${typed[@]}")
}

_zag() {
  local children fallback flags values operand after
  local place='' skip='' dashes='' plain='' style='' before='' front='' lead='' kind='' word i
  local -a typed=()
  COMPREPLY=()
  __zag_typed
  word=\${typed[0]##*/}
  [ "$word" = zag ] || place=\${word#zag-}
  __zag_at "$place"
  for ((i = 1; i < \${#typed[@]} - 1; i++)); do
    word=\${typed[i]}
    if [ -n "$skip" ]; then
      skip=''
    elif [ -n "$dashes" ]; then
      continue
    elif [ "$word" = -- ]; then
      dashes=$i
    elif [[ $word == -?* ]]; then
      if __zag_takes_next "$word"; then skip=$word; fi
    elif [ -n "$children" ]; then
      if [[ " $children " == *" $word "* ]]; then place=$place\${place:+/}$word; else place=$place/$fallback; fi
      __zag_at "$place"
    fi
  done
  word=\${typed[i]-}
  if [ -n "$skip" ]; then
    # The value of a letter that stands last among several is that of the letter.
    case $skip in --*) ;; *) skip=-\${skip: -1} ;; esac
    __zag_value "$skip"
  elif [ -z "$dashes" ] && [[ $word == --*=* ]]; then
    __zag_value "\${word%%=*}" || return 0
    [ -n "$lead" ] || front=\${word%%=*}=
    lead=\${lead#"\${word%%=*}"} lead=\${lead#=} word=\${word#*=}
  elif [ -z "$dashes" ] && [[ $word == -* ]]; then
    __zag_plain "$word"
    for word in $flags; do __zag_offer "$word"; done
    return 0
  elif [ -n "$dashes" ] && [ -n "$after" ]; then
    kind=$after
    if [ "$kind" = command ] && ((i > dashes + 1)); then kind='file'; fi
  else
    kind=$operand
  fi
  before=$lead
  case \${word#"$lead"} in \\"*) style=\\" ;; \\'*) style=\\' ;; esac
  __zag_plain "$word"
  if [ -z "$skip$dashes" ] && [ -n "$children" ] && [[ \${typed[i]-} != -* ]]; then
    for word in $children; do __zag_offer "$word"; done
  fi
  __zag_kind "$kind"
}
`
