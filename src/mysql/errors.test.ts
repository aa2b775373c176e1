import assert from 'node:assert/strict'
import { test } from 'vitest'
import { failureOfConnect, failureOfQuery } from './errors.ts'

const networkError = (code: string): Error => Object.assign(new Error(code), { code, errno: -111 })
const serverError = (errno: number, message = 'no'): Error =>
  Object.assign(new Error(message), { code: `ER_${errno}`, errno })

test('only the word of the kernel for a closed port is a refusal', () => {
  assert.equal(failureOfConnect(networkError('ECONNREFUSED')).kind, 'refused')
  for (const code of ['ECONNRESET', 'EPIPE', 'PROTOCOL_CONNECTION_LOST']) {
    assert.equal(failureOfConnect(networkError(code)).kind, 'closed', code)
  }
  for (const code of ['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'DEADLINE']) {
    assert.equal(failureOfConnect(networkError(code)).kind, 'silent', code)
  }
})

test('a refusal cannot be met on a standing connection', () => {
  assert.equal(failureOfQuery(networkError('ECONNREFUSED'), 0).kind, 'closed')
})

test('a name with several addresses is refused when its addresses refuse', () => {
  const error = new AggregateError([networkError('ECONNREFUSED'), networkError('ECONNREFUSED')])
  assert.equal(failureOfConnect(error).kind, 'refused')
})

/** MHA's list of errors that mean that the server is alive. */
const ALIVE = [1040, 1042, 1043, 1044, 1045, 1129, 1130, 1203, 1226, 1251, 1275]

test('every error that a server sends at login is a denial by a living server', () => {
  for (const errno of [...ALIVE, 1053, 3159, 3032, 4711])
    assert.equal(failureOfConnect(serverError(errno)).kind, 'denied', `${errno}`)
})

test('denials are told apart', () => {
  const denials: readonly (readonly [number, string])[] = [
    [1040, 'too_many_connections'],
    [1203, 'too_many_connections'],
    [1226, 'too_many_connections'],
    [1045, 'access_denied'],
    [3118, 'access_denied'],
    [1129, 'host_blocked'],
    [1130, 'host_blocked'],
    [1053, 'shutting_down'],
    [3168, 'starting_up'],
    [3159, 'other'],
  ]
  for (const [errno, denial] of denials) {
    const failure = failureOfConnect(serverError(errno, 'what it said'))
    assert.deepEqual(failure, { kind: 'denied', denial, errno, message: 'what it said' })
  }
})

test('a server that cannot speak TLS, or asks for an unknown plugin, denies us: it is not dead', () => {
  const error = Object.assign(new Error('Server does not support secure connection'), {
    code: 'HANDSHAKE_NO_SSL_SUPPORT',
  })
  assert.deepEqual(failureOfConnect(error), { kind: 'denied', denial: 'other', errno: 2026, message: error.message })
})

test('what is no error of a server or of the network is nobody else’s death', () => {
  assert.equal(failureOfConnect(new Error('packets out of order')).kind, 'broken')
})

test('in a session, a statement’s error is the statement’s, a KILL is a close, a shutdown is a denial', () => {
  assert.deepEqual(failureOfQuery(serverError(1242), 2), {
    kind: 'statement',
    errno: 1242,
    message: 'no',
    statement: 2,
  })
  assert.equal(failureOfQuery(serverError(1927), 0).kind, 'closed')
  assert.equal(failureOfQuery(serverError(1053), 0).kind, 'denied')
})
