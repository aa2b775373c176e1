/**
 * Preloaded into a daemon under test: what it connects to one port goes to another, a relay that the test can cut. Its own
 * network to one server is thereby a thing apart, while replicas and clients use the real port. `REGENT_TEST_REDIRECT=from:to`.
 * Or all its connections come from a loopback address of its own, by which servers tell it from other daemons: `REGENT_TEST_FROM=ip`.
 */
import { Socket } from 'node:net'

const [from, to] = (process.env['REGENT_TEST_REDIRECT'] ?? '').split(':').map(Number)
const ownAddress = process.env['REGENT_TEST_FROM']

function change(options: object): void {
  if (to !== undefined && Number(Reflect.get(options, 'port')) === from) Reflect.set(options, 'port', to)
  if (ownAddress !== undefined && Reflect.has(options, 'port')) Reflect.set(options, 'localAddress', ownAddress)
}

if (process.argv[2] === 'watch' && (to !== undefined || ownAddress !== undefined)) {
  const direct: unknown = Reflect.get(Socket.prototype, 'connect')
  if (typeof direct !== 'function') throw new Error('net.Socket has no connect')
  Reflect.set(Socket.prototype, 'connect', function changed(this: Socket, ...args: unknown[]) {
    const first: unknown = Array.isArray(args[0]) ? args[0][0] : args[0]
    if (typeof first === 'object' && first !== null) change(first)
    return Reflect.apply(direct, this, args)
  })
}
