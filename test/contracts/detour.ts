/** A port on loopback that leads to a server, and later to another one: what a moved name, a VIP or a re-used port does. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Address } from '../../src/model/address.ts'

export interface Detour {
  readonly address: Address
  /** Every connection through it ends. */
  leadTo(target: Address): void
  end(): Promise<void>
}

export async function detour(first: Address): Promise<Detour> {
  let target = first
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
  }
  const server = createServer((client) => {
    const onward = connect(target.port, target.host)
    keep(client)
    keep(onward)
    client.on('close', () => onward.destroy())
    onward.on('close', () => client.destroy())
    client.pipe(onward).pipe(client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('this port has no number')
  const endAll = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    address: { host: '127.0.0.1', port: bound.port },
    leadTo: (next) => {
      target = next
      endAll()
    },
    end: async () => {
      endAll()
      server.close()
      await once(server, 'close')
    },
  }
}
