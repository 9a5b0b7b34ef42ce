// Owns the part of the page for who is signed out: sign in, or sign up and be signed in.

import { byId } from './dom.ts';
import { Form } from './forms.ts';
import type { Session } from './session.ts';

export class Entry {
  private readonly section = byId('entry', HTMLElement);
  private readonly notice = byId('entry-notice', HTMLElement);
  private readonly doors = ['sign-in', 'sign-up'].map((name) => byId(name, HTMLElement));
  private readonly forms: readonly Form[];

  constructor(session: Session) {
    this.forms = [
      new Form(byId('sign-in-form', HTMLFormElement), ({ username = '', password = '' }) =>
        session.signIn(username, password),
      ),
      new Form(byId('sign-up-form', HTMLFormElement), ({ username = '', password = '' }) =>
        session.signUp(username, password),
      ),
    ];
    byId('to-sign-up', HTMLButtonElement).addEventListener('click', () => this.open('sign-up'));
    byId('to-sign-in', HTMLButtonElement).addEventListener('click', () => this.open('sign-in'));
  }

  /** `focus` where the part that had it is gone; who has only just come keeps it where the browser put it. */
  show(sentence: string, focus: boolean): void {
    this.notice.textContent = sentence;
    if (!this.section.hidden) return;
    this.section.hidden = false;
    this.turnTo('sign-in');
    if (focus) byId('sign-in-username', HTMLInputElement).focus();
  }

  hide(): void {
    this.section.hidden = true;
    // No password stays behind in a field that nobody sees.
    for (const form of this.forms) form.reset();
  }

  private open(name: string): void {
    this.notice.textContent = '';
    const typed = this.doors.find((door) => !door.hidden)?.querySelector('input')?.value ?? '';
    this.turnTo(name);
    const username = byId(`${name}-username`, HTMLInputElement);
    username.value = typed;
    username.focus();
    username.select();
  }

  private turnTo(name: string): void {
    for (const door of this.doors) door.hidden = door.id !== name;
  }
}
