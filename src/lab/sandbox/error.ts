import { ProblemError, problem } from '../../model/problem.ts'

interface Why {
  readonly tryThis?: string
  readonly code?: 'sandbox_failed' | 'installation_missing'
  readonly cause?: unknown
}

/** Something that the person who asked for a sandbox can put right: `tryThis` is a command or a setting. */
export class SandboxError extends ProblemError {
  constructor(what: string, why: Why = {}) {
    const fix = why.tryThis ?? 'end it and start another: regent sandbox down, regent sandbox up'
    super(
      problem(why.code ?? 'sandbox_failed', { what, fix }),
      why.cause === undefined ? undefined : { cause: why.cause },
    )
    this.name = 'SandboxError'
  }
}
