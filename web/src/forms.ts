// Owns what all forms do: no second click while one is under way, an error beside the field that it is about, and
// everything else in the form's own line. What a form sends is its owner's.

import { Refusal } from './refusal.ts';

export type Values = Readonly<Record<string, string>>;

export class Form {
  private readonly button: HTMLButtonElement;
  private readonly line: HTMLElement;
  private busy = false;

  /** `send` throws a [`Refusal`] that names fields as the form's inputs are named. */
  constructor(
    private readonly form: HTMLFormElement,
    private readonly send: (values: Values) => Promise<void>,
  ) {
    this.button = within(form, HTMLButtonElement, 'button[type=submit]');
    this.line = within(form, HTMLElement, '.form-line');
    form.noValidate = true;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.submit();
    });
    for (const input of this.inputs()) {
      input.addEventListener('input', () => this.mark(input, ''));
      revealer(input);
    }
  }

  /** What went well, in the form's own line. */
  praise(sentence: string): void {
    this.say(sentence);
    this.line.classList.add('form-line-done');
  }

  reset(): void {
    this.form.reset();
    this.clear();
    for (const input of this.inputs()) conceal(input);
  }

  private say(sentence: string): void {
    this.line.classList.remove('form-line-done');
    this.line.textContent = sentence;
  }

  private async submit(): Promise<void> {
    if (this.busy) return;
    this.clear();
    const empty = this.inputs().filter((input) => input.required && input.value === '');
    for (const input of empty) this.mark(input, 'This is needed.');
    if (empty[0]) return empty[0].focus();
    this.setBusy(true);
    try {
      await this.send(Object.fromEntries(this.inputs().map((input) => [input.name, input.value])));
    } catch (thrown) {
      this.refuse(Refusal.from(thrown));
    } finally {
      this.setBusy(false);
    }
  }

  private refuse(refusal: Refusal): void {
    const wrong = this.inputs().filter((input) => refusal.fields.has(input.name));
    for (const input of wrong) this.mark(input, refusal.fields.get(input.name) ?? '');
    if (wrong[0]) wrong[0].focus();
    else this.say(refusal.sentence);
  }

  private mark(input: HTMLInputElement, sentence: string): void {
    if (sentence === '') input.removeAttribute('aria-invalid');
    else input.setAttribute('aria-invalid', 'true');
    const line = document.getElementById(`${input.id}-said`);
    if (line) line.textContent = sentence;
  }

  private clear(): void {
    this.say('');
    for (const input of this.inputs()) this.mark(input, '');
  }

  // Not `disabled`: that would take the focus from whoever pressed it by keyboard.
  private setBusy(busy: boolean): void {
    this.busy = busy;
    this.form.setAttribute('aria-busy', String(busy));
    this.button.setAttribute('aria-disabled', String(busy));
  }

  private inputs(): HTMLInputElement[] {
    return Array.from(this.form.querySelectorAll('input'));
  }
}

function within<T extends HTMLElement>(form: HTMLFormElement, kind: new () => T, selector: string): T {
  const found = form.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`the form #${form.id} has no ${selector}`);
  return found;
}

/** The button that shows a password as it is typed. */
function revealer(input: HTMLInputElement): void {
  const button = document.querySelector(`button[aria-controls="${input.id}"]`);
  button?.addEventListener('click', () => {
    const shown = input.type === 'text';
    input.type = shown ? 'password' : 'text';
    button.setAttribute('aria-pressed', String(!shown));
  });
}

function conceal(input: HTMLInputElement): void {
  const button = document.querySelector(`button[aria-controls="${input.id}"]`);
  if (button === null) return;
  input.type = 'password';
  button.setAttribute('aria-pressed', 'false');
}
