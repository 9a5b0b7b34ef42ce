// Owns the part of the page for who is signed in: the greeting, and what it says of how the caller was authenticated.

import { timestampMs } from '@bufbuild/protobuf/wkt';

import { type Caller } from './gen/auth/v1/auth_service_pb.ts';

import { byId, make } from './dom.ts';
import { Form } from './forms.ts';
import type { Held } from './refresh.ts';
import { Refusal } from './refusal.ts';
import type { Session } from './session.ts';
import { SessionsList } from './sessions_list.ts';
import { timeOfDay } from './times.ts';
import type { Auth } from './wire.ts';

export class Account {
  private readonly section = byId('account', HTMLElement);
  private readonly masthead = byId('signed-in', HTMLElement);
  private readonly name = byId('signed-in-name', HTMLElement);
  private readonly greeting = byId('greeting', HTMLElement);
  private readonly said = byId('greeting-said', HTMLElement);
  private readonly facts = byId('facts', HTMLElement);
  private readonly username = byId('change-username', HTMLInputElement);
  private readonly passwordForm: Form;
  private readonly sessions: SessionsList;
  private sessionId = '';

  constructor(
    private readonly auth: Auth,
    private readonly session: Session,
    now: () => number,
  ) {
    this.sessions = new SessionsList(auth, session, now);
    this.passwordForm = new Form(byId('change-form', HTMLFormElement), async (values) => {
      await session.changePassword(values['current_password'] ?? '', values['new_password'] ?? '');
      this.passwordForm.reset();
      this.passwordForm.praise('The password was changed. Every other session was ended.');
    });
    byId('greet', HTMLButtonElement).addEventListener('click', () => void this.greetAgain(now));
    byId('sign-out', HTMLButtonElement).addEventListener('click', () => void this.signOut());
  }

  /** Shows the account that a token is for; nothing is asked if that is the one already shown. */
  show({ sessionId }: Held): void {
    this.section.hidden = false;
    this.masthead.hidden = false;
    if (this.sessionId === sessionId) return;
    this.sessionId = sessionId;
    this.passwordForm.reset();
    this.sessions.say('');
    void this.look();
  }

  hide(): void {
    this.section.hidden = true;
    this.masthead.hidden = true;
    this.sessionId = '';
    this.passwordForm.reset();
    this.sessions.clear();
    for (const element of [this.greeting, this.said, this.name]) element.textContent = '';
    this.facts.replaceChildren();
    this.username.value = '';
    document.title = 'Countersign';
  }

  /** Asks the server for all that is shown. */
  async look(): Promise<void> {
    await this.saying(async () => {
      await this.greet();
      await this.sessions.load();
    });
  }

  /** The list as it is by now, unasked. A session that was ended elsewhere is noticed by this, and signs out. */
  async keepUp(): Promise<void> {
    try {
      await this.sessions.load();
    } catch {
      // The session has said so, if it is over. Anything else is no answer to something that somebody did.
    }
  }

  private async greetAgain(now: () => number): Promise<void> {
    await this.saying(async () => {
      await this.greet();
      this.said.textContent = `Greeted at ${timeOfDay(now())}.`;
      await this.sessions.load();
    });
  }

  private async greet(): Promise<void> {
    const of = this.sessionId;
    const { message, caller } = await this.session.call((headers) => this.auth.greet({}, { headers }));
    // Signed out meanwhile, or somebody else is signed in.
    if (of !== this.sessionId || caller === undefined) return;
    const first = this.greeting.textContent === '';
    this.greeting.textContent = message;
    this.name.textContent = caller.username;
    this.username.value = caller.username;
    document.title = `${caller.username} · Countersign`;
    this.facts.replaceChildren(...factsOf(caller));
    if (first) this.greeting.focus();
  }

  private async signOut(): Promise<void> {
    await this.saying(() => this.session.signOut());
  }

  private async saying(work: () => Promise<void>): Promise<void> {
    this.said.textContent = '';
    try {
      await work();
    } catch (thrown) {
      // Where that has signed us out, the page says so.
      if (this.sessionId !== '') this.said.textContent = Refusal.from(thrown).sentence;
    }
  }
}

function factsOf(caller: Caller): Node[] {
  const facts: [string, string][] = [
    ['User', caller.userId],
    ['Roles', caller.roles.join(', ') || 'none'],
    ['Session', caller.sessionId],
    ['Token', caller.tokenId],
    ['Signed by', caller.keyId],
    ['Audience', caller.audience],
    ['Expires', caller.expireTime ? `${timeOfDay(timestampMs(caller.expireTime))}, renewed before that` : ''],
  ];
  return facts
    .filter(([, fact]) => fact !== '')
    .map(([name, fact]) => make('div', {}, make('dt', {}, name), make('dd', {}, fact)));
}
