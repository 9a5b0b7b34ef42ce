// Owns what the tabs of one browser tell each other. They share one cookie, so they are signed in and out together.
//
// The access token is told too: one refresh then serves all tabs, where each would otherwise rotate the refresh token for
// itself. Only pages of this origin hear it, and any script there could ask for a token of its own anyway. A tab that
// missed it loses nothing but a refresh: it makes its own, under the lock and with the key of then.

export type News =
  | { kind: 'signed-in'; at: number; token: string; sessionId: string; lifetimeMs: number; expiresAt: number }
  | { kind: 'signed-out'; at: number; sentence: string };

export interface Tabs {
  tell(news: News): void;
  listen(hear: (news: News) => void): void;
}

export function broadcastTabs(): Tabs {
  const channel = new BroadcastChannel('countersign.session');
  return {
    tell: (news) => channel.postMessage(news),
    listen: (hear) => channel.addEventListener('message', ({ data }) => hear(data as News)),
  };
}
