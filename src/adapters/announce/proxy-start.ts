import type { ProxyStatus } from '../../model/proxy-control.ts'
import { readProxyStatus } from '../../model/proxy-control.ts'
import { type ProxyAccess, type ProxyAnswer, ProxyLink } from './proxy-link.ts'

/** A proxy that was just started, detached: it outlives whoever started it. */
export interface SpawnedProxy {
  /** Resolves, with why in its own words, if it ends; never while it serves. */
  readonly exited: Promise<string>
}

export type ProxyFound =
  | { readonly kind: 'found' | 'started'; readonly status: ProxyStatus }
  /** Another cluster's, another token, another version; or the new one ended at once (its port is taken, say). */
  | { readonly kind: 'refused'; readonly why: string }
  /** Somebody holds the socket and says nothing (frozen), or the new one did not come up before the signal fired. */
  | { readonly kind: 'unreachable'; readonly why: string }

/** Short beside the time in which a process of Node starts (60-100 ms). */
const LOOK_AGAIN_MS = 20

/**
 * Takes over the proxy that runs, and starts one only if nobody answers at its control socket. A silent one is never doubled: it may
 * be frozen, holding the port and the sessions.
 */
export async function ensureProxyRunning(
  access: ProxyAccess,
  spawn: () => SpawnedProxy,
  signal: AbortSignal,
): Promise<ProxyFound> {
  using link = new ProxyLink(access)
  const first = await link.ask({ ask: 'status' }, signal)
  if (first.kind !== 'absent') return judge(first, 'found')
  let ended: string | undefined
  spawn().exited.then(
    (why) => {
      ended = why
    },
    (error: unknown) => {
      ended = String(error)
    },
  )
  for (;;) {
    const answer = await link.ask({ ask: 'status' }, signal)
    if (answer.kind !== 'absent') return judge(answer, 'started')
    if (ended !== undefined) return { kind: 'refused', why: ended }
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
  }
}

function judge(answer: ProxyAnswer, kind: 'found' | 'started'): ProxyFound {
  if (answer.kind === 'refused') return answer
  if (answer.kind !== 'ok') return { kind: 'unreachable', why: answer.why }
  const status = readProxyStatus(answer.value)
  return status ? { kind, status } : { kind: 'unreachable', why: 'what answers there is no proxy of this version' }
}
