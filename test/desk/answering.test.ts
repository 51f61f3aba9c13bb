import { v7 } from 'uuid';
import { describe, expect, it } from 'vitest';
import { alertStates, feedbackKinds, type FeedbackKind } from '../../gateway/domain/alert.ts';
import { stateAfter, type Step } from '../../gateway/alerts/transitions.ts';
import { stateAfterAnswer, type Outcome } from '../../gateway/inbox/standing.ts';
import { deskFolder, noticeEvent, startDesk, until, type Json } from './fixture.ts';

describe('answering', () => {
  it('carries an acknowledgement to the gateway and knows when it has been stored there', async () => {
    const desk = await startDesk();
    const east = desk.gateway('east');
    const officer = await desk.addUser('王', 'manager');
    const alertId = v7();
    await east.send(noticeEvent('raised', { alertId, version: 1 }));

    const waiting = east.poll('', 25);
    const given = await officer.answer(alertId, { kind: 'acknowledged', text: '马上到' });
    expect(given).toMatchObject({ status: 200, json: { state: 'acknowledged', owner: '王', deadline: null } });
    const poll = await waiting;
    expect(poll.verified).toBe(true);
    expect(poll.feedback).toEqual([
      {
        id: given.json.life[1].feedback.id as string,
        alertId,
        kind: 'acknowledged',
        by: '王',
        at: expect.stringMatching(/Z$/) as string,
        text: '马上到',
      },
    ]);
    expect((await officer.get(`/api/alerts/${alertId}`)).json.relay).toBe('sent');
    // The next poll's cursor says that it is stored; nothing is handed out again.
    expect(await east.poll(poll.cursor, 0)).toMatchObject({ feedback: [], cursor: poll.cursor, verified: true });
    const { json } = await officer.get(`/api/alerts/${alertId}`);
    expect(json).toMatchObject({ relay: 'received', life: [{ kind: 'raised' }, { feedback: { relay: 'received' } }] });
    expect(await desk.lines()).toMatchObject([{ state: 'acknowledged', acknowledgedBy: '王' }]);
  });

  it('keeps answers while the gateway is away, over a restart of the desk, and hands them out again until confirmed', async () => {
    const folder = deskFolder(['east']);
    const first = await startDesk({ folder });
    const officer = await first.addUser('王', 'manager');
    const alertId = v7();
    await first.gateway('east').send(noticeEvent('raised', { alertId, version: 1 }));
    await officer.answer(alertId, { kind: 'acknowledged' });
    await officer.answer(alertId, { kind: 'progress', text: '现场无明火' });
    expect((await officer.get(`/api/alerts/${alertId}`)).json.relay).toBe('waiting');
    await first.desk.stop();

    const second = await startDesk({ folder });
    const east = second.gateway('east');
    const kinds = (poll: { feedback: Json[] }): string[] => poll.feedback.map(({ kind }: Json) => String(kind));
    const lost = await east.poll('', 0);
    expect(kinds(lost)).toEqual(['acknowledged', 'progress']);
    // That reply never arrived: the gateway starts anew and gets the very same answers.
    const again = await east.poll('', 0);
    expect(again.feedback).toEqual(lost.feedback);
    // A cursor that this desk never gave (its database was put back to an older state) confirms nothing.
    expect((await east.poll('999999', 0)).feedback).toEqual(lost.feedback);
    expect(kinds(await east.poll(again.cursor, 0))).toEqual([]);
    expect(kinds(await east.poll('', 0))).toEqual([]);
  });

  it('hands out unsent answers in the reply to a notice', async () => {
    const desk = await startDesk({ gateways: ['east', 'west'] });
    const officer = await desk.addUser('王', 'manager');
    const alertId = v7();
    await desk.gateway('east').send(noticeEvent('raised', { alertId, version: 1 }));
    await officer.answer(alertId, { kind: 'acknowledged' });
    const other = await desk.gateway('west').send(noticeEvent('raised', { alertId: v7(), version: 1 }));
    expect(other.json.feedback).toEqual([]);
    const reply = await desk.gateway('east').send(noticeEvent('updated', { alertId, version: 2 }));
    expect(reply.json.feedback).toMatchObject([{ alertId, kind: 'acknowledged', by: '王' }]);
    const next = await desk.gateway('east').send(noticeEvent('updated', { alertId, version: 3 }));
    expect(next.json.feedback).toEqual([]);
    // Nobody has said yet that it is stored.
    expect((await desk.gateway('east').poll('', 0)).feedback).toHaveLength(1);
  });

  it('gives an alert to exactly one of many officers who take it at once', async () => {
    const desk = await startDesk();
    const names = ['王', '李', '赵', '钱'];
    const officers = await Promise.all(names.map((name) => desk.addUser(name, 'manager')));
    for (let round = 0; round < 5; round += 1) {
      const alertId = v7();
      await desk.gateway('east').send(noticeEvent('raised', { alertId, version: 1 }));
      const results = await Promise.all(officers.map((officer) => officer.answer(alertId, { kind: 'acknowledged' })));
      const winner = names[results.findIndex(({ status }) => status === 200)]!;
      expect(results.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
      for (const { json } of results.filter(({ status }) => status === 409)) {
        expect(json.error).toEqual({ code: 'alert.not-allowed', message: `already taken by ${winner}` });
      }
      expect((await officers[0]!.get(`/api/alerts/${alertId}`)).json.owner).toBe(winner);
    }
    expect((await desk.gateway('east').poll('', 0)).feedback).toHaveLength(5);
  });

  it('hands on within seconds what was answered by another process', async () => {
    const desk = await startDesk();
    const alertId = v7();
    await desk.gateway('east').send(noticeEvent('raised', { alertId, version: 1 }));
    const waiting = desk.gateway('east').poll('', 25);
    await desk.tools(({ answers }) =>
      answers.give(alertId, '李', { id: v7(), kind: 'acknowledged', text: '', outcome: null }),
    );
    expect((await waiting).feedback).toMatchObject([{ alertId, kind: 'acknowledged', by: '李' }]);
    expect(await desk.lines()).toMatchObject([{ state: 'acknowledged', acknowledgedBy: '李' }]);
  });

  it('changes nothing when the same click arrives twice', async () => {
    const desk = await startDesk();
    const officer = await desk.addUser('王', 'manager');
    const alertId = v7();
    await desk.gateway('east').send(noticeEvent('raised', { alertId, version: 1 }));
    const click = { id: v7(), kind: 'acknowledged', text: '' };
    const replies = await Promise.all([1, 2, 3].map(() => officer.post(`/api/alerts/${alertId}/feedback`, click)));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await desk.gateway('east').poll('', 0)).feedback).toHaveLength(1);
    const otherAlert = v7();
    await desk.gateway('east').send(noticeEvent('raised', { alertId: otherAlert, version: 1 }));
    expect((await officer.post(`/api/alerts/${otherAlert}/feedback`, click)).json.error.code).toBe('request.invalid');
  });

  it('walks an alert through its life and refuses steps that do not fit', async () => {
    const desk = await startDesk();
    const officer = await desk.addUser('王', 'manager');
    const alertId = v7();
    await desk.gateway('east').send(noticeEvent('raised', { alertId, version: 1 }));
    const steps: [Record<string, unknown>, number, string][] = [
      [{ kind: 'revisit', text: '回访' }, 409, 'alert.not-allowed'],
      [{ kind: 'progress', text: '' }, 400, 'request.invalid'],
      [{ kind: 'outcome', text: '无火情' }, 400, 'request.invalid'],
      [{ kind: 'acknowledged' }, 200, 'acknowledged'],
      [{ kind: 'progress', text: '到达' }, 200, 'in-progress'],
      [{ kind: 'transferred', text: '转消防站' }, 200, 'transferred'],
      [{ kind: 'transferred', text: '转物业' }, 409, 'alert.not-allowed'],
      [{ kind: 'acknowledged' }, 200, 'acknowledged'],
      [{ kind: 'outcome', text: '已扑灭', outcome: 'true' }, 200, 'resolved'],
      [{ kind: 'outcome', text: '已扑灭', outcome: 'true' }, 409, 'alert.not-allowed'],
      [{ kind: 'progress', text: '补充' }, 200, 'resolved'],
      [{ kind: 'revisit', text: '回访' }, 200, 'revisited'],
      [{ kind: 'outcome', text: '误报', outcome: 'false-alarm' }, 200, 'false-alarm'],
      [{ kind: 'progress', text: '补充' }, 409, 'alert.not-allowed'],
    ];
    for (const [answer, status, wanted] of steps) {
      const { status: got, json } = await officer.answer(alertId, answer);
      expect([answer.kind, got, status === 200 ? json.state : json.error.code]).toEqual([answer.kind, status, wanted]);
    }
    const { items } = (await officer.get('/api/alerts?state=open')).json as { items: unknown[] };
    expect(items).toEqual([]);
    expect((await officer.answer(v7(), { kind: 'acknowledged' })).json.error.code).toBe('alert.unknown');
    const { feedback } = await desk.gateway('east').poll('', 0);
    expect(feedback.map(({ kind }: Json) => kind as string)).toEqual([
      'acknowledged',
      'progress',
      'transferred',
      'acknowledged',
      'outcome',
      'progress',
      'revisit',
      'outcome',
    ]);
    expect(feedback.filter(({ kind }: Json) => kind === 'outcome')).toMatchObject([
      { outcome: 'true' },
      { outcome: 'false-alarm' },
    ]);
  });

  it('lets an answer given here stand until the gateway, having it, says otherwise', async () => {
    const desk = await startDesk();
    const east = desk.gateway('east');
    const officer = await desk.addUser('王', 'manager');
    const alertId = v7();
    const shown = async (): Promise<unknown[]> => {
      const { json } = await officer.get(`/api/alerts/${alertId}`);
      return [json.state as unknown, json.owner as unknown, json.acknowledgedAt !== null];
    };
    await east.send(noticeEvent('raised', { alertId, version: 1 }));
    await officer.answer(alertId, { kind: 'acknowledged' });
    // Made before the gateway had the answer: it must not take it back.
    await east.send(noticeEvent('updated', { alertId, version: 2, state: 'delivered' }));
    expect(await shown()).toEqual(['acknowledged', '王', true]);
    // The gateway has it now, and the tier rises: somebody has to acknowledge again.
    const { cursor } = await east.poll('', 0);
    await east.poll(cursor, 0);
    const raised = noticeEvent('escalated', {
      alertId,
      version: 3,
      state: 'raised',
      owner: '王',
      at: new Date(Date.now() + 5),
    });
    await east.send({ ...raised, data: { ...raised.data, news: { ...raised.data.news, kind: 'tier-raised' } } });
    expect(await shown()).toEqual(['raised', '王', false]);
    expect((await desk.lines())[0]).toMatchObject({ state: 'raised', acknowledgedBy: null, shownCount: 1 });
    expect((await officer.answer(alertId, { kind: 'acknowledged' })).status).toBe(200);
    // Somebody else closes it.
    await east.send(noticeEvent('closed', { alertId, version: 4, state: 'closed', owner: '王' }));
    expect((await shown())[0]).toBe('closed');
  });

  it('takes the same steps as the gateway does', () => {
    const stepOf: Record<string, Step> = {
      acknowledged: 'acknowledge',
      progress: 'progress',
      transferred: 'transfer',
      revisit: 'revisit',
      'outcome true': 'resolve',
      'outcome drill': 'resolve',
      'outcome false-alarm': 'dismiss',
    };
    const answers = feedbackKinds.flatMap((kind): { kind: FeedbackKind; outcome: Outcome | null }[] =>
      kind === 'outcome'
        ? (['true', 'drill', 'false-alarm'] as const).map((outcome) => ({ kind, outcome }))
        : [{ kind, outcome: null }],
    );
    for (const state of alertStates) {
      for (const { kind, outcome } of answers) {
        const step = stepOf[outcome === null ? kind : `${kind} ${outcome}`]!;
        expect([state, step, stateAfterAnswer(state, kind, outcome)]).toEqual([state, step, stateAfter(state, step)]);
      }
    }
  });

  it('refuses polls that are not signed by that gateway', async () => {
    const desk = await startDesk({ gateways: ['east', 'west'] });
    const officer = await desk.addUser('王', 'manager');
    const alertId = v7();
    await desk.gateway('east').send(noticeEvent('raised', { alertId, version: 1 }));
    await officer.answer(alertId, { kind: 'acknowledged' });
    const target = '/feedback/east?after=&waitS=0&source=x';
    const foreign = desk.gateway('west').webhook;
    const headers = (signedTarget: string) => ({
      'webhook-id': 'poll-1',
      'webhook-timestamp': String(Math.floor(Date.now() / 1000)),
      'webhook-signature': foreign.sign('poll-1', new Date(), signedTarget),
    });
    const statuses = [
      (await fetch(desk.url + target, { headers: headers(target) })).status,
      (await fetch(desk.url + target)).status,
      (await fetch(`${desk.url}/feedback/north?after=`, { headers: headers('/feedback/north?after=') })).status,
    ];
    expect(statuses).toEqual([401, 401, 404]);
    // West's own line is empty, whatever it asks for.
    expect((await desk.gateway('west').poll('', 0)).feedback).toEqual([]);
    expect((await desk.gateway('east').poll('', 0)).feedback).toHaveLength(1);
  });

  it('ends an older poll when the gateway asks anew, and any poll when the desk stops', async () => {
    const desk = await startDesk();
    const east = desk.gateway('east');
    const first = east.poll('', 25);
    await until(async () => ((await fetch(`${desk.url}/health`)).status === 200 ? true : null));
    let second = east.poll('', 25);
    expect((await Promise.race([first, second])).feedback).toEqual([]);
    second = second.catch(() => ({ status: 0, feedback: [], cursor: '', verified: false, json: null }));
    const stoppedWithin = performance.now();
    await desk.desk.stop();
    await second;
    expect(performance.now() - stoppedWithin).toBeLessThan(5000);
  });
});
