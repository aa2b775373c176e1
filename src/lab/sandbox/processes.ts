/**
 * Server processes: started detached (they outlive the command that made the sandbox) and ended by process id only, after
 * a look at `/proc` that this id still is that server: an id may have been given to somebody else's process meanwhile.
 */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { SandboxError } from './error.ts'

export interface StartedProcess {
  readonly pid: number
  /** Resolves when the process has ended, with its exit code or the signal that ended it. */
  readonly ended: Promise<string>
}

/** Starts the command with its output appended to `logFile`. Does not wait for anything. */
export function startDetached(command: readonly [string, ...string[]], logFile: string): StartedProcess {
  const [program, ...args] = command
  const log = openSync(logFile, 'a')
  try {
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log] })
    if (child.pid === undefined) throw new SandboxError(`${program} could not be started`)
    const ended = new Promise<string>((resolve) => {
      child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
      child.once('error', (error) => resolve(error.message))
    })
    child.unref()
    return { pid: child.pid, ended }
  } finally {
    closeSync(log)
  }
}

/** `dying`: killed, but its files, locks and sockets are not all closed yet; another server could not take its place. */
export type Presence = 'ours' | 'dying' | 'gone'

/**
 * Whether that process exists and is the server of that data directory. A dying process has lost its command line already;
 * what is left at the end is a zombie with no second thread, which holds nothing any more.
 */
export function presenceOf(pid: number, dataDir: string): Presence {
  try {
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    if (commandLine !== '') return commandLine.split('\0').includes(`--datadir=${dataDir}`) ? 'ours' : 'gone'
    const state = /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]
    const isLastThread = readdirSync(`/proc/${pid}/task`).length <= 1
    return (state === 'Z' || state === 'X') && isLastThread ? 'gone' : 'dying'
  } catch {
    return 'gone'
  }
}

export const isOurs = (pid: number, dataDir: string): boolean => presenceOf(pid, dataDir) === 'ours'

/** Sends the signal if the process is still ours; false if it is gone. */
export function signalOurs(pid: number, dataDir: string, signal: NodeJS.Signals): boolean {
  if (!isOurs(pid, dataDir)) return false
  try {
    process.kill(pid, signal)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false
    throw error
  }
}

/** Waits until the process is gone with all it held; false if it is still there at the deadline. */
export async function untilGone(pid: number, dataDir: string, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs
  while (presenceOf(pid, dataDir) !== 'gone') {
    if (performance.now() > deadline) return false
    await sleep(3)
  }
  return true
}

/** Resident memory in MB, 0 when the process is gone. Source: `VmRSS` of /proc/<pid>/status. */
export async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024)
}
