import { readFile } from 'node:fs/promises'
import type { TlsSettings } from '../model/cluster.ts'
import { SessionError } from './errors.ts'

export interface Ssl {
  readonly rejectUnauthorized: boolean
  readonly minVersion: 'TLSv1.2'
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** Read once per settings: every reconnect needs them, at a moment when a slow disk would cost failover time. */
const known = new WeakMap<TlsSettings, Promise<Ssl>>()

/** Undefined when the connection is to be plain. Rejects with a SessionError that names the file that cannot be read. */
export async function sslOf(settings: TlsSettings): Promise<Ssl | undefined> {
  if (settings.mode === 'off') return undefined
  const before = known.get(settings)
  if (before !== undefined) return before
  const reading = read(settings)
  known.set(settings, reading)
  // A file that was missing may be there at the next attempt.
  reading.catch(() => known.delete(settings))
  return reading
}

/** `verify` checks the chain against `ca`, not the name: servers are mostly known by address. */
async function read(settings: Exclude<TlsSettings, { mode: 'off' }>): Promise<Ssl> {
  const [ca, cert, key] = await Promise.all([settings.ca, settings.cert, settings.key].map(pem))
  return {
    rejectUnauthorized: settings.mode === 'verify',
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  }
}

async function pem(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new SessionError({ kind: 'broken', message: `the TLS file ${path} cannot be read` }, error)
  }
}
