import { spawn } from 'node:child_process'

export type ProgramEnd =
  | { readonly kind: 'exited'; readonly code: number; readonly stdout: string; readonly stderr: string }
  | { readonly kind: 'not_started'; readonly why: string }
  /** It did not end before the signal fired, and was killed with everything it started. */
  | { readonly kind: 'killed'; readonly why: string }

/** More than any sentence or line of JSON; what a program prints beyond it is read and thrown away, so that it never blocks. */
const KEPT_BYTES = 65_536
/** A background child may keep the program's output open for ever: what came until then is what counts. */
const OUTPUT_AFTER_EXIT_MS = 100

/**
 * Runs a program of the operator's. No shell: every argument arrives as it is. It gets a process group of its own, so that at the
 * deadline all of it can be killed, children included.
 */
export function runProgram(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<ProgramEnd> {
  const [file, ...args] = argv
  if (file === undefined) return Promise.resolve({ kind: 'not_started', why: 'no program is named' })
  if (signal.aborted) return Promise.resolve({ kind: 'killed', why: 'its deadline had passed before it was started' })
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const [stdout, stderr] = [tailOf(child.stdout), tailOf(child.stderr)]
    const settle = (end: ProgramEnd): void => {
      signal.removeEventListener('abort', kill)
      resolve(end)
    }
    const kill = (): void => {
      if (child.pid !== undefined) killGroup(child.pid)
      settle({ kind: 'killed', why: `${file} had not ended at its deadline and was killed` })
    }
    signal.addEventListener('abort', kill, { once: true })
    child.once('error', (error) => settle({ kind: 'not_started', why: `${file} cannot be started: ${error.message}` }))
    const exited = (code: number | null): void =>
      settle({ kind: 'exited', code: code ?? -1, stdout: stdout(), stderr: stderr() })
    child.once('close', exited)
    child.once('exit', (code) => setTimeout(() => exited(code), OUTPUT_AFTER_EXIT_MS).unref())
  })
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch {
    // Gone between its exit and our kill: that is what was wanted.
  }
}

function tailOf(stream: NodeJS.ReadableStream): () => string {
  let kept = Buffer.alloc(0)
  stream.on('data', (bytes: Buffer) => {
    kept = Buffer.concat([kept, bytes]).subarray(-KEPT_BYTES)
  })
  return () => kept.toString('utf8')
}
