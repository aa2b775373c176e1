import { readFileSync, readlinkSync } from 'node:fs'

/** A process, as another one of the same machine can recognise it. '' where this system does not tell. */
export interface ProcessMark {
  /** Changes at every boot: deadlines and pids of another boot mean nothing. */
  readonly boot: string
  /** Pids of another namespace cannot be looked up from here. */
  readonly pidNamespace: string
  readonly pid: number
  /** Start time in ticks since boot: tells a process from a later one with the same pid. */
  readonly started: string
}

export function thisProcess(): ProcessMark {
  return {
    boot: quietly(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()) ?? '',
    pidNamespace: quietly(() => readlinkSync('/proc/self/ns/pid')) ?? '',
    pid: process.pid,
    started: statOf(process.pid)?.started ?? '',
  }
}

/** True only where it is certain that the process behind `mark` can do nothing any more: another boot, ended, or a zombie. */
export function isGone(mark: ProcessMark, me: ProcessMark): boolean {
  if (mark.boot === '' || me.boot === '') return false
  if (mark.boot !== me.boot) return true
  if (mark.pidNamespace === '' || mark.pidNamespace !== me.pidNamespace) return false
  const stat = statOf(mark.pid)
  // A process of another user may be hidden in /proc (hidepid): only the kernel's own "no such process" counts then.
  if (stat === undefined) return !exists(mark.pid)
  if (stat.state === 'Z' || stat.state === 'X') return true
  return mark.started !== '' && stat.started !== mark.started
}

/** proc(5): state is field 3, starttime field 22; the name before them, in parentheses, may hold anything. */
function statOf(pid: number): { readonly state: string; readonly started: string } | undefined {
  const stat = quietly(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  if (stat === undefined) return undefined
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0] ?? '', started: fields[19] ?? '' }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH')
  }
}

function quietly<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
