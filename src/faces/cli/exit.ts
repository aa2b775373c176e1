import { type ExitCode, type Problem, ProblemError } from '../../model/problem.ts'
import type { Out, Output } from './print.ts'
import type { Painter } from './table.ts'

export interface ProblemPrinting {
  readonly err: Out
  readonly paint: Painter
  /** With JSON asked for, problems are JSON too, one per line. */
  readonly output?: Output
}

/** What happened and what to try, two lines each; the exit code of the first problem. */
export function printProblems(problems: readonly Problem[], { err, paint, output }: ProblemPrinting): ExitCode {
  const asJson = output?.kind === 'format' && output.format === 'json'
  for (const { code, says, tryThis, exit } of problems) {
    if (asJson) err(`${JSON.stringify({ problem: code, says, tryThis, exit })}\n`)
    else err(`${paint('red', 'regent:')} ${says}\n${paint('dim', '   try:')} ${tryThis}\n`)
  }
  return problems[0]?.exit ?? 1
}

/**
 * The end of a command that threw. A `ProblemError` is for people; anything else is a fault of Regent's own, told with its stack,
 * because hiding it would leave nobody anything to go by.
 */
export function printThrown(thrown: unknown, printing: ProblemPrinting): ExitCode {
  if (thrown instanceof ProblemError) return printProblems([thrown.problem, ...thrown.others], printing)
  const told = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
  printing.err(
    `${printing.paint('red', 'regent:')} this is a fault of Regent itself; please report it with these lines\n${told}\n`,
  )
  return 1
}
