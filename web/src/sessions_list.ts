// Owns the list of the user's sessions, and how they are ended.

import type { Session as Listed } from './gen/auth/v1/auth_service_pb.ts';

import { byId, make } from './dom.ts';
import { Refusal } from './refusal.ts';
import type { Session } from './session.ts';
import { ago, dayAndTime } from './times.ts';
import { called } from './user_agent.ts';
import type { Auth } from './wire.ts';

/** What is on the page of a session, and the part of it that changes. */
interface Row {
  readonly element: HTMLLIElement;
  readonly when: HTMLElement;
}

export class SessionsList {
  private readonly heading = byId('sessions-heading', HTMLElement);
  private readonly list = byId('sessions', HTMLUListElement);
  private readonly others = byId('end-others', HTMLButtonElement);
  private readonly said = byId('sessions-said', HTMLElement);
  private rows = new Map<string, Row>();
  private asked = 0;

  constructor(
    private readonly auth: Auth,
    private readonly session: Session,
    private readonly now: () => number,
  ) {
    this.others.addEventListener('click', () => void this.act(() => this.endOthers()));
  }

  /** Asks the server again. A session of ours that was ended elsewhere is noticed by this. */
  async load(): Promise<void> {
    this.asked += 1;
    const asked = this.asked;
    const { sessions } = await this.session.call((headers) => this.auth.listSessions({}, { headers }));
    // Only the answer to the last question is shown.
    if (asked === this.asked) this.show(sessions);
  }

  say(sentence: string): void {
    this.said.textContent = sentence;
  }

  clear(): void {
    this.asked += 1;
    this.show([]);
    this.say('');
  }

  /**
   * Rows that are there already stay: whoever is about to press a button, or has the focus on it, finds it where it was.
   */
  private show(sessions: readonly Listed[]): void {
    const focused = this.list.contains(document.activeElement);
    const before = this.rows;
    this.rows = new Map();
    const shown = sessions.map((session) => {
      const row = before.get(identity(session)) ?? this.row(session);
      row.when.textContent = this.when(session);
      this.rows.set(identity(session), row);
      return row.element;
    });
    for (const [key, { element }] of before) if (!this.rows.has(key)) element.remove();
    shown.forEach((element, place) => {
      const there = this.list.children[place] ?? null;
      if (there !== element) this.list.insertBefore(element, there);
    });
    if (focused && !this.list.contains(document.activeElement)) this.heading.focus();
    this.others.hidden = sessions.filter(({ current }) => !current).length === 0;
  }

  private when({ createTime, lastUseTime, expireTime }: Listed): string {
    return `Opened ${dayAndTime(createTime)}, used ${ago(lastUseTime, this.now())}, ends ${dayAndTime(expireTime)}`;
  }

  private row(session: Listed): Row {
    const name = called(session.userAgent);
    const opened = dayAndTime(session.createTime);
    const when = make('div', { class: 'session-when' });
    const element = make(
      'li',
      { class: session.current ? 'session session-current' : 'session' },
      make(
        'div',
        { class: 'session-who' },
        make('strong', { title: session.userAgent }, name),
        make('span', { class: 'session-peer' }, session.peer === '' ? '' : `from ${session.peer}`),
      ),
      when,
      session.current ? make('span', { class: 'badge' }, 'This one') : this.endButton(session, `${name}, opened ${opened}`),
    );
    return { element, when };
  }

  private endButton({ sessionId }: Listed, name: string): HTMLButtonElement {
    const button = make('button', { type: 'button', class: 'quiet', 'aria-label': `End the session of ${name}` }, 'End');
    button.addEventListener('click', () => void this.act(() => this.end(sessionId)));
    return button;
  }

  private async end(sessionId: string): Promise<string> {
    try {
      await this.session.call((headers) => this.auth.revokeSession({ sessionId }, { headers }));
    } catch (thrown) {
      // It is over, as was asked for; the list was old.
      if (Refusal.from(thrown).reason !== 'SESSION_NOT_FOUND') throw thrown;
      return Refusal.from(thrown).sentence;
    }
    return 'The session was ended.';
  }

  private async endOthers(): Promise<string> {
    const { revokedCount } = await this.session.call((headers) =>
      this.auth.revokeAllSessions({ keepCurrent: true }, { headers }),
    );
    return revokedCount === 1 ? 'One other session was ended.' : `${revokedCount} other sessions were ended.`;
  }

  private async act(work: () => Promise<string>): Promise<void> {
    try {
      this.say(await work());
      // The button that was pressed goes with its row.
      this.heading.focus();
      await this.load();
    } catch (thrown) {
      this.say(Refusal.from(thrown).sentence);
    }
  }
}

/** All of a session that its row shows but for the times. */
function identity({ sessionId, userAgent, peer, current }: Listed): string {
  return JSON.stringify([sessionId, userAgent, peer, current]);
}
