import { printAddress } from '../model/address.ts'
import type { ClusterConfig } from '../model/cluster.ts'
import type { ServerStatus } from '../model/server.ts'
import type { Finding, Lack, Learnt, Login } from './learnt.ts'
import type { Forecast } from './refusals.ts'
import { whatPolicyRefuses } from './refusals.ts'
import { semiSyncFindings } from './semi-sync.ts'

/** What `config check` has to say of one cluster after having looked at its servers. Pure. */
export function findingsOf(cluster: ClusterConfig, learnt: readonly Learnt[]): readonly Finding[] {
  return [
    ...learnt.flatMap((one) => [...monitorFindings(cluster, one), ...replicationFindings(cluster, one)]),
    ...learnt.flatMap((one) => (one.status ? serverFindings(printAddress(one.server), one.status) : [])),
    ...sameNumbers(learnt),
    ...semiSyncFindings(cluster, learnt),
    ...whatPolicyRefuses(cluster).flatMap((forecast) => forecastFinding(cluster.alias, forecast)),
  ]
}

/** Worst level first: it decides the exit code. */
export const worstOf = (findings: readonly Finding[]): Finding['level'] =>
  (['problem', 'warning', 'unknown'] as const).find((level) => findings.some((one) => one.level === level)) ?? 'fine'

function monitorFindings({ monitor, alias }: ClusterConfig, { server, monitor: login }: Learnt): readonly Finding[] {
  const about = printAddress(server)
  if (login.kind === 'not_reached') {
    return [
      {
        level: 'problem',
        about,
        says: `it cannot be reached: ${login.why}`,
        tryThis: 'check the address, the network and bind_address',
      },
    ]
  }
  if (login.kind === 'denied') {
    const says = `it does not let ${monitor.user} in: ${login.why}`
    return [
      { level: 'problem', about, says, tryThis: `correct the password, or create the account: regent grants ${alias}` },
    ]
  }
  if (login.lacks.length === 0) return [{ level: 'fine', about, says: `${monitor.user} may do all that is needed` }]
  return login.lacks.map((lack) => lackFinding(about, login, lack))
}

function lackFinding(about: string, login: Extract<Login, { kind: 'in' }>, { name, on, why }: Lack): Finding {
  const inactive =
    login.roles.length === 0
      ? ''
      : ` (or make the role that has it active: SET DEFAULT ROLE, one of ${login.roles.join(', ')})`
  return {
    level: 'problem',
    about,
    says: `${login.account} lacks ${name}: ${why}`,
    tryThis: `GRANT ${name} ON ${on} TO ${login.account};${inactive}`,
  }
}

/** The account is for servers to log in with, often from their own addresses only: being refused here proves nothing. */
function replicationFindings(
  { replication }: ClusterConfig,
  { server, monitor, replication: login }: Learnt,
): readonly Finding[] {
  const about = printAddress(server)
  // The same failure, said once.
  if (login.kind === 'not_reached')
    return monitor.kind === 'not_reached' ? [] : [untold(about, `${replication.user} was not tried: ${login.why}`)]
  if (login.kind === 'denied')
    return [
      untold(
        about,
        `${replication.user} is not let in from this host (${login.why}); replicas may be: cannot tell from here`,
      ),
    ]
  if (login.lacks.length === 0) return [{ level: 'fine', about, says: `${replication.user} may replicate` }]
  return login.lacks.map((lack) => lackFinding(about, login, lack))
}

const untold = (about: string, says: string): Finding => ({ level: 'unknown', about, says })

/** What makes a server unfit for any recovery, whatever the policy. */
function serverFindings(about: string, { binlog }: ServerStatus): readonly Finding[] {
  const findings: Finding[] = []
  const warn = (says: string, tryThis: string): void => void findings.push({ level: 'warning', about, says, tryThis })
  if (!binlog.enabled) warn('it writes no binlog: it can never be primary', 'start it with log_bin')
  if (binlog.enabled && !binlog.logsReplicaUpdates)
    warn(
      'its binlog lacks what it replicated: it can never be primary',
      'set log_replica_updates (MariaDB: log_slave_updates)',
    )
  if (binlog.gtid === 'off')
    warn('GTIDs are off: histories cannot be compared', 'set gtid_mode=ON and enforce_gtid_consistency=ON')
  if (binlog.enabled && (binlog.sync !== 1 || binlog.flushAtCommit !== 1)) {
    warn(
      'it is not durable: a crash loses what it acknowledged',
      'set sync_binlog=1 and innodb_flush_log_at_trx_commit=1',
    )
  }
  return findings
}

/** Two servers with one server_id skip each other's events, silently. */
function sameNumbers(learnt: readonly Learnt[]): readonly Finding[] {
  return learnt.flatMap(({ server, status }, index): readonly Finding[] => {
    const twin = learnt
      .slice(0, index)
      .find((other) => status !== undefined && other.status?.numericId === status.numericId)
    if (!status || !twin?.status) return []
    const about = printAddress(server)
    if (twin.status.id === status.id) {
      return [
        {
          level: 'warning',
          about,
          says: `it is the same server as ${printAddress(twin.server)}`,
          tryThis: 'name it once among the seeds',
        },
      ]
    }
    return [
      {
        level: 'problem',
        about,
        says: `its server_id ${status.numericId} is also that of ${printAddress(twin.server)}: they skip each other's events`,
        tryThis: 'give each server its own server_id',
      },
    ]
  })
}

function forecastFinding(about: string, { question, situation, outcome, because, fix }: Forecast): readonly Finding[] {
  if (outcome !== 'refused') return []
  const whom = {
    silent: 'a silent primary',
    refused: 'a primary whose host refuses connections',
    answers: 'a failover of a living primary',
    any: 'every failover',
  }[situation]
  return [
    {
      level: 'warning',
      about,
      says: `${whom} would be refused (${question}): ${because}`,
      ...(fix === undefined ? {} : { tryThis: fix }),
    },
  ]
}
