// Owns the list of the user's sessions, and how they are ended.

import type { Session as Listed } from './gen/auth/v1/auth_service_pb.ts';

import { byId, make } from './dom.ts';
import { Refusal } from './refusal.ts';
import type { Session } from './session.ts';
import { ago, dayAndTime } from './times.ts';
import { called } from './user_agent.ts';
import type { Auth } from './wire.ts';

export class SessionsList {
  private readonly heading = byId('sessions-heading', HTMLElement);
  private readonly list = byId('sessions', HTMLUListElement);
  private readonly others = byId('end-others', HTMLButtonElement);
  private readonly said = byId('sessions-said', HTMLElement);
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

  private show(sessions: readonly Listed[]): void {
    this.list.replaceChildren(...sessions.map((session) => this.row(session)));
    this.others.hidden = sessions.filter(({ current }) => !current).length === 0;
  }

  private row(session: Listed): HTMLLIElement {
    const name = called(session.userAgent);
    const opened = dayAndTime(session.createTime);
    return make(
      'li',
      { class: session.current ? 'session session-current' : 'session' },
      make(
        'div',
        { class: 'session-who' },
        make('strong', { title: session.userAgent }, name),
        make('span', { class: 'session-peer' }, session.peer === '' ? '' : `from ${session.peer}`),
      ),
      make(
        'div',
        { class: 'session-when' },
        `Opened ${opened}, used ${ago(session.lastUseTime, this.now())}, ends ${dayAndTime(session.expireTime)}`,
      ),
      session.current ? make('span', { class: 'badge' }, 'This one') : this.endButton(session, `${name}, opened ${opened}`),
    );
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
