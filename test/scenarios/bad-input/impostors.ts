/** What may listen where a server or a Regent is expected, and is none. */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'

export interface Listener extends AsyncDisposable {
  readonly address: string
  readonly port: number
}

async function listener(onSocket: (socket: Socket) => void): Promise<Listener> {
  const open = new Set<Socket>()
  const server: Server = createServer((socket) => {
    open.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => open.delete(socket))
    onSocket(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0
  return {
    address: `127.0.0.1:${port}`,
    port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Takes connections and says nothing: as seen through a network that loses everything. */
export const blackHole = (): Promise<Listener> => listener(() => undefined)

/** Answers whatever comes as a web server of somebody else. */
export const stranger = (): Promise<Listener> =>
  listener((socket) => {
    socket.on('data', () => {
      socket.end('HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello')
    })
  })

/**
 * A server that lets everybody in and calls itself by this version: the handshake, OK to the login, then one row of one column for
 * every statement. Source: https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html
 */
export const pretender = (version: string): Promise<Listener> =>
  listener((socket) => {
    socket.write(packet(0, greeting(version)))
    let loggedIn = false
    socket.on('data', (data: Buffer) => {
      if (loggedIn) return void socket.write(oneRow(version, data))
      loggedIn = true
      socket.write(packet((data[3] ?? 0) + 1, OK))
    })
  })

const OK = Buffer.from([0, 0, 0, 2, 0, 0, 0])
const CLIENT_FLAGS = 0x0000_8000 | 0x0000_0200 | 0x0000_0008 | 0x0000_0001
const PLUGIN_AUTH = 0x0008

function packet(number: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUIntLE(body.length, 0, 3)
  head[3] = number & 0xff
  return Buffer.concat([head, body])
}

function greeting(version: string): Buffer {
  const flags = Buffer.alloc(2)
  flags.writeUInt16LE(CLIENT_FLAGS & 0xffff)
  const more = Buffer.alloc(2)
  more.writeUInt16LE(PLUGIN_AUTH)
  return Buffer.concat([
    Buffer.from([10]),
    Buffer.from(`${version}\0`),
    Buffer.from([1, 0, 0, 0]),
    Buffer.from('12345678\0'),
    flags,
    Buffer.from([33, 2, 0]),
    more,
    Buffer.from([21]),
    Buffer.alloc(10),
    Buffer.from('123456789012\0'),
    Buffer.from('mysql_native_password\0'),
  ])
}

const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)])

/** Each column that is asked for is the version. */
function oneRow(version: string, statement: Buffer): Buffer {
  const columns = Math.max(1, (statement.toString('latin1').match(/@@/g) ?? []).length)
  const definition = Buffer.concat([
    text('def'),
    Buffer.from([0, 0, 0]),
    text('v'),
    text('v'),
    Buffer.from([12, 33, 0, 0, 1, 0, 0, 253, 0, 0, 0, 0, 0]),
  ])
  const end = Buffer.from([254, 0, 0, 2, 0])
  const bodies = [
    Buffer.from([columns]),
    ...Array.from({ length: columns }, () => definition),
    end,
    Buffer.concat(Array.from({ length: columns }, () => text(version))),
    end,
  ]
  return Buffer.concat(bodies.map((body, index) => packet(index + 1, body)))
}
