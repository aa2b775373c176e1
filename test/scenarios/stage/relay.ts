/** A stretch of network that can be cut: while it is, nothing passes and nothing is refused, as with a cable pulled out. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

export class Relay implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #unjoined = new Set<Socket>()
  #cut = false

  private constructor(server: Server, to: number) {
    this.#server = server
    server.on('connection', (near) => this.#join(near, to))
  }

  static async to(port: number): Promise<Relay> {
    const server = createServer({ pauseOnConnect: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Relay(server, port)
  }

  get port(): number {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the relay does not listen')
    return address.port
  }

  cut(): void {
    this.#cut = true
    for (const socket of this.#sockets) socket.pause()
  }

  /** What was held passes now; what was opened meanwhile is closed, as a host that comes back would reset it. */
  heal(): void {
    this.#cut = false
    for (const socket of this.#unjoined) socket.destroy()
    this.#unjoined.clear()
    for (const socket of this.#sockets) socket.resume()
  }

  #join(near: Socket, to: number): void {
    this.#keep(near)
    if (this.#cut) {
      this.#unjoined.add(near)
      return
    }
    const far = connect(to, '127.0.0.1')
    this.#keep(far)
    far.setNoDelay(true)
    near.setNoDelay(true)
    const carry = (from: Socket, into: Socket): void => {
      from.on('data', (bytes) => into.write(bytes))
      from.on('close', () => into.destroy())
    }
    carry(near, far)
    carry(far, near)
    near.resume()
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => this.#sockets.delete(socket))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
