/** An authority and one certificate of it, for servers on 127.0.0.1. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export class Certificates implements AsyncDisposable {
  readonly #dir: string

  private constructor(dir: string) {
    this.#dir = dir
  }

  static async make(): Promise<Certificates> {
    const made = new Certificates(await mkdtemp(join(tmpdir(), 'regent-tls-')))
    const names = join(made.#dir, 'names')
    await writeFile(names, 'subjectAltName=IP:127.0.0.1,DNS:localhost\n')
    await made.#authority('ca')
    // Nobody was certified by it.
    await made.#authority('stranger')
    await run('openssl', [
      ...['req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=127.0.0.1'],
      ...['-keyout', made.file('server.key'), '-out', made.file('server.csr')],
    ])
    await run('openssl', [
      ...['x509', '-req', '-in', made.file('server.csr'), '-days', '2', '-set_serial', '2', '-extfile', names],
      ...['-CA', made.file('ca.pem'), '-CAkey', made.file('ca.key'), '-out', made.file('server.pem')],
    ])
    return made
  }

  file(name: string): string {
    return join(this.#dir, name)
  }

  get serverOptions(): readonly string[] {
    const [ca, cert, key] = ['ca.pem', 'server.pem', 'server.key'].map((name) => this.file(name))
    return [`--ssl-ca=${ca}`, `--ssl-cert=${cert}`, `--ssl-key=${key}`]
  }

  async #authority(name: string): Promise<void> {
    await run('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name} of a test`],
      ...['-keyout', this.file(`${name}.key`), '-out', this.file(`${name}.pem`)],
    ])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.#dir, { recursive: true, force: true })
  }
}
