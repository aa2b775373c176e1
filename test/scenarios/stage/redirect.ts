/**
 * Preloaded into a daemon under test: what it connects to one port goes to another, a relay that the test can cut. Its own
 * network to one server is thereby a thing apart, while replicas and clients use the real port. `REGENT_TEST_REDIRECT=from:to`.
 */
import { Socket } from 'node:net'

const [from, to] = (process.env['REGENT_TEST_REDIRECT'] ?? '').split(':').map(Number)

if (process.argv[2] === 'watch' && from !== undefined && to !== undefined) {
  const direct: unknown = Reflect.get(Socket.prototype, 'connect')
  if (typeof direct !== 'function') throw new Error('net.Socket has no connect')
  Reflect.set(Socket.prototype, 'connect', function redirected(this: Socket, ...args: unknown[]) {
    const first: unknown = Array.isArray(args[0]) ? args[0][0] : args[0]
    if (typeof first === 'object' && first !== null && Number(Reflect.get(first, 'port')) === from)
      Reflect.set(first, 'port', to)
    return Reflect.apply(direct, this, args)
  })
}
