// What is known of programs: which run what follows them, and which change what others mean.

/** They run a text, or make other names mean something else in the same line: no rule but `bash` alone allows them. */
export const CHANGES_OTHERS: ReadonlySet<string> = new Set(
  `eval source . exec alias unalias trap enable hash complete compgen compopt bind fc mapfile readarray let declare typeset local
  readonly export read unset getopts set shopt coproc function integer float autoload zmodload emulate functions disable setopt unsetopt
  sched zle vared rehash limit ulimit umask wait select suspend logout`.split(/\s+/),
)

/** They run the command that follows, or a text given to them: a deny rule looks at what that is. */
export const RUNS_OTHERS: ReadonlySet<string> = new Set(
  `eval source . exec command builtin env sudo doas su runuser pkexec xargs parallel nohup nice ionice time timeout stdbuf setsid chroot
  watch strace ltrace unshare nsenter flock busybox toybox chrt taskset setarch script entr find fd fdfind ssh sh bash dash ash zsh ksh mksh fish
  noglob nocorrect - caffeinate trap coproc systemd-run firejail bwrap unbuffer expect proot fakeroot gosu setpriv capsh rlwrap
  direnv npx bunx pnpx at batch uv poetry pipenv tox gdb valgrind perf torsocks proxychains
  socat awk gawk mawk rg tar rsync`.split(/\s+/),
)

/** The shell runs what follows them as if they were not there. */
export const MODIFIERS: ReadonlySet<string> = new Set(['command', 'builtin', 'time', 'noglob', 'nocorrect', '-'])
