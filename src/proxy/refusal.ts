const ER_SERVER_SHUTDOWN = 1053
const ER_OPTION_PREVENTS_STATEMENT = 1290
const LONGEST_MESSAGE = 512

/**
 * An ERR packet in the place of a server's greeting, as both flavours send it when they have too many connections: without SQL
 * state, which belongs to a protocol that nobody has agreed on yet (MySQL's client prints it as part of the message). 1053: drivers
 * and pools take it for a server that goes away, and try again, instead of for a wrong password or a broken statement.
 */
export const errorGreeting = (says: string): Buffer => errorPacket(0, ER_SERVER_SHUTDOWN, says)

/**
 * The answer to a statement that was held back while its session ended: what a closed primary itself says, and what drivers know as
 * "not executed, this is no primary any more". `number` is the packet's, one above the statement's last.
 */
export const errorAnswer = (number: number): Buffer =>
  errorPacket(
    number,
    ER_OPTION_PREVENTS_STATEMENT,
    '#HY000regent proxy: not executed, the primary has moved (read-only)',
  )

function errorPacket(number: number, code: number, says: string): Buffer {
  const message = Buffer.from(says, 'utf8').subarray(0, LONGEST_MESSAGE)
  const packet = Buffer.alloc(7 + message.length)
  packet.writeUIntLE(3 + message.length, 0, 3)
  packet.writeUInt8(number & 0xff, 3)
  packet.writeUInt8(0xff, 4)
  packet.writeUInt16LE(code, 5)
  message.copy(packet, 7)
  return packet
}
