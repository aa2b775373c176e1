import { type FormEvent, useState } from 'react'
import { setToken } from './ask.ts'
import { store } from './store.ts'

/** Where Regent listens for others than its own host, reads need the token, too. */
export function NeedsToken() {
  const [token, type] = useState('')
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    setToken(token)
    store.connection('connecting')
    store.tryAgain()
  }
  return (
    <form className="needs-token panel" onSubmit={submit}>
      <h1>Regent asks for its token</h1>
      <p>It stands in the configuration (api, token) or in the store. It is kept for this tab only.</p>
      <label>
        Token <input type="password" autoComplete="off" value={token} onChange={(e) => type(e.target.value)} />
      </label>
      <button type="submit">Look</button>
    </form>
  )
}
