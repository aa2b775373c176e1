import type { ExplainJson, RecoveryJson } from '../api/contract.ts'

/** Kept for this tab only, and only where reads need it: a listener that others reach. */
const TOKEN_KEY = 'regent-token'

export const setToken = (token: string): void => sessionStorage.setItem(TOKEN_KEY, token.trim())

export const hasToken = (): boolean => sessionStorage.getItem(TOKEN_KEY) !== null

export function headers(): Headers {
  const token = sessionStorage.getItem(TOKEN_KEY)
  return new Headers(token ? { authorization: `Bearer ${token}` } : {})
}

async function get<T>(path: string): Promise<T | undefined> {
  const answer = await fetch(`/api/v1${path}`, { headers: headers() })
  return answer.ok ? answer.json() : undefined
}

export const askHistory = (cluster: string): Promise<readonly RecoveryJson[] | undefined> =>
  get(`/clusters/${encodeURIComponent(cluster)}/history?limit=30`)

export type Told = { readonly kind: 'taken' } | { readonly kind: 'not_allowed' | 'refused'; readonly says: string }

/** Yes or no to what a recovery asks. */
export async function sendAnswer(id: string, yes: boolean): Promise<Told> {
  const asked = headers()
  asked.set('content-type', 'application/json')
  try {
    const answer = await fetch(`/api/v1/recoveries/${encodeURIComponent(id)}/answer`, {
      method: 'POST',
      headers: asked,
      body: JSON.stringify({ yes }),
    })
    if (answer.ok) return { kind: 'taken' }
    const { says }: { readonly says: string } = await answer.json()
    return { kind: answer.status === 401 ? 'not_allowed' : 'refused', says }
  } catch {
    return { kind: 'refused', says: 'Regent does not answer' }
  }
}

export const askExplain = (cluster: string): Promise<ExplainJson | undefined> =>
  get(`/clusters/${encodeURIComponent(cluster)}/explain`)
