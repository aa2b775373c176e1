const ER_SERVER_SHUTDOWN = 1053
const LONGEST_MESSAGE = 512

/**
 * An ERR packet in the place of a server's greeting, as a server sends it that has too many connections. 1053 with SQL state 08S01
 * ("communication link failure"): drivers and pools drop the connection and try again, instead of taking it for a wrong password
 * or a broken statement. Layout: MySQL's protocol, ERR_Packet, with the SQL state marker that both flavours send before a login.
 */
export function errorGreeting(says: string): Buffer {
  const message = Buffer.from(says, 'utf8').subarray(0, LONGEST_MESSAGE)
  const payload = Buffer.concat([
    Buffer.from([0xff, ER_SERVER_SHUTDOWN & 0xff, ER_SERVER_SHUTDOWN >> 8]),
    Buffer.from('#08S01'),
    message,
  ])
  const header = Buffer.alloc(4)
  header.writeUIntLE(payload.length, 0, 3)
  return Buffer.concat([header, payload])
}
