/** A route that is kept by the operator's own programs: one withdraws, one announces, one reads back. */
import type { ClusterId } from '../../model/ids.ts'
import { readLine, readSessionsCount } from '../../model/proxy-control.ts'
import { acceptRoute, printOrdinal, type RouteMessage, readRouteMessage, sameRoute } from '../../model/route.ts'
import type { Announcer, Confirmation, RouteReading, SessionsClosed } from '../../ports/announcers.ts'
import { type ProgramEnd, runProgram } from './program.ts'

/** Each an argument vector, run without a shell. `{host}`, `{port}` and `{cluster}` are replaced within one argument. */
export interface CommandRoute {
  readonly cluster: ClusterId
  readonly withdraw: readonly string[]
  readonly announce: readonly string[]
  /**
   * Prints one line of JSON: `{"kind":"open","host":…,"port":…,"epoch":…,"number":…}` or `{"kind":"withdrawn","epoch":…,"number":…}`,
   * with `"sessions":n` where it can count them; `{}` where nobody has told it a route yet. Absent: nothing it is told can be proven.
   */
  readonly read?: readonly string[]
  /** Closes all client sessions of the route, at once; prints `{"closed":n,"remaining":n}`. */
  readonly closeSessions?: readonly string[]
}

const UNKNOWN_CLOSING: SessionsClosed = { closed: 0, remaining: 1 }

export function commandAnnouncer(name: string, route: CommandRoute): Announcer {
  const { closeSessions } = route
  const announcer: Announcer = {
    name,
    can: { hold: false },
    withdraw: (message, signal) => inOrder(route, message, signal),
    announce: (message, signal) => inOrder(route, message, signal),
    read: (signal) => read(route, signal),
  }
  if (!closeSessions) return announcer
  return {
    ...announcer,
    closeSessions: async (_how, signal) => {
      const end = await runProgram(filled(closeSessions, route, undefined), environment(route, undefined), signal)
      return (
        (end.kind === 'exited' && end.code === 0 ? readSessionsCount(lastJson(end.stdout)) : undefined) ??
        UNKNOWN_CLOSING
      )
    },
  }
}

/**
 * A program keeps no order by itself: what it has is read first, so that neither a late announcement nor a late withdrawal (of a
 * Regent that was frozen, and replaced) overwrites a newer one.
 */
async function inOrder(route: CommandRoute, message: RouteMessage, signal: AbortSignal): Promise<Confirmation> {
  if (!route.read) return tell(route, message, signal)
  const has = await read(route, signal)
  if (has.kind === 'unknown') return { kind: 'unreachable', why: `before anything was changed: ${has.why}` }
  const verdict = acceptRoute(has.kind === 'known' ? has.message : undefined, message)
  if (verdict === 'accepted' || verdict === 'same' || has.kind !== 'known') return tell(route, message, signal)
  return { kind: 'refused', why: `it already has ${printOrdinal(has.message)} (${verdict})`, has: has.message }
}

async function tell(route: CommandRoute, message: RouteMessage, signal: AbortSignal): Promise<Confirmation> {
  const argv = message.kind === 'open' ? route.announce : route.withdraw
  const end = await runProgram(filled(argv, route, message), environment(route, message), signal)
  const trouble = troubleOf(end)
  if (trouble) return trouble
  if (!route.read) return { kind: 'unproven', why: 'no read command is configured for this route' }
  const seen = await read(route, signal)
  if (seen.kind === 'unknown') return { kind: 'unreachable', why: `it was told, but not read back: ${seen.why}` }
  if (seen.kind === 'empty') return { kind: 'refused', why: 'read back, it has no route at all' }
  if (sameRoute(seen.message, message))
    return { kind: 'confirmed', readBack: seen.message, sessionsOpen: seen.sessionsOpen }
  return { kind: 'refused', why: 'read back, it says something else than it was told', has: seen.message }
}

async function read(route: CommandRoute, signal: AbortSignal): Promise<RouteReading> {
  if (!route.read) return { kind: 'unknown', why: 'no read command is configured for this route' }
  const end = await runProgram(filled(route.read, route, undefined), environment(route, undefined), signal)
  const trouble = troubleOf(end)
  if (trouble) return { kind: 'unknown', why: trouble.why }
  const said = end.kind === 'exited' ? lastJson(end.stdout) : undefined
  if (!said) return { kind: 'unknown', why: 'its read command printed no line of JSON' }
  if (said['kind'] === undefined) return { kind: 'empty' }
  const { host, port, sessions } = said
  const message = readRouteMessage({ cluster: route.cluster, ...said, primary: { host, port } })
  if (!message) return { kind: 'unknown', why: `its read command printed no whole route: ${JSON.stringify(said)}` }
  const sessionsOpen =
    typeof sessions === 'number' && Number.isSafeInteger(sessions) && sessions >= 0 ? sessions : 'unknown'
  return { kind: 'known', message, sessionsOpen }
}

/** A program that was killed may have done its work: the outcome is unknown, as with a proxy that does not answer. */
function troubleOf(end: ProgramEnd): (Confirmation & { readonly kind: 'refused' | 'unreachable' }) | undefined {
  switch (end.kind) {
    case 'killed':
      return { kind: 'unreachable', why: end.why }
    case 'not_started':
      return { kind: 'refused', why: end.why }
    case 'exited':
      return end.code === 0 ? undefined : { kind: 'refused', why: `it ended with ${end.code}${lastLines(end.stderr)}` }
  }
}

const lastLines = (text: string): string => {
  const lines = text.trim().split('\n').slice(-3).join(' / ')
  return lines === '' ? '' : `: ${lines}`
}

/** The last line that is a JSON object: programs like to say other things first. */
const lastJson = (text: string): Readonly<Record<string, unknown>> | undefined =>
  text
    .split('\n')
    .reverse()
    .map(readLine)
    .find((value) => value !== undefined)

/** Values replace the names in braces inside one argument: whatever is in them, they can never become a second argument. */
function filled(argv: readonly string[], route: CommandRoute, message: RouteMessage | undefined): readonly string[] {
  const primary = message?.kind === 'open' ? message.primary : undefined
  const values: Readonly<Record<string, string>> = {
    '{host}': primary?.host ?? '',
    '{port}': primary ? String(primary.port) : '',
    '{cluster}': route.cluster,
  }
  return argv.map((argument) => argument.replace(/\{(?:host|port|cluster)\}/g, (name) => values[name] ?? name))
}

/** Always all of them, empty where there is nothing to say: a value of Regent's own environment must not be taken for one of ours. */
function environment(route: CommandRoute, message: RouteMessage | undefined): Readonly<Record<string, string>> {
  const primary = message?.kind === 'open' ? message.primary : undefined
  return {
    REGENT_CLUSTER: route.cluster,
    REGENT_KIND: message?.kind ?? 'read',
    REGENT_EPOCH: message ? String(message.epoch) : '',
    REGENT_NUMBER: message ? String(message.number) : '',
    REGENT_PRIMARY_HOST: primary?.host ?? '',
    REGENT_PRIMARY_PORT: primary ? String(primary.port) : '',
  }
}
