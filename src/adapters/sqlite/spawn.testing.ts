import { type ChildProcess, spawn } from 'node:child_process'
import { until } from './world.testing.ts'

export interface Child extends AsyncDisposable {
  readonly process: ChildProcess
  readonly lines: readonly string[]
  /** Waits for a line that begins so. */
  line(start: string): Promise<string>
  /** Resolves with its code, or undefined where a signal ended it. */
  readonly exited: Promise<number | undefined>
  /** SIGKILL, and seen gone. */
  kill(): Promise<void>
}

const SCRIPT = new URL('./child.testing.ts', import.meta.url).pathname

/** `uid`: as that user, where the test may choose one. */
export function child(args: readonly string[], options: { readonly uid?: number } = {}): Child {
  const started = spawn(process.execPath, [SCRIPT, ...args], { stdio: ['ignore', 'pipe', 'inherit'], ...options })
  const lines: string[] = []
  let rest = ''
  started.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
  })
  const exited = new Promise<number | undefined>((resolve) =>
    started.once('close', (code) => resolve(code ?? undefined)),
  )
  const kill = async (): Promise<void> => {
    started.kill('SIGKILL')
    await exited
  }
  return {
    process: started,
    lines,
    line: (start) => until(() => lines.find((line) => line.startsWith(start))),
    exited,
    kill,
    [Symbol.asyncDispose]: kill,
  }
}
