import { endedAlertStates, type Delivery } from '../domain/alert.ts';
import type { Change } from '../domain/change.ts';
import { sourceOf, type GatewayEvent, type PassageEvent } from '../domain/event.ts';
import { tierRank } from '../domain/tier.ts';
import { assertNever } from '../lib/assert-never.ts';
import type { Statement } from '../lib/database/index.ts';
import { auditInsert } from './audit.ts';
import { followUpStatements } from './follow-up.ts';
import { messageHash } from './seen.ts';

type Of<Kind extends Change['kind']> = Extract<Change, { kind: Kind }>;

/** The SQL of one change. Pure; an upsert wherever a change carries the whole of what it names. */
export function statementsOf(change: Change): Statement[] {
  switch (change.kind) {
    case 'event-recorded':
      return change.event.kind === 'passage' ? passage(change.event, change.messageKey) : [event(change)];
    case 'session-saved':
      return [session(change)];
    case 'alert-saved':
      return [alert(change)];
    case 'alert-transition':
      return [
        {
          sql: 'INSERT INTO transitions (alert_id, body) VALUES (?, ?)',
          params: [change.alertId, JSON.stringify(change.transition)],
        },
      ];
    case 'feedback-recorded':
      return [
        {
          // The id makes a repeat harmless.
          sql: 'INSERT INTO feedback (id, alert_id, received_at, body) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING',
          params: [change.feedback.id, change.feedback.alertId, change.receivedAt, JSON.stringify(change.feedback)],
        },
      ];
    case 'notice-created':
      return [
        {
          sql: 'INSERT INTO notices (id, alert_id, created_at, body) VALUES (?, ?, ?, ?)',
          params: [change.notice.id, change.notice.alertId, change.notice.createdAt, JSON.stringify(change.notice)],
        },
      ];
    case 'delivery-created':
      return [delivery(change.delivery)];
    case 'delivery-tried':
      return [deliveryTried(change)];
    case 'deliveries-woken':
      return [
        {
          sql: `UPDATE deliveries SET next_attempt_at = ?1
                WHERE state = 'pending' AND channel = ?2 AND attempts > 0 AND next_attempt_at > ?1`,
          params: [change.at, change.channel],
        },
      ];
    case 'delivery-lost':
      return [
        {
          sql: `UPDATE deliveries SET state = 'pending', next_attempt_at = ?, last_error = ?, receipt = NULL,
                  receipt_number = NULL, delivered_at = NULL WHERE id = ? AND state = 'delivered'`,
          params: [change.at, change.why, change.id],
        },
      ];
    case 'digest-owed':
    case 'digest-made':
    case 'digest-dropped':
    case 'delivery-rerouted':
    case 'proposal-made':
      return followUpStatements(change);
    case 'receipts-confirmed':
      return [
        {
          sql: `INSERT INTO positions (name, position) VALUES ('receipts ' || ?, ?)
                ON CONFLICT (name) DO UPDATE SET position = excluded.position`,
          params: [change.channel, String(change.number)],
        },
      ];
    case 'delivery-resent':
      return [
        {
          // From the beginning: the old tries stay to be seen, but count neither for its age nor for its waiting.
          sql: `UPDATE deliveries SET state = 'pending', attempts = 0, next_attempt_at = ?1, receipt = NULL,
                  receipt_number = NULL, delivered_at = NULL,
                  tries = json_insert(${lastTries}, '$[#]', json_object('at', ?1, 'state', 'resent', 'result', ?2))
                WHERE id = ?3 AND state = ?4`,
          params: [change.at, `by ${change.by}`, change.id, change.from],
        },
      ];
    case 'rule-state':
      return [ruleState(change)];
    case 'quarantined':
      return [
        {
          sql: 'INSERT INTO quarantine (device, topic, payload, reason, at) VALUES (?, ?, ?, ?, ?)',
          params: [change.device, change.topic, change.payload, change.reason, change.at],
        },
      ];
    case 'device-heard':
      return [deviceHeard(change)];
    case 'evidence-saved':
      return [evidence(change)];
    case 'device-saved':
      return [
        {
          sql: 'INSERT INTO devices (key, body) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET body = excluded.body',
          params: [change.device.key, JSON.stringify(change.device)],
        },
      ];
    case 'device-removed':
      return [
        { sql: 'DELETE FROM devices WHERE key = ?', params: [change.device] },
        { sql: 'DELETE FROM device_status WHERE device = ?', params: [change.device] },
      ];
    case 'user-saved':
      return [
        {
          sql: 'INSERT INTO users (name, body) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body',
          params: [change.user.name, JSON.stringify(change.user)],
        },
        // A new password ends what was signed in with the old one.
        { sql: 'DELETE FROM web_sessions WHERE user = ?', params: [change.user.name] },
      ];
    case 'user-removed':
      return [
        { sql: 'DELETE FROM users WHERE name = ?', params: [change.name] },
        { sql: 'DELETE FROM web_sessions WHERE user = ?', params: [change.name] },
      ];
    case 'web-session-saved':
      return [
        {
          sql: `INSERT INTO web_sessions (token_sha256, user, created_at, expires_at) VALUES (?, ?, ?, ?)
                ON CONFLICT (token_sha256) DO UPDATE SET expires_at = excluded.expires_at`,
          params: [change.session.tokenSha256, change.session.user, change.session.createdAt, change.session.expiresAt],
        },
      ];
    case 'web-session-removed':
      return [{ sql: 'DELETE FROM web_sessions WHERE token_sha256 = ?', params: [change.tokenSha256] }];
    case 'series-exported':
      return [
        {
          sql: `INSERT INTO positions (name, position) VALUES ('series', ?)
                ON CONFLICT (name) DO UPDATE SET position = excluded.position`,
          params: [String(change.position)],
        },
      ];
    case 'audited':
      return [auditInsert(change)];
    default:
      return assertNever(change);
  }
}

