// The page at /: puts its parts together, and shows the one that the session's state asks for.

import './style/base.css';
import './style/page.css';

import { Account } from './account.ts';
import { browserClock } from './clock.ts';
import { byId } from './dom.ts';
import { Entry } from './entry.ts';
import { sharedLock } from './lock.ts';
import { RetryKeys } from './retry_key.ts';
import { Rounds } from './rounds.ts';
import { Session, type State } from './session.ts';
import { shelf } from './shelf.ts';
import { broadcastTabs } from './tabs.ts';
import { connect } from './wire.ts';

const auth = connect(location.origin);
const session = new Session({
  auth,
  lock: sharedLock(),
  keys: new RetryKeys(shelf(), (bytes) => crypto.getRandomValues(bytes)),
  tabs: broadcastTabs(),
  clock: browserClock,
});
const entry = new Entry(session);
const account = new Account(auth, session, browserClock.now);
const rounds = new Rounds(browserClock, () => account.keepUp());
const starting = byId('starting', HTMLElement);
const trouble = byId('starting-trouble', HTMLElement);

let before: State['kind'] = 'starting';

function show(state: State): void {
  starting.hidden = state.kind !== 'starting';
  if (state.kind !== 'signed-out') entry.hide();
  if (state.kind !== 'signed-in') account.hide();
  switch (state.kind) {
    case 'starting':
      trouble.textContent = state.trouble === '' ? '' : `${state.trouble} Trying again …`;
      break;
    case 'signed-out':
      entry.show(state.sentence, before === 'signed-in');
      break;
    case 'signed-in':
      account.show(state.held);
      break;
  }
  before = state.kind;
  pace();
}

/** A page that nobody looks at asks nothing. */
function pace(): void {
  if (session.state.kind === 'signed-in' && document.visibilityState === 'visible') rounds.start();
  else rounds.stop();
}

async function wake(): Promise<void> {
  await session.wake();
  if (session.state.kind === 'signed-in') await account.look();
}

session.watch(show);
document.addEventListener('visibilitychange', () => {
  pace();
  if (document.visibilityState === 'visible') void wake();
});
window.addEventListener('online', () => void session.wake());
void session.start();
