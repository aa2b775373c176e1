import type { ExplainJson, RecoveryJson } from '../api/contract.ts'

/** Kept for this tab only, and only where reads need it: a listener that others reach. */
const TOKEN_KEY = 'regent-token'

export const setToken = (token: string): void => sessionStorage.setItem(TOKEN_KEY, token.trim())

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

export const askExplain = (cluster: string): Promise<ExplainJson | undefined> =>
  get(`/clusters/${encodeURIComponent(cluster)}/explain`)