/** Readings come by the thousand and are swept early; everything else is what people look for. */
function isReading(event: GatewayEvent): boolean {
  return event.kind === 'fire-telemetry' || (event.kind === 'charging' && event.report === 'telemetry');
}

function event({ event, messageKey }: Of<'event-recorded'>): Statement {
  return {
    sql: `INSERT INTO events (id, kind, at, received_at, source, reading, message_hash, body)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    params: [
      event.id,
      event.kind,
      event.at,
      event.receivedAt,
      sourceOf(event),
      isReading(event) ? 1 : 0,
      messageKey === null ? null : messageHash(messageKey),
      JSON.stringify(event),
    ],
  };
}

function passage(event: PassageEvent, messageKey: string | null): Statement[] {
  const statements: Statement[] = [
    {
      sql: `INSERT INTO passages (id, at, received_at, camera, subject, direction, plate, evidence, body)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      params: [
        event.id,
        event.at,
        event.receivedAt,
        event.camera,
        event.subject,
        event.direction,
        event.plate?.text ?? null,
        event.evidence,
        JSON.stringify(event),
      ],
    },
  ];
  if (event.plate)
    statements.push({ sql: 'INSERT OR IGNORE INTO plates (plate) VALUES (?)', params: [event.plate.text] });
  if (messageKey !== null) {
    statements.push({
      sql: 'INSERT OR IGNORE INTO message_keys (hash, at) VALUES (?, ?)',
      params: [messageHash(messageKey), event.receivedAt],
    });
  }
  return statements;
}

function session({ session }: Of<'session-saved'>): Statement {
  return {
    sql: `INSERT INTO sessions (id, device, port, area, started_at, ended_at, body) VALUES (?, ?, ?, ?, ?, ?, ?)
          ON CONFLICT (id) DO UPDATE SET area = excluded.area, ended_at = excluded.ended_at, body = excluded.body`,
    params: [
      session.id,
      session.device,
      session.port,
      session.area,
      session.startedAt,
      session.endedAt,
      JSON.stringify(session),
    ],
  };
}

function alert({ alert }: Of<'alert-saved'>): Statement {
  return {
    sql: `INSERT INTO alerts (id, tier, kind, state, ended, area, raised_at, closed_at, body)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
          ON CONFLICT (id) DO UPDATE SET tier = excluded.tier, kind = excluded.kind, state = excluded.state,
            ended = excluded.ended, area = excluded.area, closed_at = excluded.closed_at, body = excluded.body`,
    params: [
      alert.id,
      alert.tier,
      alert.kind,
      alert.state,
      endedAlertStates.includes(alert.state) ? 1 : 0,
      alert.area,
      alert.raisedAt,
      alert.closedAt,
      JSON.stringify(alert),
    ],
  };
}

