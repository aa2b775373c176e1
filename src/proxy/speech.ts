/**
 * What little the proxy understands of the protocol: whether it could answer a statement in a server's place. Bytes that pass are
 * never judged by it; it is asked only about bytes that were held back and that no server will see.
 */

const CLIENT_COMPRESS = 1 << 5
const CLIENT_PROTOCOL_41 = 1 << 9
const CLIENT_SSL = 1 << 11
const CLIENT_ZSTD = 1 << 26
const HELLO_BYTES = 8

/** The beginning of what a client says: its answer to the greeting tells whether what follows can be read. */
export class Hello {
  #begin: Buffer = Buffer.alloc(0)

  take(bytes: Buffer): void {
    if (this.#begin.length < HELLO_BYTES)
      this.#begin = Buffer.concat([this.#begin, bytes.subarray(0, HELLO_BYTES - this.#begin.length)])
  }

  /** Neither encrypted nor compressed, and of a protocol in which an error looks as ours do. */
  get isPlain(): boolean {
    if (this.#begin.length < HELLO_BYTES || this.#begin[3] !== 1) return false
    const flags = this.#begin.readUInt32LE(4)
    return (flags & CLIENT_PROTOCOL_41) !== 0 && (flags & (CLIENT_SSL | CLIENT_COMPRESS | CLIENT_ZSTD)) === 0
  }
}

const HEADER_BYTES = 4
/** A packet of this length goes on in the next one. */
const GOES_ON = 0xffffff
const COM_QUIT = 0x01
const COM_STMT_SEND_LONG_DATA = 0x18
const COM_STMT_CLOSE = 0x19
const WITHOUT_ANSWER: ReadonlySet<number> = new Set([COM_QUIT, COM_STMT_SEND_LONG_DATA, COM_STMT_CLOSE])

/** Follows statements to their ends, keeping no byte of them. */
export class Statements {
  #header = Buffer.alloc(0)
  #left = 0
  #length = 0
  #awaitsCommand = true
  #continued = false
  #answered = true
  #owed: number | undefined
  #strange = false

  take(bytes: Buffer): void {
    for (let at = 0; at < bytes.length && !this.#strange; )
      at += this.#left > 0 ? this.#payload(bytes, at) : this.#head(bytes, at)
  }

  /** Nothing that can be answered will come of these bytes: they are the rest of something else. */
  get isStrange(): boolean {
    return this.#strange
  }
  /** In the midst of no packet. */
  get isWhole(): boolean {
    return this.#left === 0 && this.#header.length === 0 && !this.#continued
  }
  /** The number that an answer to the first statement carries; undefined while none waits for one. */
  get owed(): number | undefined {
    return this.#owed
  }

  #head(bytes: Buffer, at: number): number {
    const took = Math.min(HEADER_BYTES - this.#header.length, bytes.length - at)
    this.#header = Buffer.concat([this.#header, bytes.subarray(at, at + took)])
    if (this.#header.length < HEADER_BYTES) return took
    this.#length = this.#header.readUIntLE(0, 3)
    this.#left = this.#length
    // A command begins at number 0: anything else belongs to a login, or to a file that a statement is still reading.
    if (!this.#continued && (this.#header[3] !== 0 || this.#length === 0)) this.#strange = true
    this.#awaitsCommand = !this.#continued
    if (this.#left === 0 && !this.#strange) this.#end()
    return took
  }

  #payload(bytes: Buffer, at: number): number {
    if (this.#awaitsCommand) this.#answered = !WITHOUT_ANSWER.has(bytes[at] ?? 0)
    this.#awaitsCommand = false
    const took = Math.min(this.#left, bytes.length - at)
    this.#left -= took
    if (this.#left === 0) this.#end()
    return took
  }

  #end(): void {
    this.#continued = this.#length === GOES_ON
    if (!this.#continued && this.#answered) this.#owed ??= ((this.#header[3] ?? 0) + 1) & 0xff
    this.#header = Buffer.alloc(0)
  }
}
