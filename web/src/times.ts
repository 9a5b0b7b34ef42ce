// Owns how moments are written.

import { type Timestamp, timestampMs } from '@bufbuild/protobuf/wkt';

// The page is in English; of the reader's languages only another kind of English changes how it writes dates.
const LANGUAGE = navigator.language.startsWith('en') ? navigator.language : 'en-GB';

const day = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: 'medium', timeStyle: 'short' });
const clock = new Intl.DateTimeFormat(LANGUAGE, { timeStyle: 'medium' });
const distance = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: 'auto' });

export function dayAndTime(time: Timestamp | undefined): string {
  return time === undefined ? 'unknown' : day.format(timestampMs(time));
}

export function timeOfDay(ms: number): string {
  return clock.format(ms);
}

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;

/** As `3 minutes ago`, to the minute. */
export function ago(time: Timestamp | undefined, now: number): string {
  if (time === undefined) return 'unknown';
  const ms = timestampMs(time) - now;
  for (const [unit, length] of UNITS) {
    if (Math.abs(ms) >= length) return distance.format(Math.trunc(ms / length), unit);
  }
  return 'just now';
}
