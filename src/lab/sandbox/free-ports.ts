import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { SandboxError } from './error.ts'

const LOWEST = 10_500
const TRIES = 400

/**
 * Ports below the range from which the kernel takes local ports of outgoing connections. From that range a killed server's
 * port could be taken by anybody's connection before it restarts, and a client that retries there can connect to itself.
 */
function upperBound(): number {
  try {
    const first = Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/)[0])
    return first > LOWEST + 2000 ? first : 32_768
  } catch {
    return 32_768
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/** That many different ports which could be bound a moment ago. Somebody may still take one: callers retry with others. */
export async function freePorts(count: number): Promise<number[]> {
  const above = upperBound()
  const found = new Set<number>()
  for (let tries = 0; found.size < count && tries < TRIES; tries++) {
    const port = randomInt(LOWEST, above)
    if (!found.has(port) && (await isFree(port))) found.add(port)
  }
  if (found.size < count) throw new SandboxError(`no ${count} free ports were found between ${LOWEST} and ${above}`)
  return [...found]
}
