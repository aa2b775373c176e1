/** What the daemon tells of itself, as lines of the structured log. */
import pino from 'pino'
import { named } from './model/naming.ts'
import type { DaemonEvent } from './run/daemon/index.ts'

export type Told = Exclude<DaemonEvent, { readonly kind: 'cycle' }>
export type Level = 'info' | 'warn' | 'error'
export type LogFacts = Readonly<Record<string, unknown>>

export interface LogLine {
  readonly level: Level
  readonly message: string
  readonly facts: LogFacts
}

/** Where a line is about: the cluster as people call it, and the addresses of its servers by their ids. */
export interface LogPlace {
  readonly alias: string
  readonly names: Readonly<Record<string, string>>
}

/**
 * One line per decision; the steady state is silent. Each row names the fields that it prints: plans, steps and readings hold whole
 * servers, and what is not named here never reaches a log.
 */
const LINES: {
  readonly [K in Told['kind']]: (event: Extract<Told, { readonly kind: K }>) => readonly [Level, string, LogFacts]
} = {
  verdict: ({ diagnosis: { primary }, tookMs }) => [
    'info',
    'verdict',
    { verdict: primary.verdict, row: primary.row, because: primary.because, tookMs },
  ],
  step: ({ id, event }) => [
    'info',
    `step ${event.state}`,
    {
      recovery: id,
      step: event.step.id,
      outcome: event.outcome?.kind,
      says: event.outcome?.says,
      tookMs: event.tookMs,
    },
  ],
  plan: ({ id, plan }) => [
    'info',
    'plan',
    { recovery: id, act: plan.act, steps: plan.steps.length, because: plan.because, risks: plan.risks },
  ],
  recovery_began: ({ id, what, because }) => ['warn', 'recovery began', { recovery: id, what, because }],
  question: ({ id, differs }) => ['warn', 'asked again', { recovery: id, differs: differs.map((d) => d.says) }],
  answered: ({ id, answer }) => ['warn', 'answered', { recovery: id, answer }],
  recovery_ended: ({ id, state, says }) => ['warn', 'recovery ended', { recovery: id, state, says }],
  refused: ({ what, reasons }) => ['warn', 'refused', { what, reasons }],
  trouble: ({ says }) => ['error', 'trouble', { says }],
}

/** Lines of JSON with the time in ISO form, to standard output unless told otherwise. */
export function openLog(version: string, to?: pino.DestinationStream): pino.Logger {
  const options = { base: { version }, timestamp: pino.stdTimeFunctions.isoTime }
  return to === undefined ? pino(options) : pino(options, to)
}

/** Whoever reads a log at night knows servers by their addresses. Neither ids nor addresses hold what JSON would escape. */
export function lineOf(event: Told, { alias, names }: LogPlace): LogLine {
  const line = LINES[event.kind] as (event: Told) => readonly [Level, string, LogFacts]
  const [level, message, facts] = line(event)
  return { level, message, facts: JSON.parse(named(JSON.stringify({ cluster: alias, ...facts }), names)) }
}
