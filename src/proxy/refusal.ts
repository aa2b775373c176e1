const ER_SERVER_SHUTDOWN = 1053
const LONGEST_MESSAGE = 512

/**
 * An ERR packet in the place of a server's greeting, as both flavours send it when they have too many connections: without SQL
 * state, which belongs to a protocol that nobody has agreed on yet (MySQL's client prints it as part of the message). 1053: drivers
 * and pools take it for a server that goes away, and try again, instead of for a wrong password or a broken statement.
 */
export function errorGreeting(says: string): Buffer {
  const message = Buffer.from(says, 'utf8').subarray(0, LONGEST_MESSAGE)
  const packet = Buffer.alloc(7 + message.length)
  packet.writeUIntLE(3 + message.length, 0, 3)
  packet.writeUInt8(0, 3)
  packet.writeUInt8(0xff, 4)
  packet.writeUInt16LE(ER_SERVER_SHUTDOWN, 5)
  message.copy(packet, 7)
  return packet
}
