import { beforeEach, describe, expect, test } from 'vitest';

import { EVERY_MS, Rounds } from '../src/rounds.ts';
import { ManualClock, settle } from './browser.ts';

let clock: ManualClock;
let looks: number;
let slow: Promise<void>;
let rounds: Rounds;

beforeEach(() => {
  clock = new ManualClock();
  looks = 0;
  slow = Promise.resolve();
  rounds = new Rounds(clock, () => {
    looks += 1;
    return slow;
  });
});

describe('a page that is looked at', () => {
  test('looks again every 15 s, however often it is told to begin', async () => {
    rounds.start();
    rounds.start();
    await clock.pass(EVERY_MS - 1);
    expect(looks).toBe(0);
    await clock.pass(1);
    expect(looks).toBe(1);
    await clock.pass(3 * EVERY_MS);
    expect(looks).toBe(4);
  });

  test('does not ask again before it was answered', async () => {
    let answer = (): void => undefined;
    slow = new Promise((done) => (answer = done));
    rounds.start();
    await clock.pass(5 * EVERY_MS);
    expect(looks).toBe(1);
    answer();
    await settle();
    await clock.pass(EVERY_MS);
    expect(looks).toBe(2);
  });

  test('asks nothing once it is out of sight', async () => {
    rounds.start();
    await clock.pass(EVERY_MS);
    rounds.stop();
    await clock.pass(10 * EVERY_MS);
    expect(looks).toBe(1);
    expect(clock.next).toBeUndefined();
  });

  test('has one pace, even if it was away while it waited for an answer', async () => {
    let answer = (): void => undefined;
    slow = new Promise((done) => (answer = done));
    rounds.start();
    await clock.pass(EVERY_MS);
    rounds.stop();
    rounds.start();
    answer();
    await settle();
    await clock.pass(2 * EVERY_MS);
    expect(looks).toBe(3);
  });
});