function delivery(delivery: Delivery): Statement {
  return {
    sql: `INSERT INTO deliveries (id, item, notice, alert_id, recipient, channel, tier, tier_rank, sequence, type, data,
            created_at, state, attempts, next_attempt_at, last_error, delivered_at)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    params: [
      delivery.id,
      delivery.item,
      delivery.notice,
      delivery.alertId,
      delivery.recipient,
      delivery.channel,
      delivery.tier,
      tierRank(delivery.tier),
      delivery.sequence,
      delivery.type,
      JSON.stringify(delivery.data),
      delivery.createdAt,
      delivery.state,
      delivery.attempts,
      delivery.nextAttemptAt,
      delivery.lastError,
      delivery.deliveredAt,
    ],
  };
}

/** Of what came back the last ten are kept: enough to see a pattern, and a four-day outage fills no disk. */
const triesKept = 10;
const lastTries = `CASE WHEN tries IS NULL THEN '[]' WHEN json_array_length(tries) >= ${triesKept}
              THEN json_remove(tries, '$[0]') ELSE tries END`;

/** Numbers go on where they were also when the sweep has taken all that had one. */
const nextReceipt = `CASE WHEN item IN ('notice', 'digest') THEN 1 + max(
              coalesce((SELECT max(receipt_number) FROM deliveries AS other
                WHERE other.channel = deliveries.channel AND other.receipt_number IS NOT NULL), 0),
              coalesce((SELECT cast(position AS INTEGER) FROM positions WHERE name = 'receipts ' || channel), 0)) END`;

function deliveryTried(tried: Of<'delivery-tried'>): Statement {
  const delivered = tried.state === 'delivered';
  return {
    // What was delivered stays delivered: a late answer to an earlier try must not undo it.
    sql: `UPDATE deliveries SET state = ?, attempts = ?, next_attempt_at = ?, last_error = ?, receipt = ?, delivered_at = ?,
            receipt_number = ${delivered ? nextReceipt : 'NULL'},
            tries = json_insert(${lastTries}, '$[#]', json_object('at', ?, 'state', ?, 'result', ?))
          WHERE id = ? AND state <> 'delivered'`,
    params: [
      tried.state,
      tried.attempts,
      tried.nextAttemptAt,
      delivered ? null : tried.result,
      delivered ? tried.result : null,
      delivered ? tried.at : null,
      ...[tried.at, tried.state, tried.result],
      tried.id,
    ],
  };
}

function ruleState({ rule, key, state }: Of<'rule-state'>): Statement {
  return state === null
    ? { sql: 'DELETE FROM rule_state WHERE rule = ? AND key = ?', params: [rule, key] }
    : {
        sql: `INSERT INTO rule_state (rule, key, state) VALUES (?, ?, ?)
              ON CONFLICT (rule, key) DO UPDATE SET state = excluded.state`,
        params: [rule, key, state],
      };
}

function deviceHeard(heard: Of<'device-heard'>): Statement {
  return {
    // A fault of a device that is not there (a wrong password, say) is no word of the device.
    sql: `INSERT INTO device_status (device, state, last_heard_at, last_fault, last_fault_at) VALUES (?1, ?2, ?3, ?4, ?5)
          ON CONFLICT (device) DO UPDATE SET state = ?2, last_heard_at = coalesce(max(?3, last_heard_at), ?3, last_heard_at),
            last_fault = coalesce(?4, last_fault), last_fault_at = coalesce(?5, last_fault_at)`,
    params: [
      heard.device,
      heard.state,
      heard.state === 'online' || heard.fault === null ? heard.at : null,
      heard.fault,
      heard.fault === null ? null : heard.at,
    ],
  };
}

function evidence(saved: Of<'evidence-saved'>): Statement {
  return {
    sql: `INSERT INTO evidence (id, alert_id, camera, media_kind, captured_at, sha256, size_bytes, path, faces, has_faces)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    params: [
      saved.id,
      saved.alertId,
      saved.camera,
      saved.mediaKind,
      saved.capturedAt,
      saved.sha256,
      saved.sizeBytes,
      saved.path,
      JSON.stringify(saved.faces),
      // Nobody looks for faces in a clip: it counts as showing some.
      saved.faces.length > 0 || saved.mediaKind === 'clip' ? 1 : 0,
    ],
  };
}
