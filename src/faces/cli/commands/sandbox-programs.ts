/**
 * Regent's own programs that serve a sandbox: its proxy, which outlives whoever started it, and a `regent watch`. Known by the
 * configuration that their command lines name, which is this sandbox's and nobody else's; ended by process id.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Program {
  readonly pid: number
  readonly kind: 'proxy' | 'watch'
}

/** Those that run on the configuration at this path, as /proc shows them. */
export function programsOn(config: string): readonly Program[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      const kind = kindOf(Number(name), config)
      return kind === undefined ? [] : [{ pid: Number(name), kind }]
    })
}

function kindOf(pid: number, config: string): Program['kind'] | undefined {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    const named = configIn(words)
    if (named === undefined || resolve(readlinkSync(`/proc/${pid}/cwd`), named) !== config) return undefined
    if (words.includes('watch')) return 'watch'
    return words.includes('proxy') && words.includes('run') ? 'proxy' : undefined
  } catch {
    // Gone, or somebody else's.
    return undefined
  }
}

function configIn(words: readonly string[]): string | undefined {
  const at = words.indexOf('--config')
  return at >= 0 ? words[at + 1] : words.find((word) => word.startsWith('--config='))?.slice('--config='.length)
}

/** First asked, then killed: a frozen one does not hear. True once it is gone. */
export async function endProgram(pid: number, config: string, withinMs: number): Promise<boolean> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (kindOf(pid, config) === undefined) return true
    send(pid, signal)
    const deadline = performance.now() + withinMs
    while (kindOf(pid, config) !== undefined && performance.now() < deadline) await sleep(10)
  }
  return kindOf(pid, config) === undefined
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
